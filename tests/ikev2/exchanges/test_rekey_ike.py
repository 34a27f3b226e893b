"""An IKE SA renewed by us: what is offered, who inherits, and what a refusal means."""

from dataclasses import replace

import pytest

from ikecore.actions import (
    ChildClosed,
    Closed,
    Established,
    Failed,
    Reason,
    ReauthWanted,
)
from ikecore.diagnosis import Code
from ikecore.events import CloseWanted, RekeyIkeWanted
from ikecore.proposals import Protocol
from ikev2.message import Exchange
from ikev2.payloads.chain import Payload
from ikev2.payloads.ke import KeyExchangeData
from ikev2.payloads.notify import Notify
from ikev2.payloads.sa import SecurityAssociation
from ikev2.payloads.types import NotifyType
from suites.kex import GROUP_BY_NAME
from suites.modp import oakley_prime
from tests.ikev2.asking import spec_of, tunnel
from tests.ikev2.network import OTHER, Network, profile
from tests.ikev2.races.scene import (
    answer_instead,
    quiet,
    rekey_ike,
    said,
    with_payload,
)
from tests.ikev2.wire import request, response

BOTH = pytest.mark.parametrize("who", ["moon", "sun"])
CREATE = Exchange.CREATE_CHILD_SA
TWO = ("aes128gcm16-prfsha256-x25519-ecp256",)


def offers(net: Network, name: str) -> list[SecurityAssociation]:
    """Return what one end offered in its CREATE_CHILD_SA requests, repeats left out."""
    mine = [one for one, _ in net.letters if request(name, CREATE)(one) and one.copy == 0]
    messages = [net.ear.read(letter.data) for letter in mine]
    found = [m.one(SecurityAssociation) for m in messages if m is not None]
    return [offer for offer in found if offer is not None]


def tries(net: Network, name: str = "moon") -> int:
    """Return how often one end asked, repeats left out."""
    return len([one for one, _ in net.letters if request(name, CREATE)(one) and one.copy == 0])


def wanted_group(name: str) -> Notify:
    return Notify(NotifyType.INVALID_KE_PAYLOAD, GROUP_BY_NAME[name].iana.to_bytes(2, "big"))


@BOTH
def test_the_children_go_over_and_the_old_sa_is_deleted_by_who_renewed_it(who: str) -> None:
    # CREATE_CHILD_SA { SA(our new SPI) Ni KEi } ──►  ◄── { SA(its new SPI) Nr KEr }
    # INFORMATIONAL { D(IKE) } ──► on the old SA
    net = tunnel()
    (old,), child = net.up(who), spec_of(net, who)
    rekey_ike(net, who)
    net.sleep(1)
    (_, heir) = net.seen(Established, who)
    assert (heir.replaces, heir.why, heir.initiator) == (old, "time", True)
    assert heir.took == pytest.approx(0.02)
    assert net.up(who) == [heir.sa]
    other = net.seen(Established, OTHER[who])[-1]
    assert (other.initiator, other.why) == (False, "the peer renewed it")
    for name in ("moon", "sun"):
        assert [(c.sa == old or name != who, c.reason) for c in net.seen(Closed, name)] == [
            (True, Reason.REKEYED)
        ]
        assert net.seen(ChildClosed, name) == []
    assert spec_of(net, who).inbound_spi == child.inbound_spi
    assert said(net, who, Exchange.INFORMATIONAL) == ["> D(IKE)"]
    assert said(net, who, CREATE) == ["> SA No KE"]
    net.assert_connected()


def test_message_ids_begin_anew_and_the_heir_works() -> None:
    net = tunnel()
    rekey_ike(net, "moon")
    net.sleep(1)
    rekey_ike(net, "sun")
    net.sleep(1)
    numbers = [m.message_id for m in net.messages("sun") if m.sent and m.exchange == CREATE.name]
    assert numbers == [2, 0]
    net.tell("moon", CloseWanted(net.up("moon")[0]))
    net.settle()
    net.assert_gone()


def test_the_suite_in_use_is_offered_its_group_first_and_then_ours() -> None:
    moon = quiet("moon", ike=("aes256gcm16-prfsha384-ecp384", *TWO))
    sun = quiet("sun", ike=("aes128gcm16-prfsha256-ecp256",))
    net = Network(moon, sun)
    net.initiate("moon")
    before = str(net.seen(Established, "moon")[0].suite)
    rekey_ike(net, "moon")
    net.sleep(1)
    (offer,) = offers(net, "moon")
    (proposal,) = offer.proposals
    assert proposal.protocol == Protocol.IKE
    assert len(proposal.spi) == 8
    groups = [t.id for t in proposal.of(4)]
    assert groups == [GROUP_BY_NAME[name].iana for name in ("ecp256", "ecp384", "x25519")]
    assert {t.id for t in proposal.of(1)} == {20}
    assert str(net.seen(Established, "moon")[-1].suite) == before
    net.assert_connected()


def test_the_group_the_peer_wants_is_taken_if_we_offer_it() -> None:
    net = tunnel(ike=TWO)
    answer_instead(net, request("moon", CREATE, 1), wanted_group("ecp256"))
    rekey_ike(net, "moon")
    net.sleep(5)
    assert str(net.seen(Established, "moon")[-1].suite).endswith("ecp256")
    net.assert_connected()


