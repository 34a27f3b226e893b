"""IKE_AUTH as its initiator: what a refusal tells, and what a false responder gains."""

from dataclasses import replace

import pytest

from ikecore.actions import ChildClosed, ChildEstablished, Established, Failed, Reason
from ikecore.diagnosis import NOT_TOLD, Code
from ikecore.events import CloseWanted
from ikecore.identities import Identity
from ikecore.proposals import Proposal
from ikev2.message import Exchange
from ikev2.payloads.auth import Authentication, AuthMethod
from ikev2.payloads.chain import Payload
from ikev2.payloads.ident import IdResponder
from ikev2.payloads.notify import Notify
from ikev2.payloads.sa import SecurityAssociation
from ikev2.payloads.ts import SelectorsInitiator, SelectorsResponder
from ikev2.payloads.types import NotifyType
from policy.selectors import TrafficSelector
from tests.ikev2.forger import Forger
from tests.ikev2.network import Network, profile, selectors


def failed(net: Network) -> Failed:
    """Return the one failure that moon, the initiator, came to."""
    (one,) = net.seen(Failed, "moon")
    assert one.connection == "net"
    assert one.initiator
    return one


def assert_up_without_child(net: Network) -> None:
    """Both ends hold the IKE SA, neither a child nor an SPI for one."""
    assert net.pairs("moon") == net.pairs("sun")
    assert len(net.up("moon")) == 1
    assert net.seen(ChildEstablished, "moon") == []
    assert not any(host.children for host in net.hosts.values())
    net.assert_mirrored()


@pytest.mark.parametrize("cause", ["psk", "identity", "wanted responder", "no key"])
def test_a_refused_authentication_names_key_and_identity_and_no_more(cause: str) -> None:
    net = Network()
    match cause:
        case "psk":
            net.hosts["sun"].psk = b"another"
        case "identity":
            net.configure("sun", profile("sun", remote_id=Identity.parse("mars.lab")))
        case "wanted responder":
            net.configure("sun", profile("sun", local_id=Identity.parse("venus.lab")))
        case _:
            net.hosts["sun"].has_key = False
    net.initiate("moon")
    # IKE_AUTH { IDi IDr AUTH SA TSi TSr } ──►
    #                                      ◄── IKE_AUTH { N(AUTHENTICATION_FAILED) }
    assert net.story("moon")[-1] == "< IKE_AUTH 1 N(AUTHENTICATION_FAILED)"
    diagnosis = failed(net).diagnosis
    assert (diagnosis.stage, diagnosis.code) == (1, Code.AUTH_REFUSED_BY_PEER)
    assert not diagnosis.certain
    assert [f.code for f in diagnosis.findings] == [Code.PSK_MISMATCH, Code.PEER_IDENTITY_MISMATCH]
    assert [f.theirs for f in diagnosis.findings] == [NOT_TOLD, NOT_TOLD]
    assert "moon.lab" in diagnosis.findings[1].ours
    assert net.seen(Established, "moon") == []
    net.assert_gone()


def test_without_a_key_of_our_own_nothing_is_sent() -> None:
    net = Network()
    net.hosts["moon"].has_key = False
    net.initiate("moon")
    assert failed(net).diagnosis.code == Code.KEY_MISSING
    assert failed(net).diagnosis.certain
    assert "> IKE_AUTH" not in "\n".join(net.story("moon"))
    net.sleep(60)
    net.assert_gone()


def test_no_answer_to_ike_auth_is_told_apart_from_no_answer_at_all() -> None:
    net = Network()
    net.lose = lambda _: len(net.wire) > 2
    net.initiate("moon")
    net.sleep(11)
    diagnosis = failed(net).diagnosis
    assert diagnosis.code == Code.PEER_NO_RESPONSE
    assert "IKE_AUTH" in diagnosis.evidence
    net.sleep(60)
    net.assert_gone()


@pytest.mark.parametrize(
    ("sun", "code", "stage"),
    [
        ({"esp": ("aes256gcm16",)}, Code.PROPOSAL_REFUSED_BY_PEER, 2),
        ({"local_ts": selectors("10.9.0.0/24")}, Code.TS_MISMATCH, 2),
        ({"remote_ts": selectors("10.9.0.0/24")}, Code.TS_MISMATCH, 2),
    ],
)
def test_a_refused_child_is_a_failure_of_stage_2_and_the_ike_sa_stays(
    sun: dict[str, object], code: Code, stage: int
) -> None:
    net = Network(sun=profile("sun", **sun))  # type: ignore[arg-type]  # fields by name
    net.initiate("moon")
    # IKE_AUTH { … } ──►    ◄── IKE_AUTH { IDr AUTH N(…) }    and nothing follows
    diagnosis = failed(net).diagnosis
    assert (diagnosis.code, diagnosis.stage) == (code, stage)
    assert {f.theirs for f in diagnosis.findings} == {NOT_TOLD}
    assert diagnosis.proven
    assert failed(net).child == profile("moon").children[0]
    assert len(net.wire) == 4
    assert_up_without_child(net)


