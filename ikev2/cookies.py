"""Stateless cookies against floods from forged addresses (RFC 7296 section 2.6)."""

import hmac

from ikecore.entropy import Entropy


class CookieJar:
    """Make and check cookies under a secret that rotates; the one before still counts.

    Cookie = version | HMAC-SHA-256(secret, SPIi | length of IPi | IPi | Ni), 1 + 16 octets; the
    length, lest a cookie for 110.0.0.1 be good for 10.0.0.1 too, with a nonce one octet longer.
    """

    def __init__(self, entropy: Entropy, lifetime: float) -> None:
        self._entropy = entropy
        self._lifetime = lifetime
        self._version = 0
        self._secrets = {0: entropy.octets(32)}
        self._rotate_at = 0.0

    def make(self, nonce: bytes, address: str, spi: bytes, now: float) -> bytes:
        """Return the cookie to demand of this initiator."""
        self._rotate(now)
        return self._cookie(self._version, nonce, address, spi)

    def is_good(self, cookie: bytes, nonce: bytes, address: str, spi: bytes, now: float) -> bool:
        """Return whether ``cookie`` is one of ours for this initiator, and fresh."""
        self._rotate(now)
        if len(cookie) != 17 or cookie[0] not in self._secrets:
            return False
        return hmac.compare_digest(cookie, self._cookie(cookie[0], nonce, address, spi))

    def _cookie(self, version: int, nonce: bytes, address: str, spi: bytes) -> bytes:
        octets = address.encode()
        told = spi + len(octets).to_bytes(2, "big") + octets + nonce
        return bytes((version,)) + hmac.digest(self._secrets[version], told, "sha256")[:16]

    def _rotate(self, now: float) -> None:
        if now < self._rotate_at:
            return
        before = self._version
        kept = self._secrets[before] if now < self._rotate_at + self._lifetime else b""
        self._version = (before + 1) & 0xFF
        self._secrets = {before: kept or self._entropy.octets(32)}
        self._secrets[self._version] = self._entropy.octets(32)
        self._rotate_at = now + self._lifetime
