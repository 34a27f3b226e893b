"""Quick mode as its initiator: what is asked, what is taken, and what goes wrong."""

from dataclasses import replace

import pytest

from ikecore.actions import (
    ChildEstablished,
    Closed,
    Dropped,
    Failed,
    InstallChild,
    Reason,
    Send,
)
from ikecore.events import ChildWanted
from ikecore.profile import ChildProfile
from ikev1.exchanges.quick import InitiateQuick, refused_by_peer
from ikev1.payloads.attributes import Attribute, build_attributes
from ikev1.payloads.delete import Delete
from ikev1.payloads.ident import Identification
from ikev1.payloads.ke import KeyExchangeData
from ikev1.payloads.nonce import Nonce
from ikev1.payloads.notify import Notify
from ikev1.payloads.sa import ProposalPayload, SecurityAssociation
from ikev1.payloads.types import NotifyType
from ikev1.vendors import Vendors
from tests.ikev1.hosts import quiet
from tests.ikev1.network import Network, only, said, selectors
from tests.ikev1.quick import NETS, THEIRS, ask, opened, ready, sent
from tests.ikev1.told import add_child
from tests.ikev1.told import said as told_of
from tests.ikev1.tunnel import QUICK

PFS = ("aes128-sha256-modp2048",)


@pytest.mark.parametrize("esp", [("aes128-sha256",), PFS, ("aes256gcm16-ecp256",), ("null-sha1",)])
def test_both_ends_have_the_same_child(esp: tuple[str, ...]) -> None:
    net = Network(quiet("moon", esp=esp), quiet("sun", esp=esp))
    net.initiate("moon")
    net.assert_connected()
    has_key = "KE " if len(esp[0].split("-")) > (2 if "gcm" not in esp[0] else 1) else ""
    story = [line.split(" ", 3)[3] for line in net.story("moon") if " QUICK " in line]
    assert story == [f"HASH SA No {has_key}IDci IDcr"] * 2 + ["HASH"]
    for name in ("moon", "sun"):
        (up,) = net.seen(ChildEstablished, name)
        assert (up.replaces, up.why, up.narrowed) == (0, "", False)


def test_both_halves_are_installed_before_message_3_leaves() -> None:
    asked = ask(ready())
    installed, qm3, up = asked.reply(*asked.answer)
    assert isinstance(installed, InstallChild)
    assert (installed.spec.outbound_spi, installed.spec.standby) == (THEIRS, False)
    assert isinstance(qm3, Send)
    said_last = opened(qm3.data, asked.sealed(*asked.answer)[-16:])
    assert [type(payload).__name__ for payload in said_last.payloads] == ["Hash"]
    assert isinstance(up, ChildEstablished)


@pytest.mark.parametrize("which", [("moon", 1), ("sun", 1), ("moon", 2)], ids=str)
@pytest.mark.parametrize("times", [1, 4])
def test_each_message_is_sent_until_it_is_answered(which: tuple[str, int], times: int) -> None:
    net = Network(quiet("moon"), quiet("sun"))
    net.lose_when(said(which[0], QUICK, which[1]), times)
    net.initiate("moon")
    net.sleep(10)
    net.assert_connected()
    assert net.codes("moon") == net.codes("sun") == []


def test_a_repeated_message_2_gets_message_3_again() -> None:
    asked = ask(ready())
    first = asked.reply(*asked.answer)
    again = asked.reply(*asked.answer, now=30.0)
    assert sent(again) == sent(first)
    assert len(asked.sa.children) == 1


def test_a_wrong_hash_is_passed_over() -> None:
    asked = ask(ready())
    forged = asked.sealed(*asked.answer[:1], Nonce(b"x" * 32), *asked.answer[2:])
    mended = asked.sealed(*asked.answer)
    actions = asked.sa.handle_datagram(
        asked.message.header, forged[:-16] + mended[-16:], asked.sa.path, 0.0
    )
    assert [one.reason for one in only(Dropped, actions)] in (["integrity"], ["malformed"])
    assert asked.reply(*asked.answer)
    assert len(asked.sa.children) == 1


