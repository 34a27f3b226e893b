"""Headers made here are what scapy makes of the same fields."""

from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.inet import IP
from scapy.layers.inet6 import IPv6
from scapy.packet import Raw

from esp.header import ipv4, ipv6


@given(
    st.ip_addresses(v=4),
    st.ip_addresses(v=4),
    st.integers(0, 255),
    st.binary(max_size=60),
    st.integers(0, 65535),
)
def test_ipv4(source: object, target: object, protocol: int, payload: bytes, number: int) -> None:
    addresses = ip_address(str(source)).packed + ip_address(str(target)).packed
    made = IP(src=str(source), dst=str(target), proto=protocol, id=number) / Raw(payload)
    assert ipv4(addresses, protocol, payload, number) == bytes(made)


@given(st.ip_addresses(v=6), st.ip_addresses(v=6), st.integers(0, 255), st.binary(max_size=60))
def test_ipv6(source: object, target: object, protocol: int, payload: bytes) -> None:
    addresses = ip_address(str(source)).packed + ip_address(str(target)).packed
    made = IPv6(src=str(source), dst=str(target), nh=protocol) / Raw(payload)
    assert ipv6(addresses, protocol, payload) == bytes(made)


def test_what_no_packet_can_hold_is_refused() -> None:
    assert len(ipv4(bytes(8), 17, bytes(65515))) == 65535
    with pytest.raises(ValueError, match="longer"):
        ipv4(bytes(8), 17, bytes(65516))
    assert len(ipv6(bytes(32), 17, bytes(65535))) == 65575
    with pytest.raises(ValueError, match="longer"):
        ipv6(bytes(32), 17, bytes(65536))
