"""Netlink octets, and a socket that only asks."""

import errno

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tundev.netlink import Netlink, NetlinkError, attribute, attributes, messages

_RTM_GETLINK = 18
_RTM_DELROUTE = 25
_RTM_GETADDR = 22


def test_attributes_are_padded_to_four_octets() -> None:
    assert attribute(1, b"abcde") == b"\x09\0\x01\0abcde\0\0\0"
    assert attribute(15, 4242) == b"\x08\0\x0f\0\x92\x10\0\0"


@given(st.dictionaries(st.integers(0, 0x3FFF), st.binary(max_size=40), max_size=8))
def test_attributes_read_back(told: dict[int, bytes]) -> None:
    octets = b"".join(attribute(kind, value) for kind, value in told.items())
    assert attributes(octets) == told


@given(st.binary(max_size=200))
def test_noise_is_no_error(octets: bytes) -> None:
    attributes(octets)
    assert len(list(messages(octets))) <= len(octets) // 16


def test_several_messages_in_one_read() -> None:
    first = (18).to_bytes(4, "little") + (20).to_bytes(2, "little") + bytes(10) + b"xy\0\0"
    second = (16).to_bytes(4, "little") + (25).to_bytes(2, "little") + b"\1\0\7\0\0\0" + bytes(4)
    assert list(messages(first + second)) == [(20, 0, 0, b"xy"), (25, 1, 7, b"")]


def test_a_dump_brings_every_object() -> None:
    with Netlink() as netlink:
        links = netlink.dump(_RTM_GETLINK, bytes(16))
        assert any(attributes(body[16:]).get(3) == b"lo\0" for _, body in links)


@pytest.mark.usefixtures("inside")
def test_a_refusal_carries_the_kernels_words() -> None:
    with Netlink() as netlink:
        with pytest.raises(NetlinkError) as caught:
            netlink.change(_RTM_DELROUTE, 0, b"\x02" + bytes(11))
        assert caught.value.errno == errno.ESRCH
        assert netlink.dump(_RTM_GETADDR, bytes(8))  # and the next answer is the next question's
