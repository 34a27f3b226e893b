"""A child renewed by us: what is said, what happens in which order, and what a refusal means."""

from dataclasses import replace

import pytest

from ikecore.actions import (
    ChildClosed,
    ChildEstablished,
    Failed,
    InstallChild,
    Reason,
    ReauthWanted,
    RemoveChild,
    RetireChild,
)
from ikecore.child import ChildSpec
from ikecore.diagnosis import Code
from ikecore.events import ChildCloseWanted, ChildWanted, RekeyWanted
from ikecore.proposals import Protocol
from ikev2.message import Exchange
from ikev2.payloads.delete import Delete
from ikev2.payloads.notify import Notify
from ikev2.payloads.sa import SecurityAssociation
from ikev2.payloads.ts import SelectorsInitiator, SelectorsResponder
from ikev2.payloads.types import NotifyType
from tests.ikev2.asking import spec_of, tunnel
from tests.ikev2.forger import Forger
from tests.ikev2.network import OTHER, Network, profile, selectors
from tests.ikev2.races.scene import answer_instead, quiet, rekey, said
from tests.ikev2.wire import request

BOTH = pytest.mark.parametrize("who", ["moon", "sun"])
CREATE = Exchange.CREATE_CHILD_SA


def asked(net: Network, name: str) -> tuple[SecurityAssociation, tuple[object, ...]]:
    """Return the offer and the selectors of the last CREATE_CHILD_SA that one end sent."""
    mine = [letter for letter, _ in net.letters if request(name, CREATE)(letter)]
    message = net.ear.read(mine[-1].data)
    assert message is not None
    offer = message.one(SecurityAssociation)
    assert offer is not None
    return offer, (message.one(SelectorsInitiator), message.one(SelectorsResponder))


@BOTH
def test_the_new_child_carries_before_the_old_one_is_deleted(who: str) -> None:
    # CREATE_CHILD_SA { N(REKEY_SA: our inbound SPI) SA Ni TSi TSr } ──►  ◄── { SA Nr TSi TSr }
    # INFORMATIONAL { D(our inbound SPI) } ──►  ◄── { D(theirs) }     and the old one stays 5 s
    net = tunnel()
    old = spec_of(net, who).inbound_spi
    start = len(net.hosts[who].log)
    rekey(net, who)
    net.sleep(1)
    log = net.hosts[who].log[start:]
    kinds = [type(action) for action in log]
    assert kinds.index(InstallChild) < kinds.index(ChildEstablished) < kinds.index(RetireChild)
    assert RemoveChild not in kinds
    (made,) = net.seen(ChildEstablished, who)[1:]
    assert (made.replaces, made.why) == (old, "time")
    assert made.child == net.hosts[who].profile.children[0]
    (spec,) = [spec for spec in net.hosts[who].children.values() if spec.inbound_spi != old]
    assert not spec.standby
    net.sleep(5)
    assert [action.spi for action in net.seen(RemoveChild, who)] == [old]
    assert [(c.inbound_spi, c.reason) for c in net.seen(ChildClosed, who)] == [
        (old, Reason.REKEYED)
    ]
    net.assert_connected()


def test_the_old_child_is_named_and_its_algorithms_and_networks_are_asked_for() -> None:
    moon = quiet("moon", esp=("aes256gcm16", "aes128gcm16"), local_ts=selectors("10.1.0.0/16"))
    net = Network(moon, quiet("sun", esp=("aes128gcm16",)))
    net.initiate("moon")
    rekey(net, "moon")
    net.sleep(10)
    offer, nets = asked(net, "moon")
    (proposal,) = offer.proposals
    assert proposal.protocol == Protocol.ESP
    assert proposal.without(4).transforms == profile("moon").esp_proposals[0].transforms
    assert nets == (
        SelectorsInitiator(selectors("10.1.0.0/24")),  # what stood (section 2.9.2)
        SelectorsResponder(selectors("10.2.0.0/24")),
    )
    assert net.seen(ChildEstablished, "moon")[-1].narrowed
    net.assert_connected()


@BOTH
def test_keys_and_spis_are_all_new(who: str) -> None:
    net = tunnel(esp=("aes128gcm16-x25519",))
    before: ChildSpec = spec_of(net, who)
    rekey(net, who)
    net.sleep(10)
    after = spec_of(net, who)
    sets = (before.inbound, before.outbound, after.inbound, after.outbound)
    assert len({one.encr.reveal() for one in sets}) == 4
    assert before.inbound_spi != after.inbound_spi
    assert before.outbound_spi != after.outbound_spi
    assert str(after.suite) == "aes128gcm16-x25519"
    net.assert_connected()


