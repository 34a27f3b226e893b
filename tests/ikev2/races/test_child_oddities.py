"""Rekeyings by peers with habits of their own, limits that come at once, several at a time."""

from dataclasses import replace

import pytest

from ikecore.actions import ChildClosed, Reason
from ikecore.events import RekeyWanted
from ikecore.profile import ChildProfile, Profile
from ikecore.proposals import Protocol
from ikev2.children import offer
from ikev2.message import Message
from ikev2.payloads.nonce import Nonce
from ikev2.payloads.notify import Notify
from ikev2.payloads.sa import SecurityAssociation
from ikev2.payloads.ts import SelectorsInitiator, SelectorsResponder
from ikev2.payloads.types import NotifyType
from tests.ikev2.network import NETS, OTHER, Network, selectors
from tests.ikev2.wire import request
from tests.pair.worker_model import Use

from .scene import (
    CREATE,
    INFORM,
    LATE,
    PEER,
    US,
    ask,
    child,
    conclude,
    connect,
    quiet,
    rekey,
    rekeyed,
    said,
    want,
)


@pytest.mark.parametrize("protocol", [0, 1, Protocol.AH])
def test_a_rekeying_that_names_the_wrong_protocol_is_refused_and_the_child_stays(
    initiator: str, protocol: int
) -> None:
    """Race 23: there is no such SA; an SPI means nothing without its protocol."""
    net = connect(initiator)
    before = {name: child(net, name) for name in (US, PEER)}
    profile = net.hosts[PEER].profile
    (answer,) = ask(
        net,
        PEER,
        CREATE,
        Notify(NotifyType.REKEY_SA, protocol=protocol, spi=before[PEER].to_bytes(4, "big")),
        SecurityAssociation(offer(profile, 0xC0FFEE00)),
        Nonce(bytes(32)),
        SelectorsInitiator(profile.local_ts),
        SelectorsResponder(profile.remote_ts),
    )
    assert isinstance(answer, Notify)
    assert answer.type == NotifyType.CHILD_SA_NOT_FOUND
    assert {name: child(net, name) for name in (US, PEER)} == before
    rekey(net, PEER)
    conclude(net)


def test_a_rekeying_that_asks_for_more_gets_what_stood(initiator: str) -> None:
    """Race 24."""
    net = connect(initiator)
    stood = net.hosts[US].children[child(net, US)]

    def more(message: Message) -> Message:
        wide = selectors("0.0.0.0/0")
        said = (
            SelectorsInitiator(wide)
            if isinstance(p, SelectorsInitiator)
            else SelectorsResponder(wide)
            if isinstance(p, SelectorsResponder)
            else p
            for p in message.payloads
        )
        return replace(message, payloads=tuple(said))

    net.change_when(request(PEER, CREATE, 1), more)
    rekey(net, PEER)
    net.sleep(1)
    (new,) = rekeyed(net, US)
    assert (new.local_ts, new.remote_ts) == (stood.local_ts, stood.remote_ts)
    conclude(net)


@pytest.mark.parametrize("who", [US, PEER])
def test_who_answers_sends_on_the_old_child_until_its_delete(initiator: str, who: str) -> None:
    """Race 25: it hears nothing on the new one, for only it has something to say."""
    net = connect(initiator, every=0)
    other = OTHER[who]
    net.stream(0.02, senders=(other,))
    net.sleep(0.1)
    old = child(net, other)
    net.lose_when(request(who, INFORM, 1), 2)  # the Delete comes 1.4 s late
    rekey(net, who)
    net.sleep(1)
    (new,) = rekeyed(net, other)
    assert net.hosts[other].worker.uses == {old: Use.ACTIVE, new.inbound_spi: Use.STANDBY}
    net.sleep(1)
    assert net.hosts[other].worker.uses == {old: Use.RETIRED, new.inbound_spi: Use.ACTIVE}
    assert net.traffic.sent == net.traffic.arrived
    conclude(net)


@pytest.mark.parametrize("who", [US, PEER])
def test_a_packet_on_the_new_child_is_enough_to_send_on_it(initiator: str, who: str) -> None:
    """Race 26: the Delete is still to come."""
    net = connect(initiator)
    other = OTHER[who]
    net.lose_when(request(who, INFORM, 1), 2)
    rekey(net, who)
    net.sleep(0.2)
    (new,) = rekeyed(net, other)
    assert net.hosts[other].worker.uses[new.inbound_spi] is Use.ACTIVE
    assert net.traffic.last[other].child.inbound_spi == new.inbound_spi
    conclude(net)


