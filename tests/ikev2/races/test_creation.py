"""Children are made and deleted, by both ends at once and in odd ways (RFC 7296 1.3.1, 1.4.1)."""

from dataclasses import replace

import pytest

from ikecore.actions import ChildEstablished, Failed
from ikecore.profile import Childless
from ikecore.proposals import Protocol
from ikev2.message import Message
from ikev2.payloads.delete import Delete
from ikev2.payloads.notify import Notify
from ikev2.payloads.types import NotifyType
from tests.ikev2.network import Network
from tests.ikev2.wire import Kind, request, response

from .scene import (
    CREATE,
    INFORM,
    LATE,
    PEER,
    US,
    answer_instead,
    ask,
    child,
    close_child,
    conclude,
    connect,
    connect_with_one_of_two,
    lowest_is,
    quiet,
    rekey,
    rekeyed,
    said,
    second,
    want,
)

BOTH = (US, PEER)


def test_a_peer_that_takes_no_more_children_keeps_those_it_has(initiator: str) -> None:
    """Race 47."""
    net = connect_with_one_of_two(initiator)
    answer_instead(net, request(US, CREATE), Notify(NotifyType.NO_ADDITIONAL_SAS))
    want(net, US, second(US))
    net.sleep(2)
    (failed,) = net.seen(Failed, US)
    assert failed.child == second(US)
    conclude(net)


@pytest.mark.parametrize("loser", BOTH, ids=["ours goes", "theirs goes"])
@pytest.mark.parametrize("kind", [None, request, response], ids=["", "request late", "answer late"])
@pytest.mark.parametrize("late", BOTH)
@pytest.mark.parametrize("senders", [BOTH, (US,), (PEER,)], ids=["", "only we send", "only they"])
def test_both_ends_make_the_same_child_at_once(
    initiator: str, senders: tuple[str, ...], late: str, kind: Kind | None, loser: str
) -> None:
    """Race 48: a packet was trapped at both."""
    net = connect_with_one_of_two(initiator)
    if kind is not None:
        net.delay_when(kind(late, CREATE, 1), LATE)
    lowest_is(net, loser)
    for name in BOTH:
        want(net, name, second(name))
    net.sleep(0.1 if kind is None else LATE + 0.1)
    net.stream(0.02, "10.1.7.9", "10.2.7.9", senders)
    # Who was done before the other's request came saw no collision: if it was its turn to delete
    # the other end does that when it has waited for long enough.
    conclude(net, children=(2,), after=45)


def test_a_delete_of_several_spis_takes_those_that_are_there(initiator: str) -> None:
    """Race 49."""
    net = connect(initiator)
    ours = child(net, US)

    def more(message: Message) -> Message:
        said = (
            replace(p, spis=(0xDEADBEEF, *p.spis, 0xC0FFEE00)) if isinstance(p, Delete) else p
            for p in message.payloads
        )
        return replace(message, payloads=tuple(said))

    net.change_when(request(PEER, INFORM, 1), more)
    close_child(net, PEER)
    net.sleep(1)
    assert said(net, US, INFORM) == ["< D(1)"]
    assert ours not in net.hosts[US].children
    conclude(net, gap=20.0, children=(0,))


def test_a_delete_that_names_the_wrong_half_changes_nothing(initiator: str) -> None:
    """Race 50: a Delete names its sender's inbound SPI."""
    net = connect(initiator)
    (spec,) = net.hosts[US].children.values()
    assert ask(net, PEER, INFORM, Delete(Protocol.ESP, (spec.inbound_spi,))) == ()
    assert child(net, US) == spec.inbound_spi
    conclude(net)


def test_an_empty_delete_changes_nothing(initiator: str) -> None:
    """Race 51."""
    net = connect(initiator)
    assert ask(net, PEER, INFORM, Delete(Protocol.ESP, ())) == ()
    conclude(net)


@pytest.mark.parametrize("who", BOTH)
def test_an_ike_sa_without_children_gets_them_later(initiator: str, who: str) -> None:
    """Race 52 (RFC 6023)."""
    profiles = {name: quiet(name, childless=Childless.PREFER) for name in BOTH}
    net = Network(profiles["moon"], profiles["sun"])
    net.initiate(initiator)
    net.sleep(1)
    assert len(net.up(US)) == len(net.up(PEER)) == 1
    assert net.hosts[US].children == net.hosts[PEER].children == {}
    want(net, who, profiles[who].children[0])
    while not all(net.seen(ChildEstablished, name) for name in BOTH):
        net.sleep(0.005)
    net.stream(0.01)
    conclude(net)


@pytest.mark.parametrize("first", [True, False], ids=["before it", "after it"])
def test_a_delete_in_company_is_obeyed(initiator: str, first: bool) -> None:
    """Race 53."""
    net = connect(initiator)
    company = (
        Notify(40961, b"a word of its own"),
        Notify(NotifyType.INVALID_SELECTORS, b"", Protocol.ESP, b"\xde\xad\xbe\xef"),
    )

    def with_company(message: Message) -> Message:
        said = (*company, *message.payloads) if first else (*message.payloads, *company)
        return replace(message, payloads=said)

    net.change_when(request(PEER, INFORM, 1), with_company)
    rekey(net, PEER)
    net.sleep(1)
    assert len(rekeyed(net, US)) == 1
    assert said(net, US, INFORM) == ["< D(1)"]
    conclude(net)
