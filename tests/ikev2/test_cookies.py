from itertools import pairwise

import pytest

from ikev2.cookies import CookieJar

from .network import MOON, SUN, Dice

NONCE, SPI = bytes(range(16)), b"initspi!"
LIFE = 60.0


@pytest.fixture
def jar() -> CookieJar:
    return CookieJar(Dice(1), LIFE)


def test_a_cookie_is_good_for_whom_it_was_made(jar: CookieJar) -> None:
    cookie = jar.make(NONCE, MOON, SPI, 0.0)
    assert len(cookie) == 17
    assert jar.is_good(cookie, NONCE, MOON, SPI, 1.0)


def test_a_cookie_is_good_for_nobody_else(jar: CookieJar) -> None:
    cookie = jar.make(NONCE, MOON, SPI, 0.0)
    assert not jar.is_good(cookie, NONCE, SUN, SPI, 1.0)
    assert not jar.is_good(cookie, NONCE[::-1], MOON, SPI, 1.0)
    assert not jar.is_good(cookie, NONCE, MOON, SPI[::-1], 1.0)


def test_no_octet_moves_from_the_nonce_into_the_address(jar: CookieJar) -> None:
    cookie = jar.make(NONCE, "110.0.0.1", SPI, 0.0)
    assert not jar.is_good(cookie, NONCE + b"1", "10.0.0.1", SPI, 1.0)


@pytest.mark.parametrize("bad", [b"", b"\x01", bytes(16), bytes(17), bytes(18), b"\xff" * 17])
def test_garbage_is_no_cookie(jar: CookieJar, bad: bytes) -> None:
    jar.make(NONCE, MOON, SPI, 0.0)
    assert not jar.is_good(bad, NONCE, MOON, SPI, 1.0)


def test_every_octet_of_a_cookie_counts(jar: CookieJar) -> None:
    cookie = jar.make(NONCE, MOON, SPI, 0.0)
    for at in range(len(cookie)):
        forged = bytearray(cookie)
        forged[at] ^= 1
        assert not jar.is_good(bytes(forged), NONCE, MOON, SPI, 1.0)


def test_the_secret_before_still_counts_and_the_one_before_that_does_not(jar: CookieJar) -> None:
    cookie = jar.make(NONCE, MOON, SPI, 0.0)
    assert jar.is_good(cookie, NONCE, MOON, SPI, LIFE)
    assert jar.is_good(cookie, NONCE, MOON, SPI, 2 * LIFE - 1)
    assert not jar.is_good(cookie, NONCE, MOON, SPI, 2 * LIFE)


def test_after_a_long_silence_no_old_cookie_is_good(jar: CookieJar) -> None:
    cookie = jar.make(NONCE, MOON, SPI, 0.0)
    assert not jar.is_good(cookie, NONCE, MOON, SPI, 10 * LIFE)


def test_secrets_rotate_for_ever(jar: CookieJar) -> None:
    made = [jar.make(NONCE, MOON, SPI, at * LIFE) for at in range(600)]
    assert all(a != b for a, b in pairwise(made))
    assert jar.is_good(made[-1], NONCE, MOON, SPI, 600 * LIFE)
    assert not jar.is_good(made[-257], NONCE, MOON, SPI, 600 * LIFE)
