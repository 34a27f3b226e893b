"""What nobody vouches for is remembered as evidence, and ends nothing by itself."""

import pytest

from ikecore.actions import Action, Dropped
from ikev1.flight import Flight
from ikev1.flights import PHASE1
from ikev1.hints import Hints
from ikev1.labels import notify_name
from ikev1.message import Exchange, Header, build_clear, parse_header
from ikev1.payloads.chain import Payload
from ikev1.payloads.delete import Delete
from ikev1.payloads.notify import Notify
from ikev1.payloads.types import NotifyType
from ikev1.sa import IkeSa
from ikev1.state import State
from tests.pair.network import only

from .alone import COOKIES, PATH, Scripted, lone

REFUSAL = Notify(NotifyType.NO_PROPOSAL_CHOSEN)
ENCIPHERED = Header(*COOKIES, Exchange.MAIN, PHASE1, encrypted=True)
INFORMATIONAL = Header(*COOKIES, Exchange.INFORMATIONAL, 9, encrypted=True)

MESSAGE = bytes(76)


def negotiating(*, initiator: bool = True) -> tuple[IkeSa, Flight]:
    """Return an SA that has said something and waits until second 10."""
    sa = lone(initiator=initiator)
    flight = Flight(PHASE1, Scripted(), sa.profile.retry, 0.0)
    flight.say((b"a message",), 0.0, 10.0)
    sa.flights.add(flight)
    return sa, flight


def in_clear(sa: IkeSa, *payloads: Payload, now: float = 2.0) -> list[Action]:
    header = Header(*COOKIES, Exchange.INFORMATIONAL, 9, encrypted=False)
    datagram = build_clear(header, payloads)
    return sa.hints.take_clear(sa, parse_header(datagram), datagram, PATH, now)


def reasons(actions: list[Action]) -> list[str]:
    return [dropped.reason for dropped in only(Dropped, actions)]


def test_a_refusal_in_clear_is_evidence_and_the_truth_may_still_come() -> None:
    sa, flight = negotiating()
    assert reasons(in_clear(sa, REFUSAL)) == ["unauthenticated"]
    assert sa.hints.told == ["NO_PROPOSAL_CHOSEN"]
    assert sa.state is State.NEGOTIATING
    assert flight.deadline == 3.0
    in_clear(sa, REFUSAL, now=2.9)
    assert flight.deadline == 3.0


def test_a_responder_is_not_hurried() -> None:
    sa, flight = negotiating(initiator=False)
    in_clear(sa, REFUSAL)
    assert flight.deadline == 10.0


def test_only_the_last_few_are_remembered() -> None:
    sa, _ = negotiating()
    for number in range(1, 20):
        in_clear(sa, Notify(number))
    assert sa.hints.told == [notify_name(number) for number in range(16, 20)]


@pytest.mark.parametrize(
    "payload",
    [Delete(1, (b"".join(COOKIES),)), Notify(NotifyType.INITIAL_CONTACT), Notify(16384)],
    ids=["Delete", "INITIAL_CONTACT", "CONNECTED"],
)
def test_nothing_else_is_heeded_in_clear(payload: Payload) -> None:
    sa, flight = negotiating()
    assert reasons(in_clear(sa, payload)) in (["unauthenticated"], ["malformed"])
    assert sa.hints.told == []
    assert flight.deadline == 10.0


def test_after_phase_1_nothing_is_heeded_in_clear() -> None:
    sa, flight = negotiating()
    flight.end(60.0)
    assert reasons(in_clear(sa, REFUSAL)) == ["unauthenticated"]
    assert sa.hints.told == []


def test_nonsense_in_clear_is_dropped() -> None:
    sa, flight = negotiating()
    header = Header(*COOKIES, Exchange.INFORMATIONAL, 9, encrypted=False)
    datagram = build_clear(header, (REFUSAL,))
    damaged = datagram[:-3] + b"\xff" + datagram[-2:]  # an SPI of 255 octets
    cut = datagram[:30] + b"\xff\xff" + datagram[32:]
    for octets in (damaged, cut):
        actions = sa.hints.take_clear(sa, parse_header(octets), octets, PATH, 2.0)
        assert len(only(Dropped, actions)) == 1
    assert flight.deadline == 10.0


def test_what_our_key_does_not_open_is_told_to_a_responder_once() -> None:
    sa, flight = negotiating(initiator=False)
    assert reasons(sa.hints.unreadable(sa, ENCIPHERED, MESSAGE, 2.0)) == ["unreadable"]
    assert sa.hints.is_unreadable
    assert sa.hints.unreadable(sa, ENCIPHERED, MESSAGE, 3.0) == []
    assert flight.deadline == 10.0


def test_an_answer_that_our_key_does_not_open_hurries_an_initiator() -> None:
    sa, flight = negotiating()
    assert sa.hints.unreadable(sa, INFORMATIONAL, MESSAGE, 2.0) == []
    assert sa.hints.is_unreadable
    assert flight.deadline == 7.0


def test_what_is_shorter_than_our_refusal_gets_none() -> None:
    sa, _ = negotiating(initiator=False)
    assert sa.hints.unreadable(sa, ENCIPHERED, bytes(39), 2.0) == []
    assert sa.hints == Hints()
    assert reasons(sa.hints.unreadable(sa, ENCIPHERED, bytes(40), 2.0)) == ["unreadable"]


def test_octets_in_clear_or_after_phase_1_show_nothing_of_keys() -> None:
    sa, flight = negotiating()
    clear = Header(*COOKIES, Exchange.MAIN, PHASE1, encrypted=False)
    assert sa.hints.unreadable(sa, clear, MESSAGE, 2.0) == []
    flight.end(60.0)
    assert sa.hints.unreadable(sa, ENCIPHERED, MESSAGE, 2.0) == []
    assert sa.hints == Hints()
