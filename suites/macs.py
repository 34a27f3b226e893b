"""Keyed MACs as the library's contexts have them: copied per packet, fed, and finished once."""

from collections.abc import Callable
from typing import Final, Protocol, Self

from cryptography.hazmat.primitives.ciphers import Cipher, modes
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.cmac import CMAC
from cryptography.hazmat.primitives.hashes import HashAlgorithm
from cryptography.hazmat.primitives.hmac import HMAC

_BLOCK: Final = 16


class Mac(Protocol):
    """A keyed context: the library's HMAC and CMAC, and what is built like them.

    The original is only ever copied; a copy belongs to the thread of its original.
    """

    def copy(self) -> Self:
        """Return a context of the same key that has seen the same octets."""
        ...

    def update(self, data: bytes, /) -> None:
        """Take octets in."""
        ...

    def finalize(self) -> bytes:
        """Return the whole MAC and end the context."""
        ...


def hmac_with(algorithm: type[HashAlgorithm]) -> Callable[[bytes], Mac]:
    """Return what keys an HMAC (RFC 2104)."""
    return lambda key: HMAC(key, algorithm())


def aes_cmac(key: bytes) -> Mac:
    """Return AES-CMAC (RFC 4493) of a key of 16 octets."""
    return CMAC(AES(key))


class _Chain:
    """CBC-MAC of whole blocks with one cipher context for the life of the key.

    What is left of the message before is the last block of its ciphertext, known, so that adding
    it once more takes it out; a context for each message would cost 10 us.
    """

    __slots__ = ("_encrypt", "_last")

    def __init__(self, key: bytes) -> None:
        self._last = bytes(_BLOCK)
        self._encrypt = Cipher(AES(key), modes.CBC(self._last)).encryptor().update

    def mac(self, blocks: bytes) -> bytes:
        first = _add(blocks[:_BLOCK], self._last)
        self._last = self._encrypt(first + blocks[_BLOCK:])[-_BLOCK:]
        return self._last


class AesXcbc:
    """AES-XCBC-MAC (RFC 3566 section 4) of a key of 16 octets; the library does not have it."""

    __slots__ = ("_chain", "_full", "_parts", "_short")

    def __init__(self, key: bytes) -> None:
        subkey = Cipher(AES(key), modes.ECB()).encryptor().update  # noqa: S305 - of constants
        self._chain = _Chain(subkey(b"\1" * _BLOCK))
        self._full = subkey(b"\2" * _BLOCK)
        self._short = subkey(b"\3" * _BLOCK)
        self._parts: list[bytes] = []

    def copy(self) -> Self:
        """Return a context of the same key that has seen the same octets."""
        other = object.__new__(type(self))
        other._chain = self._chain
        other._full = self._full
        other._short = self._short
        other._parts = self._parts.copy()
        return other

    def update(self, data: bytes, /) -> None:
        """Take octets in."""
        self._parts.append(data)

    def finalize(self) -> bytes:
        """Return the MAC, 16 octets."""
        message = b"".join(self._parts)
        start = max(len(message) - 1, 0) // _BLOCK * _BLOCK
        last = message[start:]
        if len(last) == _BLOCK:
            last = _add(last, self._full)
        else:
            last = _add((last + b"\x80").ljust(_BLOCK, b"\0"), self._short)
        return self._chain.mac(message[:start] + last)


def _add(one: bytes, other: bytes) -> bytes:
    total = int.from_bytes(one, "big") ^ int.from_bytes(other, "big")
    return total.to_bytes(_BLOCK, "big")
