"""Fragments read back by scapy."""

import pytest
from scapy.layers.inet6 import IPv6, IPv6ExtHdrFragment, defragment6

from tundev.pieces import LEAST_IPV6, pieces


@pytest.mark.parametrize("size", [1233, 1300, 2464, 2465, 9000])
def test_they_make_the_payload_again(size: int) -> None:
    payload = (bytes(range(251)) * 40)[:size]
    made = [IPv6(one) for one in pieces(payload, 51, "fd00::1", "fd00::2", 7, 0xBA, 9)]
    assert len(made) > 1
    assert all(len(bytes(one)) <= LEAST_IPV6 for one in made)
    assert {(one.src, one.dst, one.tc, one.hlim) for one in made} == {
        ("fd00::1", "fd00::2", 0xBA, 9)
    }
    assert {one[IPv6ExtHdrFragment].id for one in made} == {7}
    whole = defragment6(made)
    assert whole.nh == 51
    assert bytes(whole)[40:] == payload


def test_without_a_word_they_go_as_far_as_usual() -> None:
    (one,) = pieces(b"x", 51, "fd00::1", "fd00::2", 7, 0, 0)
    assert IPv6(one).hlim == 64


def test_what_is_no_address_is_an_error() -> None:
    with pytest.raises(OSError, match="illegal"):
        pieces(b"x", 51, "", "fd00::2", 7, 0, 0)
