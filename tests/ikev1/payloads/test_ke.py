"""The KeyExchangeData codec."""

from scapy.layers.isakmp import ISAKMP_payload_KE

from ikev1.payloads.ke import KeyExchangeData
from tests.ikecore.codec import read


def test_known_octets_are_read_and_written() -> None:
    assert read(KeyExchangeData, b"octets") == KeyExchangeData(b"octets")
    assert KeyExchangeData(b"octets").body() == b"octets"


def test_scapy_reads_ours_and_we_read_scapys() -> None:
    theirs = bytes(ISAKMP_payload_KE(next_payload=0, ke=b"someone"))
    assert read(KeyExchangeData, theirs[4:]) == KeyExchangeData(b"someone")
    seen = ISAKMP_payload_KE(b"\0\0\0\x0b" + KeyExchangeData(b"someone").body())
    assert bytes(seen.ke) == b"someone"
