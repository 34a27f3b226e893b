"""What asking for a child has in common: busy peers, groups, rivals, and answers that are wrong."""

from dataclasses import replace
from itertools import pairwise

import pytest

from ikecore.actions import ChildClosed, ChildEstablished, Failed, InstallChild, Reason
from ikecore.diagnosis import Code
from ikecore.events import ChildWanted
from ikecore.profile import ChildProfile
from ikev2.message import Exchange
from ikev2.payloads.chain import Payload
from ikev2.payloads.ke import KeyExchangeData
from ikev2.payloads.notify import Notify
from ikev2.payloads.sa import SecurityAssociation
from ikev2.payloads.ts import SelectorsInitiator
from ikev2.payloads.types import NotifyType
from suites.kex import GROUP_BY_NAME
from suites.modp import oakley_prime
from tests.ikev2.asking import tunnel
from tests.ikev2.eavesdropper import Change
from tests.ikev2.network import Network, profile, selectors
from tests.ikev2.races.scene import (
    answer_instead,
    connect_with_one_of_two,
    lowest_is,
    quiet,
    rekey,
    said,
    second,
    want,
    with_payload,
)
from tests.ikev2.wire import request, response

CREATE = Exchange.CREATE_CHILD_SA
MINE = request("moon", CREATE)
BUSY = Notify(NotifyType.TEMPORARY_FAILURE)
TWO = ("aes128gcm16-x25519-ecp256",)


def times(net: Network) -> list[float]:
    """Return when moon asked for a child, repeats left out."""
    mine = [letter for letter, _ in net.letters if MINE(letter)]
    return [letter.at for letter in mine if letter.copy == 0]


def wanted_group(name: str) -> Notify:
    group = GROUP_BY_NAME[name].iana.to_bytes(2, "big")
    return Notify(NotifyType.INVALID_KE_PAYLOAD, group)


# -- a busy peer ----------------------------------------------------------------------------------
def test_a_busy_peer_is_asked_again_after_one_to_three_seconds() -> None:
    # CREATE_CHILD_SA ──►   ◄── N(TEMPORARY_FAILURE)       section 2.25; twice, then it has time
    net = tunnel()
    for number in (1, 2):
        answer_instead(net, request("moon", CREATE, number), BUSY)
    start = net.now
    rekey(net, "moon")
    net.sleep(15)
    asked = times(net)
    assert len(asked) == 3
    waits = [after - before for before, after in pairwise(asked)]
    assert all(1 <= wait <= 3.1 for wait in waits)
    made = net.seen(ChildEstablished, "moon")[-1]
    assert made.took == pytest.approx(asked[-1] - start + 0.02)  # since the first try
    assert net.codes("moon") == []
    net.assert_connected()


def test_a_peer_that_stays_busy_is_left_in_peace_after_a_minute() -> None:
    net = tunnel()
    answer_instead(net, MINE, BUSY)
    rekey(net, "moon")
    net.sleep(200)
    assert 20 <= len(times(net)) <= 32
    assert times(net)[-1] < 100
    (failed,) = net.seen(Failed, "moon")
    assert (failed.diagnosis.stage, failed.diagnosis.code) == (2, Code.PEER_ERROR)
    assert failed.child == net.hosts["moon"].profile.children[0]
    net.assert_connected()  # with the child there was


# -- groups ---------------------------------------------------------------------------------------
def test_the_group_the_peer_wants_is_taken_if_we_offer_it() -> None:
    net = Network(quiet("moon", esp=TWO), quiet("sun", esp=("aes128gcm16-ecp256",)))
    net.initiate("moon")
    # CREATE_CHILD_SA { … KEi(x25519) } ──►    ◄── N(INVALID_KE_PAYLOAD: ecp256)
    # CREATE_CHILD_SA { … KEi(ecp256) } ──►    ◄── { … KEr(ecp256) }
    rekey(net, "moon")
    net.sleep(10)
    assert said(net, "sun", CREATE) == ["< N(INVALID_KE_PAYLOAD)", "< SA No KE TSi TSr"]
    assert str(net.seen(ChildEstablished, "moon")[-1].suite) == "aes128gcm16-ecp256"
    net.assert_connected()


