"""The parts that both demonstrations show."""

import io

import pytest

from ikebana.control.view import ConnectionState, ConnectionView
from ikebana.demo.ping import Echo
from ikebana.demo.report import show_pings, show_proof, show_sas, show_speed
from ikebana.demo.show import Screen
from ikebana.demo.speed import Interval
from ikebana.demo.tally import Tally


@pytest.fixture
def stream() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def screen(stream: io.StringIO) -> Screen:
    return Screen(stream, lambda: 0.0)


def test_every_ping_must_be_answered(screen: Screen, stream: io.StringIO) -> None:
    assert show_pings(screen, "moon-host", [Echo("10.2.0.2", 1, 0.5)])
    assert not show_pings(
        screen, "moon-host", [Echo("10.2.0.2", 1, 0.5), Echo("10.2.0.2", 2, None)]
    )
    assert not show_pings(screen, "moon-host", [])
    assert stream.getvalue().splitlines() == [
        "  moon-host → 10.2.0.2: seq 1, 0.50 ms",
        "  moon-host → 10.2.0.2: seq 1, 0.50 ms",
        "  moon-host → 10.2.0.2: seq 2, no answer",
        "  ✘ 1 of 2 pings got no answer",
    ]


def test_seconds_are_drawn_and_the_rest_only_counts(screen: Screen, stream: io.StringIO) -> None:
    seconds = [Interval(1_000_000, 1.0), Interval(2_000_000, 1.0), Interval(375_000, 0.5)]
    assert show_speed(screen, seconds) == 10.8
    assert stream.getvalue().splitlines() == [
        "    1 s        8 Mbit/s  " + "█" * 32,
        "    2 s       16 Mbit/s  " + "█" * 40,
    ]
    assert show_speed(screen, []) == 0


def test_a_proof_that_fails_says_why(screen: Screen, stream: io.StringIO) -> None:
    assert not show_proof(screen, Tally())
    assert "✘ no ESP was seen: the traffic took another way" in stream.getvalue()


def test_sas_are_shown_as_status_does(screen: Screen, stream: io.StringIO) -> None:
    show_sas(screen, "moon", ConnectionView("net", ConnectionState.CONNECTED, peer="10.99.0.2"))
    lines = stream.getvalue().splitlines()
    assert lines[1].startswith("The SAs of moon: ikebana status net")
    assert lines[2:4] == ["● net: connected", "  peer:     10.99.0.2"]
