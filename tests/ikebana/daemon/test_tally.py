"""Counts of children, rates, and drops by name."""

from ikebana.daemon.tally import Counts, Tally
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
    assert some(tally) == {"replay": 3, "packets_in": 9, "ike_malformed": 2}


def some(tally: Tally) -> dict[str, int]:
    """Return the counters that are not 0."""
    return {name: count for name, count in tally.all().items() if count}


def test_every_counter_is_there_before_the_worker_says_anything_and_no_other_after() -> None:
    tally = Tally()
    names = set(tally.all())
    assert {"packets_in", "replay", "dummy"} <= names
    tally.take(Traffic({"replay": 3, "of my own": 1}, ()), 1.0)
    tally.restarted()
    assert set(tally.all()) == names


def test_the_daemons_and_the_workers_rate_are_one_number() -> None:
    tally = Tally()
    tally.take(Traffic({"ike_rate": 5}, ()), 1.0)
    tally.drop("rate")
    assert tally.drops() == some(tally) == {"ike_rate": 6}


def test_counts_go_on_when_another_worker_begins_from_zero() -> None:
    tally = Tally()
    tally.take(Traffic({"replay": 3, "packets_in": 9}, ()), 1.0)
    tally.restarted()
    assert some(tally) == {"replay": 3, "packets_in": 9}
    tally.take(Traffic({"replay": 1, "packets_in": 2}, ()), 2.0)
    assert some(tally) == {"replay": 4, "packets_in": 11}
    assert tally.drops() == {"replay": 4}
    assert tally.traffic() == {
        "packets_in": 11, "packets_out": 0, "octets_in": 0, "octets_out": 0,
    }  # fmt: skip


def test_a_message_without_counts_says_nothing_of_them() -> None:
    tally = Tally()
    tally.take(Traffic({"replay": 3}, ()), 1.0)
    tally.take(Traffic({}, ()), 2.0)
    assert some(tally) == {"replay": 3}


def test_what_a_child_dropped_is_its_own_and_adds_up() -> None:
    tally = Tally()
    counts = tally.open(1, 10.0)
    tally.take(Traffic({}, (), ((1, {"replay": 2, "dummy": 4}), (99, {"replay": 7}))), 11.0)
    tally.take(Traffic({}, (), ((1, {"replay": 3, "no_such_counter": 1}),)), 12.0)
    assert counts.drops == {"replay": 3}  # cover traffic is no loss
    assert counts.seen == {"replay": 3, "dummy": 4}
    past = Counts(seen={"replay": 1, "padding": 1})
    past.add(counts)
    assert past.drops == {"replay": 4, "padding": 1}