@pytest.mark.parametrize("who", [US, PEER])
def test_a_hard_lifetime_ends_a_child_whose_rekeying_is_unanswered(
    initiator: str, who: str
) -> None:
    """Race 27."""
    limited = {who: quiet(who, child_lifetime=60.0), OTHER[who]: quiet(OTHER[who])}
    net = connect(initiator, limited["moon"], limited["sun"])
    old = child(net, who)
    net.lose = lambda _: 50 < net.now < 64
    net.sleep(60.5 - net.now)
    (closed,) = net.seen(ChildClosed, who)
    assert (closed.inbound_spi, closed.reason) == (old, Reason.LIFETIME)
    assert net.hosts[who].children == {}
    net.sleep(12)
    assert old not in net.hosts[who].children
    conclude(net, gap=15.0, children=(0, 1), after=4.0)


def test_two_limits_at_once_make_one_rekeying(initiator: str) -> None:
    """Race 28."""
    net = connect(initiator)
    spi = child(net, US)
    net.tell(US, RekeyWanted(spi, "octets"))
    net.tell(US, RekeyWanted(spi, "time"))
    net.sleep(0.015)
    net.tell(US, RekeyWanted(spi, "packets"))
    net.sleep(1)
    net.tell(US, RekeyWanted(spi, "late word of the old one"))
    net.sleep(1)
    assert len(rekeyed(net, US)) == len(rekeyed(net, PEER)) == 1
    conclude(net)


def several(name: str, count: int, **changes: object) -> Profile:
    """Return a profile with more children: 10.1.x.0/24 === 10.2.x.0/24."""
    local, remote = (NETS[end].split(".")[1] for end in (name, OTHER[name]))
    children = tuple(
        ChildProfile(selectors(f"10.{local}.{x}.0/24"), selectors(f"10.{remote}.{x}.0/24"))
        for x in range(count)
    )
    return quiet(name, children=children, **changes)


def with_several(initiator: str, count: int, **changes: object) -> Network:
    """Return two ends with several children, and packets on all of them."""
    net = Network(several(US, count, **changes), several(PEER, count, **changes))
    net.initiate(initiator)
    net.sleep(1)
    for wanted in net.hosts[US].profile.children[len(net.hosts[US].children) :]:
        want(net, US, wanted)
        net.sleep(0.1)
    assert len(net.hosts[US].children) == len(net.hosts[PEER].children) == count
    for x in range(count):
        net.stream(0.02, f"10.1.{x}.9", f"10.2.{x}.9")
    net.sleep(0.1)
    return net


def test_two_children_that_come_due_at_once_take_turns(initiator: str) -> None:
    """Race 29: a window of one."""
    net = with_several(initiator, 2)
    start = len(said(net, US, CREATE))
    for spi in tuple(net.hosts[US].children):
        rekey(net, US, spi)
    assert len(said(net, US, CREATE)) - start == 1
    net.sleep(1)
    assert len(rekeyed(net, US)) == len(rekeyed(net, PEER)) == 2
    conclude(net, children=(2,))


@pytest.mark.parametrize("shuffled", [False, True])
def test_a_window_of_five_is_used_in_any_order(initiator: str, shuffled: bool) -> None:
    """Race 30."""
    net = with_several(initiator, 3, window=5)
    start = len(said(net, US, CREATE))
    if shuffled:
        net.delay_when(request(US, CREATE, start + 1), LATE)
        net.delay_when(request(US, CREATE, start + 2), LATE / 2)
    for spi in tuple(net.hosts[US].children):
        rekey(net, US, spi)
    assert len(said(net, US, CREATE)) - start == 3
    net.sleep(1)
    assert len(rekeyed(net, US)) == len(rekeyed(net, PEER)) == 3
    conclude(net, children=(3,))


@pytest.mark.parametrize("shuffled", [False, True])
def test_both_ends_rekey_everything_at_once_in_a_window_of_five(
    initiator: str, shuffled: bool
) -> None:
    """Races 29 and 30, from both ends."""
    net = with_several(initiator, 3, window=5)
    if shuffled:
        net.delay = lambda _: net.random.random() * 0.2
    spis = {name: tuple(net.hosts[name].children) for name in (US, PEER)}
    for name in (US, PEER):
        for spi in spis[name]:
            rekey(net, name, spi)
    conclude(net, children=(3,))
