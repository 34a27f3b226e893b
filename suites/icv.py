"""What AH sends to prove a packet: the contents of its ICV field (RFC 4302 section 2.6)."""

import hmac
from typing import Final, Protocol

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from suites.macs import Mac

_IV: Final = 8
_SALT: Final = 4


class Icv(Protocol):
    """One direction's key, and what it makes of a packet before and after the ICV field.

    The field itself counts as zeros (RFC 4302 section 3.3.3).
    """

    size: int
    """Octets of the field."""

    def make(self, before: bytes, after: bytes, counter: int) -> bytes:
        """Return the field's contents.

        ``counter`` is 0 .. 2**64-1 and never repeats in the life of the key.
        """
        ...

    def is_of(self, field: bytes, before: bytes, after: bytes) -> bool:
        """Tell whether a field's contents, ``size`` octets, are those of the packet."""
        ...


class MacIcv:
    """The first octets of a MAC."""

    __slots__ = ("_mac", "size")

    def __init__(self, mac: Mac, size: int) -> None:
        self._mac = mac
        self.size = size

    def make(
        self,
        before: bytes,
        after: bytes,
        counter: int = 0,  # noqa: ARG002 - the protocol's: a MAC needs no IV
    ) -> bytes:
        """Return the MAC, cut to its size."""
        mac = self._mac.copy()
        mac.update(b"".join((before, bytes(self.size), after)))
        return mac.finalize()[: self.size]

    def is_of(self, field: bytes, before: bytes, after: bytes) -> bool:
        """Tell whether the field is the packet's MAC."""
        return hmac.compare_digest(self.make(before, after), field)


class GmacIcv:
    """AES-GMAC: an IV of 8 octets, counted up, and a tag of 16 (RFC 4543 section 4).

    The key is followed by 4 octets of salt, which with the IV are the nonce (section 3.2).  The
    associated data are AH's own, so the whole field counts as zeros, and the header is padded where
    AH's is: on IPv6 (erratum 3643).
    """

    __slots__ = ("_encrypt", "_salt")
    size = 24

    def __init__(self, key: bytes) -> None:
        self._encrypt = AESGCM(key[:-_SALT]).encrypt
        self._salt = key[-_SALT:]

    def make(self, before: bytes, after: bytes, counter: int) -> bytes:
        """Return IV and tag."""
        return self._field(counter.to_bytes(_IV, "big"), before, after)

    def is_of(self, field: bytes, before: bytes, after: bytes) -> bool:
        """Tell whether the field's tag is that of its IV and the packet."""
        return hmac.compare_digest(self._field(bytes(field[:_IV]), before, after), field)

    def _field(self, iv: bytes, before: bytes, after: bytes) -> bytes:
        told = b"".join((before, bytes(self.size), after))
        return iv + self._encrypt(self._salt + iv, b"", told)
