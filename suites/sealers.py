"""Packet protection: encrypt-and-authenticate one packet, for ESP and for IKE's SK payload.

A sealer holds the keys of one direction of one SA.  It is created when the SA is and never
re-keyed, so that per-packet work is only what the packet itself needs: no cipher object is made
per packet.  A sealer belongs to one thread.
"""

from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305


class IntegrityError(Exception):
    """The packet is not what the peer sent: wrong key, wrong tag, or of an impossible length."""


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


class CounterAead:
    """Combine encryption and authentication, 8-octet IV counted up, 16-octet ICV.

    AES-GCM (RFC 4106 for ESP, RFC 5282 for IKEv2) and ChaCha20-Poly1305 (RFC 7634).  The nonce is
    the salt and the IV; with extended sequence numbers the associated data is SPI, upper half,
    lower half (RFC 4106 section 5).
    """

    __slots__ = ("_decrypt", "_encrypt", "_salt")
    block = 4
    overhead = 8 + 16

    def __init__(self, aead: AESGCM | ChaCha20Poly1305, salt: bytes) -> None:
        self._encrypt = aead.encrypt
        self._decrypt = aead.decrypt
        self._salt = salt

    def seal(self, header: bytes, plain: bytes, counter: int, seq_hi: bytes = b"") -> bytes:
        """Return IV, ciphertext and ICV."""
        iv = counter.to_bytes(8, "big")
        if seq_hi:
            header = b"".join((header[:4], seq_hi, header[4:]))
        return iv + self._encrypt(self._salt + iv, plain, header)

    def seal_with_iv(self, header: bytes, plain: bytes, iv: bytes, seq_hi: bytes = b"") -> bytes:
        """Return IV, ciphertext and ICV for an IV of the caller's choice (8 octets)."""
        if len(iv) != 8:
            raise ValueError(f"an IV of 8 octets is needed, not {len(iv)}")
        return self.seal(header, plain, int.from_bytes(iv, "big"), seq_hi)

    def open(self, header: bytes, sealed: bytes, seq_hi: bytes = b"") -> bytes:
        """Return the plaintext, or raise :exc:`IntegrityError`."""
        if len(sealed) < 24:
            raise IntegrityError("shorter than IV and ICV")
        if seq_hi:
            header = b"".join((header[:4], seq_hi, header[4:]))
        try:
            return self._decrypt(self._salt + sealed[:8], sealed[8:], header)
        except InvalidTag:
            raise IntegrityError("ICV mismatch") from None


def aes_gcm(keymat: bytes) -> Sealer:
    """Make an AES-GCM sealer from key and 4-octet salt (RFC 4106 section 8.1)."""
    return CounterAead(AESGCM(keymat[:-4]), keymat[-4:])


def chacha20_poly1305(keymat: bytes) -> Sealer:
    """Make a ChaCha20-Poly1305 sealer from key and 4-octet salt (RFC 7634 section 2)."""
    return CounterAead(ChaCha20Poly1305(keymat[:-4]), keymat[-4:])