class FalseSun:
    """Sun's keys, but another's words: sun's own answer never arrives."""

    def __init__(self) -> None:
        self.net = Network()
        self.net.lose = lambda _: len(self.net.wire) == 4
        self.net.initiate("moon")
        self.net.lose = lambda _: False
        self.forger = Forger(self.net, "sun", initiator=False)
        self.true = self.net.hosts["moon"]
        real = self.net.wire[3].data
        self.payloads = Forger(self.net, "moon", initiator=True).hear(real).payloads

    def answer(self, *payloads: Payload) -> None:
        said = self.forger.say(1, *payloads, exchange=Exchange.IKE_AUTH, response=True)
        self.net.inject("moon", said)
        self.net.settle()

    def but(self, *changed: Payload) -> None:
        """Answer what sun had said, with some payloads changed."""
        kinds = {type(payload): payload for payload in changed}
        self.answer(*(kinds.get(type(payload), payload) for payload in self.payloads))


def test_the_true_answer_is_taken() -> None:
    sun = FalseSun()
    sun.but()
    sun.net.assert_connected()


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        (IdResponder(Identity.parse("mars.lab")), Code.PEER_IDENTITY_MISMATCH),
        (IdResponder(Identity.parse("sun.lab"), b"\0\0\1"), Code.PSK_MISMATCH),
        (Authentication(AuthMethod.SHARED_KEY, bytes(32)), Code.PSK_MISMATCH),
        (Authentication(AuthMethod.SHARED_KEY, b""), Code.PSK_MISMATCH),
        (Authentication(AuthMethod.NULL, bytes(32)), Code.PSK_MISMATCH),
    ],
)
def test_a_responder_that_does_not_prove_itself_is_told_so_and_left(
    changed: Payload, code: Code
) -> None:
    # ◄── IKE_AUTH { IDr AUTH(wrong) … }
    # INFORMATIONAL { N(AUTHENTICATION_FAILED) } ──►        section 2.21.2
    sun = FalseSun()
    sun.but(changed)
    diagnosis = failed(sun.net).diagnosis
    assert diagnosis.code == code
    assert "> INFORMATIONAL 2 N(AUTHENTICATION_FAILED)" in sun.net.story("moon")
    assert sun.net.seen(Established, "moon") == []
    assert sun.net.codes("sun") == [Code.AUTH_REFUSED_BY_PEER]
    sun.net.assert_gone()


def test_another_method_with_the_right_octets_is_not_taken() -> None:
    sun = FalseSun()
    (auth,) = [p for p in sun.payloads if isinstance(p, Authentication)]
    sun.but(replace(auth, method=AuthMethod.RSA_SIGNATURE))
    assert failed(sun.net).diagnosis.code == Code.PSK_MISMATCH


def offered(text: str, spi: bytes, count: int = 1) -> SecurityAssociation:
    (proposal,) = profile("moon", esp=(text,)).esp_proposals
    made = [Proposal(3, proposal.transforms, spi, n) for n in range(1, count + 1)]
    return SecurityAssociation(tuple(made))


WIDE = TrafficSelector.from_cidr("10.0.0.0/8")


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        (offered("aes256gcm16", b"\xc0\0\0\1"), Code.ESP_PROPOSAL_MISMATCH),
        (offered("aes128gcm16", b"\xc0\0\0\1", count=2), Code.ESP_PROPOSAL_MISMATCH),
        (offered("aes128gcm16", b"\0\0\0\1"), Code.ESP_PROPOSAL_MISMATCH),
        (SelectorsInitiator((WIDE,)), Code.TS_MISMATCH),
        (SelectorsResponder((WIDE,)), Code.TS_MISMATCH),
        (SelectorsResponder(selectors("10.2.0.0/24", "10.9.0.0/24")), Code.TS_MISMATCH),
    ],
)
def test_a_child_that_is_not_within_our_offer_is_not_installed(
    changed: Payload, code: Code
) -> None:
    sun = FalseSun()
    sun.but(changed)
    diagnosis = failed(sun.net).diagnosis
    # INFORMATIONAL { D(the SPI we offered) } ──►     the responder believes that it has a child
    # ◄── INFORMATIONAL { D(its own) }
    assert (diagnosis.code, diagnosis.stage) == (code, 2)
    assert diagnosis.findings[0].theirs != NOT_TOLD
    assert failed(sun.net).child == profile("moon").children[0]
    assert sun.net.story("moon")[-2:] == ["> INFORMATIONAL 2 D(1)", "< INFORMATIONAL 2 D(1)"]
    assert [c.reason for c in sun.net.seen(ChildClosed, "sun")] == [Reason.PEER_DELETED]
    assert_up_without_child(sun.net)