@pytest.mark.parametrize(
    "first",
    [wanted_group("modp2048"), Notify(NotifyType.INVALID_KE_PAYLOAD), wanted_group("x25519")],
    ids=["not offered", "not named", "the one it got"],
)
def test_a_group_we_cannot_take_is_refused_for_good(first: Notify) -> None:
    net = tunnel(esp=TWO)
    answer_instead(net, MINE, first)
    rekey(net, "moon")
    net.sleep(30)
    assert len(times(net)) <= 2
    assert net.codes("moon") == [Code.PFS_MISMATCH]
    net.assert_connected()


def test_a_peer_that_changes_its_mind_is_not_followed_for_ever() -> None:
    net = tunnel(esp=TWO)
    for number in range(1, 50):
        answer_instead(
            net, request("moon", CREATE, number), wanted_group("x25519" if number % 2 else "ecp256")
        )
    rekey(net, "moon")
    net.sleep(30)
    assert len(times(net)) <= 3
    assert net.codes("moon") == [Code.PFS_MISMATCH]
    net.assert_connected()


FREE = ("aes128gcm16-x25519", "aes128gcm16")  # with a group if the peer has it, or without


@pytest.mark.parametrize("renews", [True, False])
@pytest.mark.parametrize(("theirs", "chosen"), [(FREE[1:], 1), (FREE[:1], 0), (FREE, 0)])
def test_a_group_may_be_left_out_where_both_ends_can_do_without(
    theirs: tuple[str, ...], chosen: int, renews: bool
) -> None:
    # CREATE_CHILD_SA { … KEi(x25519) } ──►    ◄── { SA(without a group) Nr TSi TSr }
    both = {name: (*profile(name).children, second(name)) for name in ("moon", "sun")}
    net = Network(
        quiet("moon", esp=FREE, children=both["moon"]),
        quiet("sun", esp=theirs, children=both["sun"]),
    )
    net.initiate("moon")
    if renews:
        rekey(net, "moon")
    else:
        want(net, "moon", second("moon"))
    net.sleep(10)
    assert net.codes("moon") == net.codes("sun") == []
    assert str(net.seen(ChildEstablished, "moon")[-1].suite) == FREE[chosen]
    net.assert_mirrored()


def test_a_group_without_its_public_value_is_no_answer() -> None:
    net = tunnel(esp=FREE[:1])
    net.change_when(response("sun", CREATE), without(KeyExchangeData))
    rekey(net, "moon")
    net.sleep(10)
    assert net.codes("moon") == [Code.INVALID_SYNTAX]
    assert len(net.seen(InstallChild, "moon")) == 1
    net.assert_mirrored()


def without(kind: type[Payload]) -> Change:
    return lambda message: replace(
        message, payloads=tuple(p for p in message.payloads if not isinstance(p, kind))
    )


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
def test_a_bad_public_value_in_the_answer_makes_nothing(group: str, public: bytes) -> None:
    net = tunnel(esp=(f"aes128gcm16-{group}",))
    bad = KeyExchangeData(GROUP_BY_NAME[group].iana, public)
    net.change_when(response("sun", CREATE), with_payload(KeyExchangeData, bad))
    rekey(net, "moon")
    net.sleep(10)
    # the peer believes that it has a child: it is told that it has not
    assert net.codes("moon") == [Code.INVALID_SYNTAX]
    assert len(net.seen(InstallChild, "moon")) == 1
    assert [c.reason for c in net.seen(ChildClosed, "moon")] == []
    net.assert_mirrored()


# -- answers that are wrong -----------------------------------------------------------------------
def esp(text: str, spi: bytes = b"\xc0\0\0\1", count: int = 1) -> SecurityAssociation:
    (proposal,) = profile("moon", esp=(text,)).esp_proposals
    made = [replace(proposal, spi=spi, number=n) for n in range(1, count + 1)]
    return SecurityAssociation(tuple(made))