def test_no_answer_is_told_with_the_child_that_is_missing() -> None:
    net = Network(quiet("moon"), quiet("sun"))
    net.lose_when(said("moon", QUICK, 1), 99)
    net.initiate("moon")
    net.sleep(11)
    (failed,) = net.seen(Failed, "moon")
    assert (failed.diagnosis.stage, failed.diagnosis.code) == (2, "PEER_NO_RESPONSE")
    assert failed.child == net.hosts["moon"].profile.children[0]
    assert len(net.pairs("moon")) == 1
    assert net.pairs("moon") == net.pairs("sun")
    assert net.hosts["moon"].spis.owed == set()


@pytest.mark.parametrize("has_child", [False, True])
def test_a_peer_without_dpd_that_says_nothing_at_all_is_dead(has_child: bool) -> None:
    sa = ready()
    sa.vendors = Vendors()
    if has_child:
        add_child(sa)
    ask(sa, now=1.0)
    actions = sa.retransmit(1.0 + sa.patience)
    assert [one.reason for one in only(Closed, actions)] == (
        [] if has_child else [Reason.DPD_TIMEOUT]
    )


def test_five_quick_modes_are_under_way_at_most() -> None:
    pairs = tuple(
        ChildProfile(selectors(f"10.1.{n}.0/24"), selectors(f"10.2.{n}.0/24")) for n in range(8)
    )
    mirrored = tuple(ChildProfile(one.remote_ts, one.local_ts) for one in pairs)
    net = Network(quiet("moon", children=pairs), quiet("sun", children=mirrored))
    net.initiate("moon")
    (sa,) = net.up("moon")
    before = len(net.letters)
    for pair in pairs[1:]:
        net.tell("moon", ChildWanted(sa, pair))
    assert len(net.letters) - before == 5
    net.settle()
    net.sleep(1)
    assert len(net.hosts["moon"].children) == 8
    net.assert_mirrored()
    assert "quick_limit" not in net.drops("sun")


# -- answers that are none ------------------------------------------------------------------------
def test_what_was_not_offered_is_given_back() -> None:
    asked = ask(ready())
    offer = asked.answer[0]
    assert isinstance(offer, SecurityAssociation)
    (one,) = offer.proposals
    other = replace(one.transforms[0], id=20)
    odd = SecurityAssociation((ProposalPayload(1, one.protocol, one.spi, (other,)),))
    actions = asked.reply(odd, *asked.answer[1:])
    assert [type(p).__name__ for p in told_of(actions)[0]] == ["Delete"]
    (failed,) = only(Failed, actions)
    assert (failed.diagnosis.code, failed.child) == ("INVALID_SYNTAX", NETS)
    assert asked.sa.children == {}
    assert asked.sa.offered_spis == set()


def test_a_low_spi_is_refused() -> None:
    asked = ask(ready())
    offer = asked.answer[0]
    assert isinstance(offer, SecurityAssociation)
    low = replace(offer.proposals[0], spi=(255).to_bytes(4, "big"))
    actions = asked.reply(SecurityAssociation((low,)), *asked.answer[1:])
    assert "SPI 255" in only(Failed, actions)[0].diagnosis.evidence


def test_other_networks_than_we_asked_for_are_refused() -> None:
    asked = ask(ready())
    wider = Identification.of_selector(selectors("10.2.0.0/16")[0])
    actions = asked.reply(*asked.answer[:3], wider)
    (failed,) = only(Failed, actions)
    assert failed.diagnosis.code == "TS_MISMATCH"
    assert "10.2.0.0/16" in failed.diagnosis.findings[0].theirs


@pytest.mark.parametrize("key", [(), (KeyExchangeData(bytes(256)),), (KeyExchangeData(b"short"),)])
def test_a_group_without_a_good_public_value_is_refused(key: tuple[KeyExchangeData, ...]) -> None:
    asked = ask(ready(esp_proposals=quiet("moon", esp=PFS).esp_proposals))
    actions = asked.reply(*asked.answer[:2], *key, *asked.answer[2:])
    assert [one.diagnosis.code for one in only(Failed, actions)] == ["INVALID_SYNTAX"]
    assert asked.sa.children == {}


