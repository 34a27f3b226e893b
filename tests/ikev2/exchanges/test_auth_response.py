"""IKE_AUTH as its responder: it knows the cause, tells the operator, and a stranger nothing."""

import pytest

from ikecore.actions import Authorize, ChildEstablished, Closed, Established, Failed, Reason
from ikecore.diagnosis import Code
from ikecore.events import Authorized, Refused
from ikecore.identities import Identity
from ikecore.profile import Profile
from ikecore.proposals import Protocol
from ikev2.message import Exchange
from ikev2.payloads.auth import Authentication
from ikev2.payloads.chain import Payload
from ikev2.payloads.ident import IdInitiator, IdResponder
from ikev2.payloads.notify import Notify
from ikev2.payloads.sa import SecurityAssociation
from ikev2.payloads.ts import SelectorsInitiator, SelectorsResponder
from ikev2.payloads.types import NotifyType
from ikev2.payloads.unknown import Unknown
from suites.secret import Secret
from tests.ikev2.forger import Forger
from tests.ikev2.network import Network, profile, selectors


def failed(net: Network) -> Failed:
    """Return the one failure that sun, the responder, came to."""
    (one,) = net.seen(Failed, "sun")
    assert not one.initiator
    assert one.diagnosis.certain
    return one


def told(net: Network) -> str:
    """Return sun's answer to IKE_AUTH."""
    return next(line for line in net.story("sun") if line.startswith("> IKE_AUTH"))


def test_the_wrong_key_is_named() -> None:
    net = Network()
    net.hosts["moon"].psk = b"a shared secret of the lab\n"
    net.initiate("moon")
    assert failed(net).diagnosis.code == Code.PSK_MISMATCH
    assert failed(net).connection == "net"
    assert told(net) == "> IKE_AUTH 1 N(AUTHENTICATION_FAILED)"
    net.assert_gone()


def test_a_strange_identity_is_named() -> None:
    net = Network(profile("moon", local_id=Identity.parse("mars.lab")))
    net.initiate("moon")
    (finding,) = failed(net).diagnosis.findings
    assert finding.code == Code.PEER_IDENTITY_MISMATCH
    assert (finding.ours, finding.theirs) == ("expected moon.lab", "sent mars.lab")
    assert failed(net).connection == "net"
    assert told(net) == "> IKE_AUTH 1 N(AUTHENTICATION_FAILED)"
    net.assert_gone()


def test_an_identity_of_another_type_is_a_strange_one() -> None:
    net = Network(profile("moon", local_id=Identity.parse("keyid:moon.lab")))
    net.initiate("moon")
    assert failed(net).diagnosis.findings[0].theirs == "sent keyid:moon.lab"


def test_being_taken_for_somebody_else_is_named() -> None:
    net = Network(profile("moon", remote_id=Identity.parse("venus.lab")))
    net.initiate("moon")
    (finding,) = failed(net).diagnosis.findings
    assert finding.code == Code.PEER_IDENTITY_MISMATCH
    assert (finding.ours, finding.theirs) == ("we are sun.lab", "takes us for venus.lab")


def test_a_missing_key_is_named() -> None:
    net = Network()
    net.hosts["sun"].has_key = False
    net.initiate("moon")
    assert failed(net).diagnosis.code == Code.KEY_MISSING
    assert told(net) == "> IKE_AUTH 1 N(AUTHENTICATION_FAILED)"


