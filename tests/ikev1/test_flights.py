"""All exchanges of an SA: found by message ID, bounded, and no ID of the peer's used twice."""

from itertools import count

from ikecore.retry import RetryPlan
from ikecore.timetable import NEVER
from ikev1.flight import Flight
from ikev1.flights import PHASE1, Flights
from ikev1.message import Exchange
from ikev1.rules import Place

from .alone import Scripted


class Numbers:
    """Entropy that gives these message IDs."""

    def __init__(self, *ids: int) -> None:
        self._ids = iter(ids)

    def octets(self, count: int) -> bytes:
        return next(self._ids).to_bytes(count, "big")


def flight(message_id: int, *, ours: bool = True, kind: Exchange = Exchange.QUICK) -> Flight:
    return Flight(message_id, Scripted(kind, Place.QM1), RetryPlan(), 0.0, ours=ours)


def over(message_id: int, forget_at: float = 60.0) -> Flight:
    made = flight(message_id)
    made.end(forget_at)
    return made


def test_exchanges_are_found_by_their_ids() -> None:
    flights = Flights()
    one = flight(7)
    flights.add(one)
    assert flights.get(7) is one
    assert flights.get(8) is None
    assert list(flights) == [one]
    flights.forget(one)
    assert flights.get(7) is None
    flights.forget(one)


def test_what_is_over_makes_room_and_phase_1_stays() -> None:
    flights = Flights()
    flights.add(over(PHASE1))
    live = flight(1)
    flights.add(live)
    for number in range(2, 200):
        flights.add(over(number))
    kept = [one.message_id for one in flights]
    assert len(kept) == 64
    assert kept[:2] == [PHASE1, 1]
    assert kept[2:] == list(range(138, 200))


def test_an_id_of_the_peers_is_used_once_and_what_is_remembered_is_bounded() -> None:
    flights = Flights()
    flights.use(1)
    assert flights.is_used(1)
    assert not flights.is_used(2)
    for number in range(2, 2 + 16_384):
        flights.use(number)
    assert not flights.is_used(1)
    assert flights.is_used(2)


def test_a_fresh_id_is_nobodys_and_never_phase_1s() -> None:
    flights = Flights()
    flights.add(flight(5))
    flights.use(6)
    assert flights.fresh_id(Numbers(0, 5, 6, 7)) == 7
    assert flights.fresh_id(Numbers(7, 8)) == 8


def test_an_id_of_ours_is_none_of_the_peers() -> None:
    """HASH(1) is the same both ways: what we said might come back to us."""
    flights = Flights()
    assert flights.is_used(flights.fresh_id(Numbers(7)))


def test_quick_modes_under_way_are_counted_for_each_side() -> None:
    flights = Flights()
    ids = count(1)
    for ours in (True, True, False):
        flights.add(flight(next(ids), ours=ours))
    flights.add(flight(next(ids), kind=Exchange.TRANSACTION))
    flights.add(over(next(ids)))
    assert flights.quick_modes(ours=True) == 2
    assert flights.quick_modes(ours=False) == 1


def test_negotiations_under_way_are_found_by_class() -> None:
    flights = Flights()
    one, done = flight(1), over(2)
    flights.add(one)
    flights.add(done)
    assert flights.under_way(Scripted) == [one.negotiation]
    assert flights.under_way(Numbers) == []


def test_an_end_of_all_leaves_their_last_words() -> None:
    flights = Flights()
    one = flight(1)
    one.say((b"last word",), 0.0, 10.0)
    flights.add(one)
    flights.end_all()
    assert one.is_over
    assert one.sent == (b"last word",)
    assert flights.due == NEVER


def test_the_soonest_clock_counts() -> None:
    flights = Flights()
    assert flights.due == NEVER
    flights.add(over(1, 60.0))
    assert flights.due == 60.0
    two = flight(2)
    two.say((b"again",), 10.0, 10.0)
    flights.add(two)
    assert flights.due == 10.5
