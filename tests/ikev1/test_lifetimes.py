"""RESPONDER-LIFETIME (RFC 2407 section 4.6.3.1)."""

import pytest

from ikecore.timetable import NEVER
from ikev1.lifetimes import heed_lifetime, told_life
from ikev1.payloads.attributes import Attribute, build_attributes
from ikev1.payloads.notify import Notify
from ikev1.payloads.types import NotifyType, ProtocolId
from ikev1.proposals import Life

from .told import SPI, notify, up

SECONDS, KILOBYTES = 1, 2


def lifetime(
    *pairs: tuple[int, int], spi: bytes = SPI, protocol: int = 1, phase1: bool = False
) -> Notify:
    """Return the notify with these units and durations, in phase 2's numbers or phase 1's."""
    kind, duration = (11, 12) if phase1 else (1, 2)
    attributes = [
        one
        for unit, value in pairs
        for one in (Attribute(kind, unit), Attribute(duration, value.to_bytes(4, "big")))
    ]
    return notify(NotifyType.RESPONDER_LIFETIME, build_attributes(attributes), spi, protocol)


@pytest.mark.parametrize("phase1", [False, True])
def test_seconds_and_kilobytes_are_read_in_the_numbers_of_either_phase(phase1: bool) -> None:
    told = lifetime((SECONDS, 3600), (KILOBYTES, 500), phase1=phase1)
    assert told_life(told) == Life(3600, 500)


def test_a_child_has_phase_2s_numbers_only() -> None:
    spi = bytes(4)
    assert told_life(lifetime((SECONDS, 60), spi=spi, protocol=ProtocolId.ESP)) == Life(60)
    odd = lifetime((SECONDS, 60), spi=spi, protocol=ProtocolId.ESP, phase1=True)
    assert told_life(odd) == Life()


@pytest.mark.parametrize(
    "data", [b"", b"\x80", bytes(4), b"\x80\x01\x00\x01", b"\x80\x02\x0e\x10", b"\0\2\xff\xff\0"]
)
def test_what_makes_no_sense_says_nothing(data: bytes) -> None:
    assert told_life(notify(NotifyType.RESPONDER_LIFETIME, data)) == Life()


def test_a_shorter_lifetime_brings_the_end_and_the_next_sa_forward() -> None:
    sa = up()
    sa.established_at = 100.0
    sa.lifetime_ends_at, sa.rekey_at, sa.lifetime = 100.0 + 86400, 100.0 + 80000, 86400.0
    heed_lifetime(sa, lifetime((SECONDS, 3600)))
    assert sa.lifetime_ends_at == 100.0 + 3600
    assert 100.0 + 0.85 * 3600 <= sa.rekey_at <= 100.0 + 0.9 * 3600
    assert sa.lifetime == 3600.0


def test_a_longer_lifetime_changes_nothing() -> None:
    sa = up()
    sa.lifetime_ends_at, sa.rekey_at, sa.lifetime = 3600.0, 3200.0, 3600.0
    heed_lifetime(sa, lifetime((SECONDS, 86400)))
    assert (sa.lifetime_ends_at, sa.rekey_at, sa.lifetime) == (3600.0, 3200.0, 3600.0)


def test_a_lifetime_of_next_to_nothing_is_a_minute() -> None:
    sa = up()
    heed_lifetime(sa, lifetime((SECONDS, 1)))
    assert sa.lifetime_ends_at == sa.lifetime == 60.0


@pytest.mark.parametrize(
    "odd",
    [
        lifetime((SECONDS, 600), spi=SPI[::-1]),
        lifetime((SECONDS, 600), spi=bytes(4), protocol=ProtocolId.ESP),
        lifetime((SECONDS, 0)),
        lifetime((KILOBYTES, 600)),
    ],
)
def test_the_life_of_another_sa_or_none_in_seconds_is_not_ours(odd: Notify) -> None:
    sa = up()
    heed_lifetime(sa, odd)
    assert sa.lifetime_ends_at == sa.rekey_at == NEVER
