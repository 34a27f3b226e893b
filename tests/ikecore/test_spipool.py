"""Inbound SPIs: fresh, unused, rested."""

from collections.abc import Iterator

import pytest

from ikecore.spipool import SpiPool


class Script:
    """An entropy source that says what it is told to, the last thing for ever."""

    def __init__(self, *spis: int) -> None:
        self._spis: Iterator[int] = iter(spis)
        self._last = 0

    def octets(self, count: int) -> bytes:
        self._last = next(self._spis, self._last)
        return self._last.to_bytes(count, "big")


def test_reserved_spis_are_never_handed_out() -> None:
    assert SpiPool(Script(0, 1, 255, 256)).take(0.0) == 256


def test_an_spi_in_use_is_not_handed_out_twice() -> None:
    pool = SpiPool(Script(1000, 1000, 1001))
    assert (pool.take(0.0), pool.take(0.0)) == (1000, 1001)


def test_a_freed_spi_rests_for_a_minute() -> None:
    pool = SpiPool(Script(1000, 1000, 1001, 1000))
    assert pool.take(0.0) == 1000
    pool.free(1000, 10.0)
    assert pool.take(69.9) == 1001
    assert pool.take(70.0) == 1000


def test_freed_twice_it_does_not_wake_while_in_use_again() -> None:
    """A repeated close must not let go of the SPI's next owner."""
    pool = SpiPool(Script(1000, 1000, 1000, 1001))
    pool.take(0.0)
    pool.free(1000, 0.0)
    pool.free(1000, 30.0)
    assert pool.take(60.0) == 1000
    assert pool.take(95.0) == 1001


def test_freeing_what_was_never_taken_does_nothing() -> None:
    pool = SpiPool(Script(1000))
    pool.free(1000, 0.0)
    assert pool.take(0.0) == 1000


def test_an_entropy_source_that_repeats_itself_ends_in_an_error_and_not_in_a_loop() -> None:
    pool = SpiPool(Script(7))
    with pytest.raises(RuntimeError, match="repeats itself"):
        pool.take(0.0)
