"""The VendorId codec."""

from scapy.layers.isakmp import ISAKMP_payload_VendorID

from ikev1.payloads.vendor import VendorId
from tests.ikecore.codec import read


def test_known_octets_are_read_and_written() -> None:
    assert read(VendorId, b"octets") == VendorId(b"octets")
    assert VendorId(b"octets").body() == b"octets"


def test_scapy_reads_ours_and_we_read_scapys() -> None:
    theirs = bytes(ISAKMP_payload_VendorID(next_payload=0, VendorID=b"someone"))
    assert read(VendorId, theirs[4:]) == VendorId(b"someone")
    seen = ISAKMP_payload_VendorID(b"\0\0\0\x0b" + VendorId(b"someone").body())
    assert bytes(seen.VendorID) == b"someone"
