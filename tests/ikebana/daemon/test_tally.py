"""Counts of children, rates, and drops by name."""

from ikebana.daemon.tally import Tally
from ikebana.worker.messages import Traffic


def test_a_child_whose_incoming_packets_grew_was_heard() -> None:
    tally = Tally()
    tally.open(1, 10.0)
    tally.open(2, 10.0)
    first = Traffic({}, ((1, 5, 500, 0, 0), (2, 0, 0, 7, 700), (99, 1, 1, 1, 1)))
    assert tally.take(first, 11.0) == {1}
    assert tally.take(Traffic({}, ((1, 5, 500, 3, 300),)), 12.0) == frozenset()


def test_rates_are_of_the_last_interval_and_fall_to_zero_in_silence() -> None:
    tally = Tally()
    counts = tally.open(1, 10.0)
    tally.take(Traffic({}, ((1, 1, 1000, 1, 2000),)), 11.0)
    tally.take(Traffic({}, ((1, 2, 2000, 2, 6000),)), 13.0)
    assert counts.rates(13.5) == (4000.0, 16000.0)
    assert counts.rates(16.0) == (0.0, 0.0)


def test_a_closed_child_is_counted_no_longer() -> None:
    tally = Tally()
    counts = tally.open(1, 10.0)
    tally.close(1)
    assert tally.take(Traffic({}, ((1, 5, 500, 0, 0),)), 11.0) == frozenset()
    assert counts.packets_in == 0


def test_drops_name_their_reasons_and_leave_zeros_out() -> None:
    tally = Tally()
    tally.take(Traffic({"replay": 3, "integrity": 0, "packets_in": 9}, ()), 1.0)
    tally.drop("malformed")
    tally.drop("malformed")
    assert tally.drops() == {"replay": 3, "ike_malformed": 2}
    assert tally.all() == {"replay": 3, "integrity": 0, "packets_in": 9, "ike_malformed": 2}
