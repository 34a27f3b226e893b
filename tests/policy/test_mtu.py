"""The arithmetic of tunnels against brute force."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policy.mtu import ah_mtu, mss_for, transport_mtu, tunnel_mtu


def esp_size(inner: int, outer: int, encapsulated: bool, iv: int, icv: int, block: int) -> int:
    """Build the packet by the text of RFC 4303 section 2 and count."""
    padded = inner + 2
    while padded % block or padded % 4:
        padded += 1
    return {4: 20, 6: 40}[outer] + (8 if encapsulated else 0) + 8 + iv + padded + icv


TRANSFORMS = st.sampled_from(
    [(8, 16, 4), (8, 8, 4), (16, 12, 16), (16, 16, 16), (16, 32, 16), (8, 12, 8), (0, 16, 1)]
)


@given(st.integers(0, 3000), st.sampled_from([4, 6]), st.booleans(), TRANSFORMS)
def test_is_the_largest_packet_that_fits(
    path_mtu: int, outer: int, encapsulated: bool, transform: tuple[int, int, int]
) -> None:
    largest = tunnel_mtu(path_mtu, outer, encapsulated, *transform)
    fitting = [n for n in range(3001) if esp_size(n, outer, encapsulated, *transform) <= path_mtu]
    assert largest == max(fitting, default=0)


@given(st.integers(0, 3000), st.sampled_from([4, 6]), st.booleans(), TRANSFORMS)
def test_in_transport_mode_the_header_stays_outside(
    path_mtu: int, version: int, encapsulated: bool, transform: tuple[int, int, int]
) -> None:
    largest = transport_mtu(tunnel_mtu(path_mtu, version, encapsulated, *transform), version)
    header = {4: 20, 6: 40}[version]
    fitting = [
        header + n
        for n in range(1, 3001)
        if esp_size(n, version, encapsulated, *transform) <= path_mtu
    ]
    assert largest == max(fitting, default=0)


@pytest.mark.parametrize(
    ("version", "icv", "mtu"),
    # the header: 24 either way; 28 and 32; 44 and 48
    [(4, 12, 1456), (6, 12, 1436), (4, 16, 1452), (6, 16, 1428), (4, 32, 1436), (6, 32, 1412)],
)
def test_ah_takes_whole_words(version: int, icv: int, mtu: int) -> None:
    assert ah_mtu(1500, version, icv) == mtu
    assert ah_mtu(50, version, icv) == max(0, mtu - 1450)


def test_known_tunnels() -> None:
    assert tunnel_mtu(1500, 4, True, 8, 16, 4) == 1438
    assert tunnel_mtu(1500, 4, False, 16, 12, 16) == 1438
    assert tunnel_mtu(1500, 6, True, 16, 16, 16) == 1406


@pytest.mark.parametrize(("version", "mss"), [(4, 1398), (6, 1378)])
def test_segment_size_leaves_room_for_both_headers(version: int, mss: int) -> None:
    assert mss_for(1438, version) == mss


def test_segment_size_stays_in_its_field() -> None:
    assert mss_for(10, 4) == 0
    assert mss_for(10**6, 6) == 65535
