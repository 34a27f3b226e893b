"""The Nonce codec."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.contrib.ikev2 import IKEv2_Nonce

from ikecore.wire import Malformed
from ikev2.payloads.nonce import Nonce
from tests.ikecore.codec import MODERATE, accepted_cuts, read


@MODERATE
@given(st.binary(min_size=16, max_size=256))
def test_what_is_written_reads_back(data: bytes) -> None:
    assert read(Nonce, Nonce(data).body()) == Nonce(data)


@pytest.mark.parametrize("length", [0, 15, 257, 4096])
def test_a_nonce_too_short_or_too_long_is_malformed(length: int) -> None:
    with pytest.raises(Malformed, match=f"nonce of {length} octets"):
        read(Nonce, bytes(length))


def test_the_shortest_and_the_longest_are_taken() -> None:
    assert accepted_cuts(Nonce, bytes(300)) == list(range(16, 257))


def test_scapy_reads_ours_and_we_read_scapys() -> None:
    assert read(Nonce, bytes(IKEv2_Nonce(next_payload=0, nonce=b"n" * 32))[4:]) == Nonce(b"n" * 32)
    assert IKEv2_Nonce(b"\0\0\0\x24" + Nonce(b"m" * 32).body()).nonce == b"m" * 32
