"""Numbers made beforehand are those that would be made one by one."""

import pytest

from esp.vector.numbers import Numbers

SALT = b"salt"


@pytest.mark.parametrize("esn", [False, True])
@pytest.mark.parametrize("first", [1, 200, 255, 256, 257, 5000, (1 << 32) - 300])
def test_a_span_is_what_its_numbers_say(first: int, esn: bool) -> None:
    numbers = Numbers()
    for begin, count in ((1, 45), (46, 45), (first, 45), (first + 45, 300), (first, 1)):
        octets, nonces, heads = numbers.of(0xA0B0C0D0, SALT, esn, begin, count)
        spi = bytes.fromhex("a0b0c0d0")
        for at, seq in enumerate(range(begin, begin + count)):
            low, iv = (seq & 0xFFFFFFFF).to_bytes(4, "big"), seq.to_bytes(8, "big")
            assert octets[at].tobytes() == spi + low + iv
            assert nonces[at] == SALT + iv
            assert heads[at] == (spi + iv if esn else spi + low)
        assert len(octets) == len(nonces) == len(heads) == count


def test_an_spi_that_comes_again_with_another_key_has_another_salt() -> None:
    numbers = Numbers()
    one = numbers.of(7, b"one!", False, 1, 4).nonces
    other = numbers.of(7, b"two!", False, 1, 4).nonces
    assert not set(one) & set(other)


def test_however_many_sas_there_are_few_are_remembered() -> None:
    numbers = Numbers()
    for spi in range(1000):
        assert numbers.of(spi, SALT, False, 3, 2).nonces[0] == SALT + bytes(7) + b"\3"
