"""The selectors of two hosts with a NAT between them."""

import pytest

from ikecore.transport import host_of, readdressed, unspecified
from policy.selectors import TrafficSelector


def _ts(*texts: str) -> tuple[TrafficSelector, ...]:
    return tuple(map(TrafficSelector.parse, texts))


@pytest.mark.parametrize(
    ("selectors", "host"),
    [
        (_ts("192.0.2.1"), "192.0.2.1"),
        (_ts("2001:db8::1"), "2001:db8::1"),
        (_ts("192.0.2.1[tcp/80]", "192.0.2.1[udp]"), "192.0.2.1"),
        (_ts("192.0.2.1", "192.0.2.2"), ""),
        (_ts("192.0.2.0/30"), ""),
        (_ts("192.0.2.0", "192.0.2.0/30"), ""),
        ((), ""),
    ],
)
def test_a_host_is_one_address(selectors: tuple[TrafficSelector, ...], host: str) -> None:
    assert host_of(selectors) == host


def test_another_address_leaves_protocol_and_ports() -> None:
    assert readdressed(_ts("10.0.0.1[udp/1701]"), "192.0.2.1") == _ts("192.0.2.1[udp/1701]")
    assert readdressed(_ts("10.0.0.1"), "2001:db8::1") == _ts("2001:db8::1")


def test_the_unspecified_address_is_of_the_same_ip_version() -> None:
    assert unspecified("192.0.2.1") == "0.0.0.0"  # noqa: S104 - nothing is bound to it
    assert unspecified("2001:db8::1") == "::"
