"""Elliptic-curve Diffie-Hellman: the ECP groups (RFC 5903), Curve25519 and Curve448 (RFC 8031)."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.x448 import X448PrivateKey, X448PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

from suites.exchange import BadPublicValue, Group, KeyExchange, check_length

_UNCOMPRESSED: Final = b"\x04"
_ECDH: Final = ec.ECDH()


class Ecp:
    """An exchange over a random curve modulo a prime.

    Public value: x and y, each as long as the prime, without the 0x04 of SEC 1; shared secret: x
    alone (RFC 5903 section 7).
    """

    __slots__ = ("_curve", "_private", "group", "public")

    def __init__(self, group: Group, curve: ec.EllipticCurve, private: bytes | None) -> None:
        if private is None:
            self._private = ec.generate_private_key(curve)
        else:
            self._private = ec.derive_private_key(int.from_bytes(private, "big"), curve)
        point = self._private.public_key().public_numbers()
        size = group.public // 2
        self._curve = curve
        self.group = group
        self.public = point.x.to_bytes(size, "big") + point.y.to_bytes(size, "big")

    def shared(self, peer_public: bytes) -> bytes:
        """Return x of the common point, or raise BadPublicValue (RFC 6989 section 2.3).

        The point at infinity has no encoding in this format; its stand-in 0, 0 is on no curve.
        """
        check_length(self.group, peer_public)
        try:
            peer = ec.EllipticCurvePublicKey.from_encoded_point(
                self._curve, _UNCOMPRESSED + peer_public
            )
        except ValueError:
            raise BadPublicValue(f"{self.group.name} public value is not on the curve") from None
        return self._private.exchange(_ECDH, peer)


class X25519:
    """An exchange over Curve25519 (RFC 7748, RFC 8031)."""

    __slots__ = ("_private", "group", "public")

    def __init__(self, group: Group, private: bytes | None) -> None:
        if private is None:
            self._private = X25519PrivateKey.generate()
        else:
            self._private = X25519PrivateKey.from_private_bytes(private)
        self.group = group
        self.public = self._private.public_key().public_bytes_raw()

    def shared(self, peer_public: bytes) -> bytes:
        """Return the shared secret, or raise BadPublicValue (an all-zero result among others)."""
        check_length(self.group, peer_public)
        try:
            return self._private.exchange(X25519PublicKey.from_public_bytes(peer_public))
        except ValueError:
            raise BadPublicValue(f"{self.group.name} public value is of small order") from None


class X448:
    """An exchange over Curve448 (RFC 7748, RFC 8031)."""

    __slots__ = ("_private", "group", "public")

    def __init__(self, group: Group, private: bytes | None) -> None:
        if private is None:
            self._private = X448PrivateKey.generate()
        else:
            self._private = X448PrivateKey.from_private_bytes(private)
        self.group = group
        self.public = self._private.public_key().public_bytes_raw()

    def shared(self, peer_public: bytes) -> bytes:
        """Return the shared secret, or raise BadPublicValue (an all-zero result among others)."""
        check_length(self.group, peer_public)
        try:
            return self._private.exchange(X448PublicKey.from_public_bytes(peer_public))
        except ValueError:
            raise BadPublicValue(f"{self.group.name} public value is of small order") from None


@dataclass(frozen=True, slots=True)
class Curve:
    """The method of a curve; a point is checked when it is used."""

    kind: Callable[[Group, bytes | None], KeyExchange]

    def make(self, group: Group, private: bytes | None) -> KeyExchange:
        """Return an exchange."""
        return self.kind(group, private)

    def check(self, group: Group, peer_public: bytes) -> None:
        """Raise BadPublicValue unless the value has the curve's length."""
        check_length(group, peer_public)


def ecp(curve: ec.EllipticCurve) -> Curve:
    """Return the method of a curve of the library."""
    return Curve(lambda group, private: Ecp(group, curve, private))
