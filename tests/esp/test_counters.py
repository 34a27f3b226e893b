"""Counts start at 0, grow, and are copied out."""

from esp.counters import DROPS, OTHERS, TRAFFIC, Counters


def test_every_name_is_there_from_the_start() -> None:
    assert Counters().snapshot() == dict.fromkeys(TRAFFIC + DROPS + OTHERS, 0)
    assert len(set(TRAFFIC + DROPS + OTHERS)) == len(TRAFFIC + DROPS + OTHERS)


def test_counts_grow_and_new_names_are_taken() -> None:
    counters = Counters()
    counters.count("replay")
    counters.count("replay", 2)
    counters.count("weather")
    assert counters.snapshot()["replay"] == 3
    assert counters.snapshot()["weather"] == 1


def test_a_snapshot_does_not_grow() -> None:
    counters = Counters()
    before = counters.snapshot()
    counters.count("replay")
    assert before["replay"] == 0
