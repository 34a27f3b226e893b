"""Limits are reached by octets or by packets, whichever comes first."""

from dataclasses import dataclass

import pytest

from esp.limit import NO_LIMIT, Limit


@dataclass
class Carried:
    packets: int
    octets: int


@pytest.mark.parametrize(
    ("carried", "is_reached"),
    [
        (Carried(0, 0), False),
        (Carried(9, 999), False),
        (Carried(10, 0), True),
        (Carried(0, 1000), True),
        (Carried(11, 1001), True),
    ],
)
def test_a_limit_is_reached_at_the_number_it_names(carried: Carried, is_reached: bool) -> None:
    assert Limit(octets=1000, packets=10).is_reached(carried) is is_reached


def test_without_a_limit_no_sequence_number_is_high_enough() -> None:
    assert not NO_LIMIT.is_reached(Carried((1 << 64) - 1, (1 << 64) - 1))
