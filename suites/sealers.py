"""Packet protection: encrypt-and-authenticate one packet, for ESP and for IKE's SK payload.

A sealer holds the keys of one direction of one SA.  It is created when the SA is and never
re-keyed, so that per-packet work is only what the packet itself needs: no cipher object is made
per packet.  A sealer belongs to one thread.
"""

import hmac
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol, TypeAlias

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESCCM, AESGCM, ChaCha20Poly1305

Octets: TypeAlias = bytes | memoryview


class IntegrityError(Exception):
    """The packet is not what the peer sent: wrong key, wrong tag, or of an impossible length."""


class BadRow(IntegrityError):
    """Of several packets one is bad; the ``row`` ones before it are good and open."""

    def __init__(self, row: int) -> None:
        super().__init__(f"packet {row} of several: ICV mismatch")
        self.row = row


class Sealer(Protocol):
    """Seal and open the packets of one direction of one SA.

    ``header`` is what precedes the IV on the wire and is authenticated as it stands.
    ``seq_hi`` is the upper half of an extended sequence number: authenticated, never sent.
    """

    block: int
    """The plaintext with its trailer is a multiple of this many octets."""
    overhead: int
    """Octets of IV and ICV: what :meth:`seal` adds."""

    def seal(self, header: bytes, plain: bytes, counter: int, seq_hi: bytes = b"") -> bytes:
        """Return IV, ciphertext and ICV.

        ``counter`` is 0 .. 2**64-1 and never repeats in the life of the sealer.  ValueError when
        ``plain`` is not whole blocks.
        """
        ...

    def seal_with_iv(self, header: bytes, plain: bytes, iv: bytes, seq_hi: bytes = b"") -> bytes:
        """Return the same with an IV of the caller's choice: for vectors and lessons only."""
        ...

    def open(self, header: bytes, sealed: bytes, seq_hi: bytes = b"") -> bytes:
        """Return the plaintext, or raise :exc:`IntegrityError` and nothing else."""
        ...


class _Counted:
    """What all have in common whose 8-octet IV counts up.

    AES-GCM (RFC 4106 for ESP, RFC 5282 for IKEv2), AES-CCM (RFC 4309, RFC 5282) and
    ChaCha20-Poly1305 (RFC 7634).  The nonce is the salt and the IV; with extended sequence numbers
    the associated data is SPI, upper half, lower half (RFC 4106 section 5).
    """

    __slots__ = ("_decrypt", "_encrypt", "overhead", "salt")
    block = 4

    def __init__(
        self, aead: AESGCM | AESCCM | ChaCha20Poly1305, salt: bytes, icv: int = 16
    ) -> None:
        self.overhead = 8 + icv
        self._encrypt = aead.encrypt
        self._decrypt = aead.decrypt
        self.salt = salt

    def seal(self, header: bytes, plain: bytes, counter: int, seq_hi: bytes = b"") -> bytes:
        """Return IV, ciphertext and ICV."""
        iv = counter.to_bytes(8, "big")
        if seq_hi:
            header = b"".join((header[:4], seq_hi, header[4:]))
        return iv + self._encrypt(self.salt + iv, plain, header)

    def seal_with_iv(self, header: bytes, plain: bytes, iv: bytes, seq_hi: bytes = b"") -> bytes:
        """Return IV, ciphertext and ICV for an IV of the caller's choice (8 octets)."""
        if len(iv) != 8:
            raise ValueError(f"an IV of 8 octets is needed, not {len(iv)}")
        return self.seal(header, plain, int.from_bytes(iv, "big"), seq_hi)

    def open(self, header: bytes, sealed: bytes, seq_hi: bytes = b"") -> bytes:
        """Return the plaintext, or raise :exc:`IntegrityError`."""
        if len(sealed) < 16:  # less than any IV and ICV; the library looks for the whole ICV
            raise IntegrityError("shorter than IV and ICV")
        if seq_hi:
            header = b"".join((header[:4], seq_hi, header[4:]))
        try:
            return self._decrypt(self.salt + sealed[:8], sealed[8:], header)
        except InvalidTag:
            raise IntegrityError("ICV mismatch") from None


