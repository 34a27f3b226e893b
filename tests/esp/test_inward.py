"""The way in in both lanes; that they differ in nothing is test_differential's."""

import pytest

from tests.esp.flows import stream
from tests.esp.rounds import Datagram, lane_in, moon, sealed, sun

LANES = pytest.mark.parametrize("vectors", [False, True], ids=["plain", "numpy"])


def datagrams(count: int, size: int = 1000) -> list[Datagram]:
    """Seal packets of one TCP stream."""
    half = moon("gcm").children[0x1000].rows_out
    if half is None:
        raise TypeError("ESP in tunnel mode")
    tcp = stream("tcp4")
    packets = [tcp.packet(bytes(size)) for _ in range(count)]
    return [Datagram(sealed(half, packet, 4), packet) for packet in packets]


@LANES
def test_a_run_becomes_one_write(vectors: bool) -> None:
    came = datagrams(40)
    (packets, _, _), lane = lane_in(sun("gcm"), [came], vectors=vectors)
    assert len(packets) == 40
    assert lane.coalescer.runs == 1


@LANES
def test_runs_of_two_reads_are_joined_too(vectors: bool) -> None:
    came = datagrams(60)
    (packets, _, _), lane = lane_in(sun("gcm"), [came[:20] + came[20:40], came[40:]],
                                    vectors=vectors)  # fmt: skip
    assert packets[0] == came[0].inner
    assert len(packets) == 60
    assert lane.coalescer.runs == 2


@LANES
def test_a_bad_packet_a_gap_and_a_replay_cost_no_other(vectors: bool) -> None:
    came = datagrams(40)
    broken = came[7].octets[:-1] + bytes((came[7].octets[-1] ^ 1,))
    burst = [*came[:7], Datagram(broken), *came[8:20], *came[21:], came[3]]
    engine = sun("gcm")
    (packets, _, _), _ = lane_in(engine, [burst], vectors=vectors)
    assert [one[40:] for one in packets] == [bytes(1000)] * 38
    assert engine.counters.counts["integrity"] == engine.counters.counts["replay"] == 1


@LANES
def test_ike_in_the_middle_of_a_run_is_nobodys_packet(vectors: bool) -> None:
    came = datagrams(10)
    ike = Datagram(bytes(4) + b"x" * (len(came[0].octets) - 4))
    (packets, told, _), _ = lane_in(sun("gcm"), [[*came[:5], ike, *came[5:]]], vectors=vectors)
    assert len(packets) == 10
    assert told == [ike.octets]