@pytest.mark.parametrize(
    "refusal",
    [
        wanted_group("modp2048"),
        Notify(NotifyType.INVALID_KE_PAYLOAD),
        Notify(NotifyType.NO_PROPOSAL_CHOSEN),
        Notify(NotifyType.NO_ADDITIONAL_SAS),
        Notify(12345),
    ],
    ids=["not offered", "not named", "no proposal", "no more", "unknown"],
)
def test_a_refusal_for_good_leads_to_reauthentication(refusal: Notify) -> None:
    net = tunnel(ike=TWO)
    answer_instead(net, request("moon", CREATE), refusal)
    rekey_ike(net, "moon")
    net.sleep(30)
    assert [wanted.sa for wanted in net.seen(ReauthWanted, "moon")] == net.up("moon")
    (failed,) = net.seen(Failed, "moon")
    assert (failed.diagnosis.stage, failed.child) == (1, None)
    assert tries(net) == 1
    net.assert_connected()


def test_a_peer_that_changes_its_mind_is_not_followed_for_ever() -> None:
    net = tunnel(ike=TWO)
    for number in range(1, 50):
        group = "ecp256" if number % 2 else "x25519"
        answer_instead(net, request("moon", CREATE, number), wanted_group(group))
    rekey_ike(net, "moon")
    net.sleep(30)
    assert tries(net) == 2
    assert len(net.seen(ReauthWanted, "moon")) == 1
    net.assert_connected()


def test_a_busy_peer_is_asked_again_and_given_up_after_a_minute() -> None:
    net = tunnel()
    answer_instead(net, request("moon", CREATE), Notify(NotifyType.TEMPORARY_FAILURE))
    rekey_ike(net, "moon")
    net.sleep(3.2)
    assert tries(net) >= 2
    net.sleep(200)
    assert 20 <= tries(net) <= 32
    assert len(net.seen(ReauthWanted, "moon")) == 1
    net.assert_connected()


BAD = {
    "0": ("x25519", bytes(32)),
    "1": ("x25519", b"\1" + bytes(31)),
    "off the curve": ("ecp256", b"\1" * 64),
    "modp 0": ("modp2048", bytes(256)),
    "modp 1": ("modp2048", bytes(255) + b"\1"),
    "modp p-1": ("modp2048", (oakley_prime(2048) - 1).to_bytes(256, "big")),
    "short": ("x25519", bytes(31)),
}


@pytest.mark.parametrize(("group", "public"), BAD.values(), ids=BAD.keys())
def test_a_bad_public_value_in_the_answer_makes_no_sa(group: str, public: bytes) -> None:
    net = tunnel(ike=(f"aes128gcm16-prfsha256-{group}",))
    bad = KeyExchangeData(GROUP_BY_NAME[group].iana, public)
    assert_not_taken(net, bad, Code.INVALID_SYNTAX)


def sa_of(text: str, spi: bytes, count: int = 1) -> SecurityAssociation:
    (proposal,) = profile("moon", (text,)).ike_proposals
    made = [replace(proposal, spi=spi, number=n) for n in range(1, count + 1)]
    return SecurityAssociation(tuple(made))


GOOD = "aes128gcm16-prfsha256-x25519"
WRONG: dict[str, Payload] = {
    "another algorithm": sa_of("aes256gcm16-prfsha256-x25519", b"heirspi!"),
    "another group": sa_of("aes128gcm16-prfsha256-ecp256", b"heirspi!"),
    "two proposals": sa_of(GOOD, b"heirspi!", count=2),
    "no SPI": sa_of(GOOD, b""),
    "a KE of another group": KeyExchangeData(19, b"\1" * 64),
}


@pytest.mark.parametrize("changed", WRONG.values(), ids=WRONG.keys())
def test_an_sa_beyond_our_offer_is_not_taken(changed: Payload) -> None:
    assert_not_taken(tunnel(), changed, Code.PROPOSAL_REFUSED_BY_PEER)


def assert_not_taken(net: Network, changed: Payload, code: Code) -> None:
    """The peer has gone over to an SA that we do not have: only a new start helps both."""
    net.change_when(response("sun", CREATE), with_payload(type(changed), changed))
    rekey_ike(net, "moon")
    net.sleep(5)
    assert net.codes("moon") == [code]
    assert len(net.seen(Established, "moon")) == 1
    assert net.up("moon") == []
    assert net.hosts["moon"].children == {}
    assert net.hosts["moon"].spis.owed == set()


def test_it_is_renewed_once_however_often_it_is_wanted() -> None:
    net = tunnel()
    (sa,) = net.up("moon")
    for _ in range(5):
        net.tell("moon", RekeyIkeWanted(sa, "often"))
    net.sleep(1)
    assert tries(net) == 1
    assert net.drops("moon") == ["not_wanted"] * 4
    net.assert_connected()


def test_who_does_not_answer_at_all_is_dead() -> None:
    net = tunnel()
    net.lose = lambda _: True
    rekey_ike(net, "moon")
    net.sleep(31)
    assert net.codes("moon") == [Code.DPD_TIMEOUT]
    assert net.up("moon") == []
