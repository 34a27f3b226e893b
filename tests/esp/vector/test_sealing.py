"""Rows are sealed as their packets would be."""

import numpy as np
import pytest

from esp.sa import InboundSa, OutboundSa
from esp.sendbuffer import SendBuffer
from esp.vector.sealing import Sealing
from tests.esp.rounds import TRANSFORMS, make_sealer
from tests.esp.tunnel import child_pair


@pytest.mark.parametrize("begin", [0, (1 << 32) - 3])
@pytest.mark.parametrize("transform", TRANSFORMS)
def test_rows_open_one_by_one(transform: str, begin: int) -> None:
    buffer = SendBuffer(lambda *_: None)
    esn = begin > 0
    sa = OutboundSa(7, make_sealer(transform, 7), esn=esn)
    sa.seq = begin
    inner = [bytes((number,)) * 46 for number in range(8)]
    flat = b"".join(one + sa.trailer(46, 4) for one in inner)
    rows = np.frombuffer(flat, np.uint8).reshape(8, -1)
    width = rows.shape[1]
    plains = [memoryview(flat)[at * width : (at + 1) * width] for at in range(8)]
    size = width + sa.overhead
    first = sa.reserve(8, 8 * 46)
    place = buffer.reserve(child_pair()[0], 2, size, 0) + 2
    Sealing(buffer).seal(sa, first, rows, plains, place)
    peer = InboundSa(7, make_sealer(transform, 7), esn=esn)
    peer.replay.accept(begin)
    for number, one in enumerate(inner):
        at = (place + number) * size
        assert peer.unprotect(bytes(buffer.octets[at : at + size])) == (4, one)
