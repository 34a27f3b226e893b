"""The header has the kernel's layout."""

import sys

from esp.vnet import GSO_ECN, GSO_TCP6, NEEDS_CSUM, VNET, VNET_NONE


def test_ten_octets_without_gaps_in_native_order() -> None:
    packed = VNET.pack(NEEDS_CSUM, GSO_TCP6 | GSO_ECN, 72, 1348, 40, 16)
    numbers = b"".join(number.to_bytes(2, sys.byteorder) for number in (72, 1348, 40, 16))
    assert packed == b"\x01\x84" + numbers


def test_nothing_to_do_is_ten_octets_of_nothing() -> None:
    assert VNET.unpack(VNET_NONE) == (0, 0, 0, 0, 0, 0)