@pytest.mark.parametrize(
    ("moon", "sun", "code", "texts"),
    [
        (
            {"esp": ("aes256gcm16",)},
            {},
            Code.ESP_PROPOSAL_MISMATCH,
            ("aes128gcm16", "aes256gcm16"),
        ),
        (
            {"local_ts": selectors("10.8.0.0/24")},
            {},
            Code.TS_MISMATCH,
            ("10.2.0.0/24 === 10.1.0.0/24", "10.2.0.0/24 === 10.8.0.0/24"),
        ),
        (
            {},
            {"local_ts": selectors("10.9.0.0/24")},
            Code.TS_MISMATCH,
            ("10.9.0.0/24 === 10.1.0.0/24", "10.2.0.0/24 === 10.1.0.0/24"),
        ),
    ],
)
def test_a_child_that_misfits_is_named_as_stage_2(
    moon: dict[str, object], sun: dict[str, object], code: Code, texts: tuple[str, str]
) -> None:
    net = Network(profile("moon", **moon), profile("sun", **sun))  # type: ignore[arg-type]
    net.initiate("moon")
    diagnosis = failed(net).diagnosis
    assert (diagnosis.code, diagnosis.stage, diagnosis.proven) == (code, 2, True)
    assert (diagnosis.findings[0].ours, diagnosis.findings[0].theirs) == texts
    kind = "TS_UNACCEPTABLE" if code is Code.TS_MISMATCH else "NO_PROPOSAL_CHOSEN"
    mobile = "N(MOBIKE_SUPPORTED) N(NO_ADDITIONAL_ADDRESSES)"
    assert told(net) == f"> IKE_AUTH 1 IDr AUTH {mobile} N({kind})"
    assert failed(net).child == net.hosts["sun"].profile.children[0]
    assert len(net.up("sun")) == len(net.up("moon")) == 1
    assert not any(host.children for host in net.hosts.values())
    net.assert_mirrored()


class Held:
    """Moon's IKE_AUTH never arrives: a forger says something else in its place."""

    def __init__(self, sun: Profile | None = None) -> None:
        self.net = Network(sun=sun)
        self.net.lose = lambda _: len(self.net.wire) > 2
        self.net.initiate("moon")
        self.net.lose = lambda _: False
        self.moon = Forger(self.net, "moon", initiator=True)
        real = self.net.wire[2].data
        self.payloads = Forger(self.net, "sun", initiator=False).hear(real).payloads

    def say(self, *payloads: Payload) -> tuple[Payload, ...]:
        """Send an IKE_AUTH request; return what sun answers."""
        said = self.moon.say(1, *payloads, exchange=Exchange.IKE_AUTH)
        before = len(self.net.wire)
        self.net.inject("sun", said)
        return self.moon.hear(self.net.wire[before].data).payloads

    def but(self, *changed: Payload) -> tuple[Payload, ...]:
        kinds = {type(payload): payload for payload in changed}
        return self.say(*(kinds.get(type(payload), payload) for payload in self.payloads))


def test_ah_instead_of_esp_is_named() -> None:
    held = Held()
    (proposal,) = profile("moon", esp=("aes128-sha256",)).esp_proposals
    transforms = tuple(t for t in proposal.transforms if t.type != 1)
    ah = proposal.__class__(Protocol.AH, transforms, b"\xc0\0\0\1")
    answer = held.but(SecurityAssociation((ah,)))
    assert answer[-1] == Notify(NotifyType.NO_PROPOSAL_CHOSEN)
    diagnosis = failed(held.net).diagnosis
    assert (diagnosis.code, diagnosis.stage) == (Code.PROTOCOL_MISMATCH, 2)
    assert diagnosis.findings[0].theirs == "sha256"


@pytest.mark.parametrize("spi", [b"\0\0\0\1", b"\0\0\0\xff"])
def test_a_reserved_spi_is_refused(spi: bytes) -> None:
    held = Held()
    (proposal,) = profile("moon").esp_proposals
    bad = proposal.__class__(Protocol.ESP, proposal.transforms, spi)
    assert held.but(SecurityAssociation((bad,)))[-1] == Notify(NotifyType.NO_PROPOSAL_CHOSEN)
    assert held.net.hosts["sun"].children == {}


@pytest.mark.parametrize(
    "missing",
    [IdInitiator, Authentication, SecurityAssociation, SelectorsInitiator, SelectorsResponder],
)
@pytest.mark.parametrize("twice", [False, True])
def test_a_payload_missing_or_doubled_is_invalid_syntax(
    missing: type[Payload], twice: bool
) -> None:
    held = Held()
    count = 2 if twice else 0
    changed = [
        same
        for payload in held.payloads
        for same in [payload] * (count if isinstance(payload, missing) else 1)
    ]
    assert held.say(*changed) == (Notify(NotifyType.INVALID_SYNTAX),)
    assert held.net.codes("sun") == [Code.INVALID_SYNTAX]
    assert held.net.up("sun") == []
    assert held.net.hosts["sun"].children == {}