def test_a_child_the_peer_has_lost_is_made_anew() -> None:
    # ◄── N(CHILD_SA_NOT_FOUND): delete ours in silence, then ask for a new one (section 2.25)
    net = tunnel()
    old = spec_of(net, "moon")
    sun = Forger(net, "sun", initiator=False)
    net.lose_when(request("moon", CREATE), 1)
    rekey(net, "moon")
    moon = Forger(net, "moon", initiator=True)
    net.inject("sun", moon.say(2, Delete(Protocol.ESP, (old.inbound_spi,))))  # sun alone forgets
    missing = Notify(
        NotifyType.CHILD_SA_NOT_FOUND, b"", Protocol.ESP, old.inbound_spi.to_bytes(4, "big")
    )
    net.inject("moon", sun.say(2, missing, exchange=CREATE, response=True))
    assert [(c.inbound_spi, c.reason) for c in net.seen(ChildClosed, "moon")] == [
        (old.inbound_spi, Reason.PEER_DELETED)
    ]
    assert net.codes("moon") == []
    assert said(net, "moon", CREATE) == ["> N(REKEY_SA) SA No TSi TSr", "> SA No TSi TSr"]
    assert said(net, "moon", Exchange.INFORMATIONAL) == []


def test_a_peer_that_never_renews_leads_to_reauthentication() -> None:
    net = tunnel()
    answer_instead(net, request("moon", CREATE), Notify(NotifyType.NO_ADDITIONAL_SAS))
    rekey(net, "moon")
    net.sleep(10)
    assert net.codes("moon") == [Code.LIMIT_REACHED]
    assert [wanted.sa for wanted in net.seen(ReauthWanted, "moon")] == net.up("moon")
    net.assert_connected()


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (NotifyType.NO_PROPOSAL_CHOSEN, Code.PROPOSAL_REFUSED_BY_PEER),
        (NotifyType.TS_UNACCEPTABLE, Code.TS_MISMATCH),
        (NotifyType.SINGLE_PAIR_REQUIRED, Code.TS_MISMATCH),
        (NotifyType.INVALID_SYNTAX, Code.INVALID_SYNTAX),
        (12345, Code.PEER_ERROR),
    ],
)
def test_any_other_refusal_keeps_the_old_child(kind: int, code: Code) -> None:
    net = tunnel()
    answer_instead(net, request("moon", CREATE), Notify(kind))
    rekey(net, "moon")
    net.sleep(10)
    (failed,) = net.seen(Failed, "moon")
    assert (failed.diagnosis.code, failed.child) == (code, net.hosts["moon"].profile.children[0])
    assert net.seen(ReauthWanted, "moon") == []
    net.assert_connected()


def test_a_child_is_renewed_once_however_often_it_is_wanted() -> None:
    net = tunnel()
    spi = spec_of(net, "moon").inbound_spi
    for _ in range(5):
        net.tell("moon", RekeyWanted(spi, "limit"))
    net.sleep(10)
    assert len(said(net, "moon", CREATE)) == 1
    net.tell("moon", RekeyWanted(spi, "limit"))  # it is gone
    assert net.drops("moon") == ["no_sa"]
    net.assert_connected()


def test_a_child_deleted_while_it_waits_for_its_turn_is_not_renewed() -> None:
    net = tunnel()
    net.lose_when(request("moon", CREATE), 1)
    other = replace(net.hosts["moon"].profile.children[0], local_ts=selectors("10.1.0.128/25"))
    net.tell("moon", ChildWanted(net.up("moon")[0], other))  # under way, lost once
    rekey(net, "moon")  # waits: the window holds one request
    sun = Forger(net, "sun", initiator=False)
    net.inject("moon", sun.say(0, Delete(Protocol.ESP, (spec_of(net, "moon").outbound_spi,))))
    net.sleep(5)
    assert "REKEY_SA" not in "".join(said(net, "moon", CREATE))


@BOTH
def test_a_deleted_child_is_not_missed_when_the_renewal_is_refused(who: str) -> None:
    # both at once: our REKEY_SA, and the peer's Delete of the same child
    net = tunnel()
    rekey(net, who)
    other = OTHER[who]
    net.tell(other, ChildCloseWanted(spec_of(net, other).inbound_spi))
    net.sleep(10)
    assert net.codes(who) == []
    assert all(len(net.up(name)) == 1 for name in ("moon", "sun"))
    net.assert_mirrored()
