"""The Nonce codec."""

import pytest
from scapy.layers.isakmp import ISAKMP_payload_Nonce

from ikecore.wire import Malformed
from ikev1.payloads.nonce import Nonce
from tests.ikecore.codec import accepted_cuts, read


@pytest.mark.parametrize("length", [0, 7, 257, 4096])
def test_a_nonce_too_short_or_too_long_is_malformed(length: int) -> None:
    with pytest.raises(Malformed, match=f"nonce of {length} octets"):
        read(Nonce, bytes(length))


def test_the_shortest_and_the_longest_are_taken() -> None:
    assert accepted_cuts(Nonce, bytes(300)) == list(range(8, 257))


def test_scapy_reads_ours_and_we_read_scapys() -> None:
    theirs = bytes(ISAKMP_payload_Nonce(next_payload=0, nonce=b"n" * 32))
    assert read(Nonce, theirs[4:]) == Nonce(b"n" * 32)
    assert ISAKMP_payload_Nonce(b"\0\0\0\x24" + Nonce(b"m" * 32).body()).nonce == b"m" * 32
