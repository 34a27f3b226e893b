"""The wire does what it is told, at the rates it is told, and the same each time."""

import itertools
import select
import socket
import time

import pytest

from tests.lab.needs import require
from tests.lab.relay import Weather, Wire, is_ip
from tests.lab.relay_lab import RelayLab
from tundev.raw import open_esp

MANY = 4000


def frame(number: int, protocol: int = 17, octets: int = 100) -> bytes:
    """Return an IPv4 packet in an Ethernet frame, as far as the relay looks at it."""
    head = bytes(12) + b"\x08\x00" + b"\x45" + bytes(8) + bytes((protocol,)) + bytes(10)
    return head + number.to_bytes(4, "big") + bytes(octets)


def carried(weather: Weather, seed: str = "seed") -> tuple[Wire, list[int]]:
    wire = Wire(seed)
    wire.weather = weather
    out: list[bytes] = []
    for number in range(MANY):
        now = number * 0.005
        out += wire.due(now)
        wire.arrived(frame(number), now)
    out += wire.due(MANY)
    assert wire.next_due() is None
    return wire, [int.from_bytes(one[34:38], "big") for one in out]


def test_good_weather_changes_nothing() -> None:
    assert carried(Weather())[1] == list(range(MANY))


def test_every_frame_waits_its_delay() -> None:
    wire = Wire("seed")
    wire.weather = Weather(delay_s=0.5)
    wire.arrived(frame(1), 10.0)
    assert wire.next_due() == 10.5
    assert wire.due(10.49) == []
    assert wire.due(10.5) == [frame(1)]


def test_a_share_is_lost() -> None:
    wire, numbers = carried(Weather(loss=0.1))
    assert len(numbers) == MANY - wire.counters.lost
    assert 0.08 * MANY < wire.counters.lost < 0.12 * MANY
    assert numbers == sorted(numbers)


def test_a_share_comes_twice_and_later() -> None:
    wire, numbers = carried(Weather(duplicate=0.1))
    assert len(numbers) == MANY + wire.counters.duplicated
    assert 0.08 * MANY < wire.counters.duplicated < 0.12 * MANY
    assert set(numbers) == set(range(MANY))


def test_a_share_is_overtaken() -> None:
    wire, numbers = carried(Weather(reorder=0.1))
    assert sorted(numbers) == list(range(MANY))
    assert 0.08 * MANY < wire.counters.reordered < 0.12 * MANY
    assert sum(a > b for a, b in itertools.pairwise(numbers)) > 0.05 * MANY


def test_the_seed_decides() -> None:
    bad = Weather(loss=0.1, duplicate=0.1, reorder=0.1)
    assert carried(bad)[1] == carried(bad)[1]
    assert carried(bad)[1] != carried(bad, "another")[1]


def test_big_ones_do_not_fit() -> None:
    wire = Wire("seed")
    wire.weather = Weather(largest=576)
    small, big = frame(1, octets=576 - 24), frame(2, octets=577 - 24)
    wire.arrived(small, 0.0)
    wire.arrived(big, 0.0)
    assert wire.due(0.0) == [small]
    assert wire.counters.too_big == 1


def test_the_seeking_of_neighbours_is_left_alone() -> None:
    ipv6 = bytes(12) + b"\x86\xdd" + bytes(6)
    assert not is_ip(ipv6 + bytes((58,)) + bytes(33) + bytes((135,)))  # a solicitation
    assert is_ip(ipv6 + bytes((58,)) + bytes(33) + bytes((128,)))  # an echo request
    assert is_ip(ipv6 + bytes((50,)) + bytes(40))
    assert not is_ip(bytes(12) + b"\x08\x06" + bytes(28))
    wire = Wire("seed")
    wire.weather = Weather(loss=1.0)
    wire.arrived(b"no IP", 0.0)
    assert wire.due(0.0) == [b"no IP"]


@pytest.mark.lab
def test_the_rates_are_those_it_was_told() -> None:
    require("ethtool")
    with RelayLab() as lab:
        assert lab.ping("ga", "10.99.0.2", 100, 0.002) == 0
        assert lab.ping("gb", "fd99::1", 100, 0.002) == 0
        lab.weather(Weather(loss=0.1, duplicate=0.1, reorder=0.1, delay_s=0.01))
        started = time.monotonic()
        lost = lab.ping("ga", "10.99.0.2", 1000, 0.002)
        assert time.monotonic() - started > 2
        told = lab.counters()
        assert 1000 <= told["a"].arrived < 1020  # the kernel says a few words of its own
        assert 140 < lost < 240  # 19 %: each way a tenth
        assert lost == pytest.approx(told["a"].lost + told["b"].lost, abs=40)  # a copy saves some
        for one in told.values():
            for share in (one.lost, one.duplicated, one.reordered):
                assert share / one.arrived == pytest.approx(0.1, abs=0.03)
        lab.weather(Weather(largest=576))
        assert lab.ping("ga", "10.99.0.2", 3, octets=548) == 0
        assert lab.ping("ga", "10.99.0.2", 3, octets=550) == 3
        lab.weather(Weather())
        assert lab.ping("ga", "10.99.0.2", 3, octets=1400) == 0


@pytest.mark.lab
def test_protocol_50_passes() -> None:
    require("ethtool")
    with RelayLab() as lab:
        with lab["ga"].enter():
            sender = open_esp(4, 0, "10.99.0.1")
        with lab["gb"].enter():
            taker = open_esp(4, 0, "10.99.0.2")
        with sender, taker:
            sender.sendto(b"\0\0\1\0" + bytes(20), ("10.99.0.2", 0))
            assert select.select([taker], [], [], 2)[0]
            assert isinstance(taker, socket.socket)
        assert lab.counters()["a"].arrived >= 1
