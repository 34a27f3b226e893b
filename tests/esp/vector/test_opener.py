"""When rows are opened as rows, and when they are left to be taken one by one."""

from itertools import pairwise

import pytest

from esp.coalesce import Coalescer
from esp.engine import Engine
from esp.vector.opener import Opener
from tests.esp.flows import Device, stream
from tests.esp.rounds import moon, sealed, sun
from tests.esp.tunnel import MOON


class Rig:
    """Rows of one stream, sealed by moon, before sun's opener."""

    def __init__(self, transform: str = "gcm") -> None:
        half = moon(transform).children[0x1000].rows_out
        if half is None:
            raise TypeError("ESP in tunnel mode")
        self.half = half
        self.device = Device()
        self.engine: Engine = sun(transform)
        self.received = bytearray(1 << 17)
        coalescer = Coalescer(self.device.write)
        self.opener = Opener(self.engine, coalescer, self.received)
        self.flush = coalescer.flush
        self.tcp = stream("tcp4")

    def packets(self, count: int) -> list[bytes]:
        return [sealed(self.half, self.tcp.packet(bytes(500)), 4) for _ in range(count)]

    def open(self, rows: list[bytes], source: object = MOON, tos: int = 0) -> int:
        """Open what follows each other; return how many rows were taken."""
        flat, size = b"".join(rows), len(rows[0])
        self.received[: len(flat)] = flat
        bounds = pairwise(self.opener.bounds(len(rows), size))
        return sum(self.opener.open(*between, size, source, tos)[0] for between in bounds)

    @property
    def tops(self) -> list[int]:
        return [child.inbound.replay.top for child in self.engine.children.values()]


@pytest.mark.parametrize("transform", ["gcm", "cbc-sha256", "ctr"])
def test_good_rows_are_opened_and_joined(transform: str) -> None:
    rig = Rig(transform)
    assert rig.open(rig.packets(20)) == 20
    rig.flush()
    assert rig.device.counts == [20]
    assert rig.tops == [20, 0]


def test_a_gap_between_rows_is_no_reason_to_leave_them() -> None:
    rig = Rig()
    rows = rig.packets(20)
    assert rig.open(rows[:5] + rows[6:]) == 19
    (child, _) = rig.engine.children.values()
    assert child.inbound.replay.is_fresh(6)
    assert not child.inbound.replay.is_fresh(5)


@pytest.mark.parametrize(
    ("what", "taken"),
    [("forged", 5), ("repeated", 7), ("turned", 7), ("foreign", 7), ("elsewhere", 0), ("ecn", 0)],
)
def test_what_is_in_doubt_is_left_and_not_recorded(what: str, taken: int) -> None:
    rig = Rig()
    rows = rig.packets(8)
    source: object = MOON
    tos = 0
    match what:
        case "forged":
            rows[5] = rows[5][:-1] + bytes((rows[5][-1] ^ 1,))
        case "repeated":
            rows[5] = rows[4]
        case "turned":
            rows[4], rows[5] = rows[5], rows[4]
        case "foreign":
            rows[5] = b"\0\0\x0f\xff" + rows[5][4:]
        case "elsewhere":
            source = ("192.0.2.9", 1)
        case _:
            tos = 3
    assert rig.open(rows, source, tos) == taken
    (child, _) = rig.engine.children.values()
    window = child.inbound.replay
    new = sum(not window.is_fresh(seq) for seq in range(1, 9))
    assert new == child.inbound.packets == taken


def test_rows_after_those_still_pending_leave_them_as_they_are() -> None:
    rig = Rig()
    for _ in range(6):
        assert rig.open(rig.packets(10)) == 10
    rig.flush()
    packets = rig.device.packets
    assert len(packets) == 60
    assert {packet[40:] for packet in packets} == {bytes(500)}


def test_more_rows_than_are_counted_are_none_that_nobody_has_looked_at() -> None:
    rig = Rig()
    rig.tcp = stream("udp4")
    rows = [sealed(rig.half, rig.tcp.packet(b""), 4) for _ in range(1100)]
    forged = [row[:-1] + bytes((row[-1] ^ 1,)) for row in rows[1024:]]
    assert not rig.open(rows[:1024] + forged)
    assert rig.tops == [0, 0]