def test_ids_may_be_left_out_of_the_answer() -> None:
    asked = ask(ready())
    assert only(InstallChild, asked.reply(*asked.answer[:2]))


def test_the_same_network_may_be_named_in_another_kind() -> None:
    asked = ask(ready())
    span = Identification(7, 0, 0, bytes((10, 2, 0, 0, 10, 2, 0, 255)))
    assert only(InstallChild, asked.reply(*asked.answer[:3], span))


def test_the_peers_shorter_lifetime_is_heeded() -> None:
    asked = ask(ready(child_lifetime=3600.0))
    data = build_attributes(
        (Attribute(1, 1), Attribute(2, 600), Attribute(1, 2), Attribute(2, 4096))
    )
    life = Notify(NotifyType.RESPONDER_LIFETIME, data, 3, THEIRS.to_bytes(4, "big"))
    (installed,) = only(InstallChild, asked.reply(*asked.answer, life))
    (child,) = asked.sa.children.values()
    assert child.ends_at == 600.0
    assert 500 < child.rekey_at < 545
    assert installed.spec.limits.hard_octets == 4096 * 1024


# -- refusals -------------------------------------------------------------------------------------
def test_a_refusal_is_about_the_quick_mode_whose_spi_it_names() -> None:
    sa = ready()
    ask(sa)
    other = ChildProfile(selectors("10.1.9.0/24"), selectors("10.2.9.0/24"))
    second = ask(sa, other)
    offer = second.message.one(SecurityAssociation)
    assert offer is not None
    spi = offer.proposals[0].spi
    unclear = Notify(NotifyType.NO_PROPOSAL_CHOSEN)
    assert refused_by_peer(sa, unclear, 1.0) == []
    (failed,) = only(Failed, refused_by_peer(sa, replace(unclear, protocol=3, spi=spi), 1.0))
    assert (failed.child, failed.diagnosis.code) == (other, "PROPOSAL_REFUSED_BY_PEER")
    (failed,) = only(Failed, refused_by_peer(sa, unclear, 1.0))
    assert failed.child == NETS
    assert sa.offered_spis == set()


def test_what_ikev1_has_no_words_for_is_told_and_not_asked() -> None:
    sa = ready()
    ports = replace(NETS.local_ts[0], protocol=6, start_port=80, end_port=90)
    actions = sa.start(InitiateQuick(ChildProfile((ports,), NETS.remote_ts)), 0.0)
    assert sent(actions) == []
    assert [one.diagnosis.code for one in only(Failed, actions)] == ["TS_MISMATCH"]


# -- what it begins with --------------------------------------------------------------------------
@pytest.mark.parametrize("replaces", [0, 0x9999])
def test_nothing_is_asked_for_what_is_there_or_gone(replaces: int) -> None:
    sa = ready()
    child = add_child(sa)
    assert sent(sa.start(InitiateQuick(child.wanted, replaces), 0.0)) == []
    assert sa.flights.quick_modes(ours=True) == 0


def test_a_renewal_asks_for_what_stood_and_waits_beside_it() -> None:
    sa = ready()
    old = add_child(sa)
    asked = ask(sa, old.wanted, old.spi)
    ids = asked.message.all(Identification)
    assert [one.selector() for one in ids] == [*old.spec.local_ts, *old.spec.remote_ts]
    actions = asked.reply(*asked.answer)
    (installed,) = only(InstallChild, actions)
    assert installed.spec.standby
    assert only(ChildEstablished, actions)[0].replaces == old.spi


def test_a_failed_renewal_leaves_the_old_child_and_is_tried_again() -> None:
    sa = ready()
    old = add_child(sa)
    ask(sa, old.wanted, old.spi)
    actions = refused_by_peer(sa, Notify(NotifyType.NO_PROPOSAL_CHOSEN), 3.0)
    assert only(Failed, actions)
    assert old.is_live
    assert old.rekey_at == 13.0


def test_a_given_up_one_is_deleted_at_the_peer() -> None:
    sa = ready()
    ask(sa)
    said_last = told_of(only(Send, sa.retransmit(sa.patience))[-1:])
    assert isinstance(said_last[0][0], Delete)
