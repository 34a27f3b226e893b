"""Counts start at 0, grow, and are copied out."""

import re
from pathlib import Path

from esp.counters import COUNTERS, DROPS, OF_SA, OTHERS, TRAFFIC, Counters


def test_every_name_is_there_from_the_start() -> None:
    assert Counters().snapshot() == dict.fromkeys(TRAFFIC + DROPS + OTHERS, 0)
    assert len(set(TRAFFIC + DROPS + OTHERS)) == len(COUNTERS)


def test_what_operators_were_promised_is_counted() -> None:
    promised = (
        "packets_in packets_out octets_in octets_out replay integrity padding malformed no_sa "
        "policy selectors sequence_exhausted no_key queue_full too_big fragments dummy icmp_in "
        "tun_full held_expired"
    )
    assert set(promised.split()) <= set(Counters().snapshot())


def test_every_name_in_the_packet_path_is_in_the_table() -> None:
    root = Path(__file__).parents[2]
    used = re.compile(r'(?:Drop|count|drop|dropped)\("(\w+)"|counts\["(\w+)"')
    found = {
        one or other
        for folder in ("esp", "ikebana/worker")
        for path in (root / folder).rglob("*.py")
        for one, other in used.findall(path.read_text("utf-8"))
    }
    assert {"no_sa", "replay", "queue_full", "octets_in"} <= found
    assert found - {one.name for one in COUNTERS} == set()


def test_cover_traffic_is_no_loss_and_what_has_no_sa_is_not_told_of_one() -> None:
    assert "dummy" not in DROPS
    assert {"replay", "integrity", "dummy"} <= OF_SA
    assert not OF_SA & {"no_sa", "policy", *TRAFFIC}


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
