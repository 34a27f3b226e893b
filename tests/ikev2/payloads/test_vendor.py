"""The Vendor ID codec."""

from hypothesis import given
from hypothesis import strategies as st
from scapy.contrib.ikev2 import IKEv2_VendorID

from ikev2.payloads.vendor import VendorId
from tests.ikecore.codec import MODERATE, read


@MODERATE
@given(st.binary(max_size=300))
def test_any_octets_are_a_vendor_id(data: bytes) -> None:
    assert read(VendorId, data) == VendorId(data)
    assert VendorId(data).body() == data


def test_scapy_reads_ours_and_we_read_scapys() -> None:
    theirs = bytes(IKEv2_VendorID(next_payload=0, vendorID=b"someone"))
    assert read(VendorId, theirs[4:]) == VendorId(b"someone")
    assert bytes(IKEv2_VendorID(b"\0\0\0\x0b" + VendorId(b"someone").body()).vendorID) == b"someone"