class CounterAead(_Counted):
    """Combine encryption and authentication, one packet at a time or many.

    Many are rows: what is the same for all is done once by the caller, and what is left for each
    is the one call of the library.  Nonces are salt and IV; ``heads`` are the associated data.
    """

    __slots__ = ("_decrypt_into", "_encrypt_into")

    def __init__(
        self, aead: AESGCM | AESCCM | ChaCha20Poly1305, salt: bytes, icv: int = 16
    ) -> None:
        super().__init__(aead, salt, icv)
        self._encrypt_into = aead.encrypt_into
        self._decrypt_into = aead.decrypt_into

    def seal_rows(
        self,
        nonces: Iterable[bytes],
        plains: Iterable[Octets],
        heads: Iterable[bytes],
        outs: Iterable[memoryview],
    ) -> None:
        """Write ciphertext and ICV of each row into ``outs``; the shortest argument ends it."""
        deque(map(self._encrypt_into, nonces, plains, heads, outs), maxlen=0)

    def open_rows(
        self,
        nonces: Iterable[bytes],
        sealed: Iterable[Octets],
        heads: Iterable[bytes],
        outs: Sequence[memoryview],
    ) -> None:
        """Write the plaintext of each row, of ciphertext and ICV, into ``outs``.

        Raises :exc:`BadRow` at the first bad one, where it ends.
        """
        left = iter(outs)
        try:
            deque(map(self._decrypt_into, nonces, sealed, heads, left), maxlen=0)
        except InvalidTag:
            raise BadRow(len(outs) - len([*left]) - 1) from None


class ShortGcm(_Counted):
    """AES-GCM with an ICV of 8 or 12 octets (RFC 4106 section 6), which the library cannot open.

    Opening is sealing again, all of it, and comparing: 3 us a packet, against 12 of the library's
    lower door with a context per packet.
    """

    __slots__ = ("_icv",)

    def __init__(self, aead: AESGCM, salt: bytes, icv: int) -> None:
        super().__init__(aead, salt, icv)
        self._icv = icv

    def seal(self, header: bytes, plain: bytes, counter: int, seq_hi: bytes = b"") -> bytes:
        """Return IV, ciphertext and ICV."""
        return super().seal(header, plain, counter, seq_hi)[: self._icv - 16]

    def open(self, header: bytes, sealed: bytes, seq_hi: bytes = b"") -> bytes:
        """Return the plaintext, or raise :exc:`IntegrityError`."""
        iv, body, icv = sealed[:8], sealed[8 : -self._icv], sealed[-self._icv :]
        if len(sealed) < self.overhead:
            raise IntegrityError("shorter than IV and ICV")
        if seq_hi:
            header = b"".join((header[:4], seq_hi, header[4:]))
        nonce = self.salt + iv
        plain = self._encrypt(nonce, body, None)[:-16]  # counter mode: its own inverse
        again = self._encrypt(nonce, plain, header)
        if not hmac.compare_digest(again[len(body) : len(body) + self._icv], icv):
            raise IntegrityError("ICV mismatch")
        return plain


class Gmac(_Counted):
    """Authenticate with AES-GMAC and leave the plaintext as it is (RFC 4543 section 3)."""

    __slots__ = ()

    def seal(self, header: bytes, plain: bytes, counter: int, seq_hi: bytes = b"") -> bytes:
        """Return IV, plaintext and ICV."""
        body = counter.to_bytes(8, "big") + plain
        return body + self._icv(header, body, seq_hi)

    def open(self, header: bytes, sealed: bytes, seq_hi: bytes = b"") -> bytes:
        """Return the plaintext, or raise :exc:`IntegrityError`."""
        body, icv = sealed[:-16], sealed[-16:]
        if len(body) < 8:
            raise IntegrityError("shorter than IV and ICV")
        if not hmac.compare_digest(self._icv(header, body, seq_hi), icv):
            raise IntegrityError("ICV mismatch")
        return bytes(body[8:])

    def _icv(self, header: bytes, body: bytes, seq_hi: bytes) -> bytes:
        told = b"".join((header[:4], seq_hi, header[4:], body))
        return self._encrypt(self.salt + body[:8], b"", told)


def aes_gcm(keymat: bytes) -> Sealer:
    """Make an AES-GCM sealer from key and 4-octet salt (RFC 4106 section 8.1)."""
    return CounterAead(AESGCM(keymat[:-4]), keymat[-4:])


def aes_gcm_short(icv: int) -> Callable[[bytes], Sealer]:
    """Return what makes an AES-GCM sealer with so many octets of ICV."""
    return lambda keymat: ShortGcm(AESGCM(keymat[:-4]), keymat[-4:], icv)


def aes_ccm(icv: int) -> Callable[[bytes], Sealer]:
    """Return what makes an AES-CCM sealer from key and 3-octet salt (RFC 4309 section 7.1)."""
    return lambda keymat: CounterAead(AESCCM(keymat[:-3], icv), keymat[-3:], icv)


def aes_gmac(keymat: bytes) -> Sealer:
    """Make an AES-GMAC sealer from key and 4-octet salt (RFC 4543 section 5.4)."""
    return Gmac(AESGCM(keymat[:-4]), keymat[-4:])


def chacha20_poly1305(keymat: bytes) -> Sealer:
    """Make a ChaCha20-Poly1305 sealer from key and 4-octet salt (RFC 7634 section 2)."""
    return CounterAead(ChaCha20Poly1305(keymat[:-4]), keymat[-4:])
