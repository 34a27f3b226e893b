"""The Hash codec."""

from scapy.layers.isakmp import ISAKMP_payload_Hash

from ikev1.payloads.hash import Hash
from tests.ikecore.codec import read


def test_known_octets_are_read_and_written() -> None:
    assert read(Hash, b"octets") == Hash(b"octets")
    assert Hash(b"octets").body() == b"octets"


def test_scapy_reads_ours_and_we_read_scapys() -> None:
    theirs = bytes(ISAKMP_payload_Hash(next_payload=0, hash=b"someone"))
    assert read(Hash, theirs[4:]) == Hash(b"someone")
    seen = ISAKMP_payload_Hash(b"\0\0\0\x0b" + Hash(b"someone").body())
    assert bytes(seen.hash) == b"someone"
