"""What the segmenter leaves to others."""

import pytest

from esp.sa import Drop
from esp.sendbuffer import SendBuffer
from esp.vector.segmenter import Segmenter
from policy.flow import MalformedPacket
from tests.esp.flows import Stream, stream
from tests.esp.tunnel import child_pair

SENT: list[bytes] = []


def cut(tcp: Stream, size: int, mss: int, *, limit: int = 1 << 30, l4: int = 20) -> int | None:
    """Return how many packets were sealed, None if it was left alone."""
    child = child_pair()[0]
    child.outbound.limit = limit
    packet = memoryview(bytearray(tcp.packet(bytes(size))))
    if child.rows_out is None:
        raise TypeError("ESP in tunnel mode")
    segmenter = Segmenter(SendBuffer(lambda *_: None))
    sealed = segmenter.seal(child, child.rows_out, packet, l4, tcp.kind, mss)
    return sealed.count if sealed is not None else None


def test_full_segments_are_sealed_and_the_rest_is_left() -> None:
    assert cut(stream("tcp4"), 10_500, 1000) == 10
    assert cut(stream("udp4"), 10_500, 1000) == 10


@pytest.mark.parametrize(("size", "mss"), [(3000, 1000), (9999, 999), (20_000, 1450)])
def test_too_few_odd_and_large_segments_are_left_alone(size: int, mss: int) -> None:
    assert cut(stream("tcp4"), size, mss) is None


def test_ip_options_are_left_alone() -> None:
    with_options = stream("tcp4")
    with_options.ip_options = b"\x94\x04\0\0"
    assert cut(with_options, 9000, 1000, l4=24) is None


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(MalformedPacket):
        cut(stream("tcp4"), 9000, 1000, l4=60)
    with pytest.raises(MalformedPacket):
        cut(stream("tcp4"), 9000, 0)


def test_without_numbers_for_all_nothing_is_done() -> None:
    with pytest.raises(Drop, match="sequence_exhausted"):
        cut(stream("tcp4"), 9000, 1000, limit=8)


def test_tiny_segments_are_cut_as_far_as_the_buffers_reach() -> None:
    assert cut(stream("tcp4"), 64_000, 48) == 1024