ENDING = (
    NotifyType.INVALID_SYNTAX,
    NotifyType.AUTHENTICATION_FAILED,
    NotifyType.UNSUPPORTED_CRITICAL_PAYLOAD,
)


@pytest.mark.parametrize(
    ("kind", "code", "stage"),
    [
        (NotifyType.NO_PROPOSAL_CHOSEN, Code.PROPOSAL_REFUSED_BY_PEER, 2),
        (NotifyType.TS_UNACCEPTABLE, Code.TS_MISMATCH, 2),
        (NotifyType.SINGLE_PAIR_REQUIRED, Code.TS_MISMATCH, 2),
        (NotifyType.NO_ADDITIONAL_SAS, Code.LIMIT_REACHED, 2),
        (NotifyType.INTERNAL_ADDRESS_FAILURE, Code.PEER_ERROR, 2),
        (NotifyType.INVALID_SYNTAX, Code.INVALID_SYNTAX, 1),
        (NotifyType.AUTHENTICATION_FAILED, Code.AUTH_REFUSED_BY_PEER, 1),
        (NotifyType.UNSUPPORTED_CRITICAL_PAYLOAD, Code.PEER_ERROR, 1),
        (8192, Code.PEER_ERROR, 1),
    ],
)
@pytest.mark.parametrize("authenticated", [True, False])
def test_each_error_notify_has_its_diagnosis(
    kind: int, code: Code, stage: int, authenticated: bool
) -> None:
    sun = FalseSun()
    proof = [p for p in sun.payloads if isinstance(p, IdResponder | Authentication)]
    sun.answer(*(proof if authenticated else ()), Notify(kind))
    diagnosis = failed(sun.net).diagnosis
    # beside a good AUTH an error speaks of the child alone, but for those of section 2.21.2
    stays = authenticated and kind not in ENDING
    assert (diagnosis.code, diagnosis.stage) == (code, 2 if stays else stage)
    assert "in the answer to IKE_AUTH" in diagnosis.evidence
    assert sun.net.hosts["moon"].children == {}
    assert len(sun.net.up("moon")) == stays
    assert (failed(sun.net).child is not None) == stays


@pytest.mark.parametrize("missing", [IdResponder, Authentication, SecurityAssociation])
def test_an_answer_that_lacks_a_payload_ends_the_try_with_a_diagnosis(
    missing: type[Payload],
) -> None:
    sun = FalseSun()
    sun.answer(*(p for p in sun.payloads if not isinstance(p, missing)))
    assert failed(sun.net).diagnosis.code == Code.INVALID_SYNTAX
    assert sun.net.up("moon") == []
    assert sun.net.hosts["moon"].children == {}


def test_only_narrower_selectors_are_taken_and_told() -> None:
    sun = FalseSun()
    sun.but(SelectorsResponder(selectors("10.2.0.128/25")))
    (child,) = sun.net.seen(ChildEstablished, "moon")
    assert child.narrowed
    assert child.remote_ts == selectors("10.2.0.128/25")


def test_a_status_notify_nobody_knows_is_no_error() -> None:
    sun = FalseSun()
    sun.answer(Notify(50_000), *sun.payloads)
    sun.net.assert_connected()


def test_a_failed_try_gives_its_spi_back() -> None:
    net = Network()
    net.lose = lambda send: send.data[18] == Exchange.IKE_AUTH
    for _ in range(3):
        net.initiate("moon")
        assert len(net.hosts["moon"].spis.owed) == 1
        net.sleep(15)
        assert net.hosts["moon"].spis.owed == set()
    assert net.codes("moon") == [Code.PEER_NO_RESPONSE] * 3


def test_a_try_given_up_by_the_operator_gives_its_spi_back() -> None:
    net = Network()
    net.lose = lambda send: send.data[18] == Exchange.IKE_AUTH
    net.initiate("moon")
    net.tell("moon", CloseWanted(net.wire[0].data[:8]))
    net.sleep(15)
    assert net.hosts["moon"].spis.owed == set()