WRONG: dict[str, tuple[Payload, Code]] = {
    "another algorithm": (esp("aes256gcm16"), Code.ESP_PROPOSAL_MISMATCH),
    "two proposals": (esp("aes128gcm16", count=2), Code.ESP_PROPOSAL_MISMATCH),
    "a reserved SPI": (esp("aes128gcm16", b"\0\0\0\xff"), Code.ESP_PROPOSAL_MISMATCH),
    "wide selectors": (SelectorsInitiator(selectors("10.0.0.0/8")), Code.TS_MISMATCH),
}


@pytest.mark.parametrize(("changed", "code"), WRONG.values(), ids=WRONG.keys())
def test_a_child_beyond_our_offer_is_deleted_and_the_old_one_stays(
    changed: Payload, code: Code
) -> None:
    net = tunnel()
    (old,) = net.hosts["moon"].children
    net.change_when(response("sun", CREATE), with_payload(type(changed), changed))
    rekey(net, "moon")
    net.sleep(0.1)
    assert net.codes("moon") == [code]
    assert list(net.hosts["moon"].children) == [old]
    assert said(net, "moon", Exchange.INFORMATIONAL) == ["> D(1)"]
    assert net.hosts["moon"].spis.owed == {old}


def test_an_answer_in_the_other_mode_is_deleted() -> None:
    net = tunnel()
    net.change_when(response("sun", CREATE), saying_too(Notify(NotifyType.USE_TRANSPORT_MODE)))
    rekey(net, "moon")
    net.sleep(0.1)
    assert net.codes("moon") == [Code.ENCAPSULATION_MISMATCH]
    assert len(net.hosts["moon"].children) == 1


def test_words_beside_a_good_answer_are_no_refusal() -> None:
    net = tunnel()
    net.change_when(response("sun", CREATE), saying_too(Notify(NotifyType.IPCOMP_SUPPORTED)))
    rekey(net, "moon")
    net.sleep(10)
    assert net.codes("moon") == []
    net.assert_connected()


def saying_too(notify: Notify) -> Change:
    return lambda message: replace(message, payloads=(notify, *message.payloads))


# -- a rival --------------------------------------------------------------------------------------
@pytest.mark.parametrize("loser", ["moon", "sun"])
def test_of_two_children_made_at_once_the_one_with_the_lowest_nonce_goes(loser: str) -> None:
    # both: CREATE_CHILD_SA { SA N TSi TSr } ──►  ◄── and both answer        section 2.8.1
    net = connect_with_one_of_two("moon")
    lowest_is(net, loser)
    for name in ("moon", "sun"):
        want(net, name, second(name))
    net.sleep(15)
    for name in ("moon", "sun"):
        assert len(net.hosts[name].children) == 2
        assert net.codes(name) == []
        assert Reason.FAILED not in [c.reason for c in net.seen(ChildClosed, name)]
    net.assert_mirrored()
    kept = {spec.inbound_spi for spec in net.hosts["moon"].children.values()}
    deleted = said(net, loser, Exchange.INFORMATIONAL)
    assert "> D(1)" in deleted  # by who began it
    assert len(kept) == 2


def test_who_does_not_answer_at_all_is_dead() -> None:
    net = tunnel()
    net.lose = lambda _: True
    rekey(net, "moon")
    net.sleep(31)
    assert net.codes("moon") == [Code.DPD_TIMEOUT]
    assert net.hosts["moon"].spis.owed == set()
    assert net.up("moon") == []


def test_a_child_of_the_same_networks_is_not_asked_for_twice() -> None:
    net = tunnel()
    child = ChildProfile(selectors("10.1.0.0/24"), selectors("10.2.0.0/24"))
    net.tell("moon", ChildWanted(net.up("moon")[0], child))
    assert net.drops("moon") == ["not_wanted"]