def test_an_unknown_critical_payload_is_refused_by_its_number() -> None:
    held = Held()
    answer = held.say(*held.payloads, Unknown(211, True, b"?"))
    assert answer == (Notify(NotifyType.UNSUPPORTED_CRITICAL_PAYLOAD, bytes((211,))),)
    assert held.net.up("sun") == []


def test_an_unknown_payload_that_is_not_critical_is_skipped() -> None:
    held = Held()
    held.say(*held.payloads, Unknown(211, False, b"?"))
    assert len(held.net.seen(Established, "sun")) == 1


def test_the_answer_waits_for_the_key_and_repeats_wait_with_it() -> None:
    net = Network()
    net.hosts["sun"].answers_authorize = False
    net.initiate("moon")
    (question,) = net.seen(Authorize, "sun")
    assert (question.connection, str(question.remote_id)) == ("net", "moon.lab")
    net.sleep(3)  # moon repeats its request meanwhile
    assert set(net.drops("sun")) == {"repeat"}
    assert len(net.seen(Authorize, "sun")) == 1
    net.tell("sun", Authorized(question.sa, Secret(net.hosts["sun"].psk)))
    net.settle()
    net.assert_connected()


def test_a_key_that_comes_too_late_finds_nobody() -> None:
    net = Network()
    net.hosts["sun"].answers_authorize = False
    net.initiate("moon")
    net.sleep(31)
    (question,) = net.seen(Authorize, "sun")
    assert net.seen(Closed, "sun")[0].reason is Reason.FAILED
    for late in (Authorized(question.sa, Secret(b"x")), Refused(question.sa)):
        net.tell("sun", late)
    assert net.drops("sun")[-2:] == ["not_waiting", "not_waiting"]
    net.sleep(100)
    net.tell("sun", Refused(question.sa))
    assert net.drops("sun")[-1] == "no_sa"
    net.assert_gone()


@pytest.mark.parametrize(
    ("moon", "sun", "agreed"),
    [
        ("10.1.0.0/16", "10.1.2.0/24", "10.1.2.0/24"),  # they want more
        ("10.1.2.0/24", "10.1.0.0/16", "10.1.2.0/24"),  # they want less
        ("10.1.0.0-10.1.0.9", "10.1.0.5-10.1.0.20", "10.1.0.5-10.1.0.9"),  # each wants another part
    ],
)
def test_selectors_are_narrowed_to_what_both_have(moon: str, sun: str, agreed: str) -> None:
    net = Network(
        profile("moon", local_ts=selectors(moon)), profile("sun", remote_ts=selectors(sun))
    )
    net.initiate("moon")
    net.assert_connected()
    (child,) = net.hosts["sun"].children.values()
    assert child.remote_ts == selectors(agreed)
    for name, wanted in (("moon", moon), ("sun", sun)):
        assert net.seen(ChildEstablished, name)[0].narrowed is (wanted != agreed)


def test_of_several_networks_each_is_narrowed() -> None:
    net = Network(
        profile("moon", local_ts=selectors("10.1.0.0/24", "10.3.0.0/16", "fd01::/64")),
        profile("sun", remote_ts=selectors("10.3.7.0/24", "fd01::/48", "10.4.0.0/24")),
    )
    net.initiate("moon")
    net.assert_connected()
    (child,) = net.hosts["sun"].children.values()
    assert child.remote_ts == selectors("10.3.7.0/24", "fd01::/64")


def test_the_wanted_responder_is_chosen_even_among_twins() -> None:
    held = Held()
    answer = held.but(IdResponder(Identity.parse("SUN.lab")))
    assert answer[0] == IdResponder(Identity.parse("sun.lab"))
