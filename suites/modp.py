"""Finite-field Diffie-Hellman: the Oakley groups (RFC 2409, RFC 3526) and group 24 (RFC 5114).

Public values and shared secrets are left-padded to the length of the prime (RFC 7296 section
2.14).  Two ways to compute, each where it is the better one (x86-64, OpenSSL 4.0, one
exponentiation):

=================  ================  =============  ==================================
group              library           pow()          private value
=================  ================  =============  ==================================
768, 1024          19 ms, 33 ms      0.5, 0.8 ms    256 bits from os.urandom
1536 ... 8192      0.17 ... 6.6 ms   1.6 ... 55 ms  200 ... 400 bits, library's choice
2048/256 (24)      0.36 ms           3.2 ms         225 bits, library's choice
=================  ================  =============  ==================================

OpenSSL does not know the two small primes by name and tests them for primality whenever a value
is loaded, hence pow().  pow() takes a time that depends on the exponent.  What an observer over
the network sees of it is one duration per private value, which is used for one exchange and
thrown away; and both groups are within reach of precomputation anyway, which is why their rows are
``LEGACY`` and ``BROKEN``.  The other groups run in the library's constant-time code.
"""

import os
import warnings
from dataclasses import dataclass
from functools import cache
from typing import Final

from suites.exchange import BadPublicValue, Group, KeyExchange, check_length

with warnings.catch_warnings():
    # The replacement the warning asks for does not exist where the peer only speaks MODP.
    warnings.filterwarnings("ignore", message="Diffie-Hellman over finite fields")
    from cryptography.hazmat.primitives.asymmetric.dh import (
        DHParameterNumbers,
        DHPrivateKey,
        DHPrivateNumbers,
        DHPublicNumbers,
    )

_PI: Final = int(
    "c90fdaa22168c234c4c6628b80dc1cd129024e088a67cc74020bbea63b139b22514a08798e3404ddef9519b3"
    "cd3a431b302b0a6df25f14374fe1356d6d51c245e485b576625e7ec6f44c42e9a637ed6b0bff5cb6f406b7ed"
    "ee386bfb5a899fa5ae9f24117c4b1fe649286651ece45b3dc2007cb8a163bf0598da48361c55d39a69163fa8"
    "fd24cf5f83655d23dca3ad961c62f356208552bb9ed529077096966d670c354e4abc9804f1746c08ca18217c"
    "32905e462e36ce3be39e772c180e86039b2783a2ec07a28fb5c55df06f4c52c9de2bcbf6955817183995497c"
    "ea956ae515d2261898fa051015728e5a8aaac42dad33170d04507a33a85521abdf1cba64ecfb850458dbef0a"
    "8aea71575d060c7db3970f85a6e1e4c7abf5ae8cdb0933d71e8c94e04a25619dcee3d2261ad2ee6bf12ffa06"
    "d98a0864d87602733ec86a64521f2b18177b200cbbe117577a615d6c770988c0bad946e208e24fa074e5ab31"
    "43db5bfce0fd108e4b82d120a92108011a723c12a787e6d788719a10bdba5b2699c327186af4e23c1a946834"
    "b6150bda2583e9ca2ad44ce8dbbbc2db04de8ef92e8efc141fbecaa6287c59474e6bc05d99b2964fa090c3a2"
    "233ba186515be7ed1f612970cee2d7afb81bdd762170481cd0069127d5b05aa993b4ea988d8fddc186ffb7dc"
    "90a6c08f4df435c93402849236c3fab4d27c7026c1d4dcb2602646dec9751e763dba37bdf8ff9406ad9e530e"
    "e5db382f413001aeb06a53ed9027d831179727b0865a8918da3edbebcf9b14ed44ce6cbaced4bb1bdb7f1447"
    "e6cc254b332051512bd7af426fb8f401378cd2bf5983ca01c64b92ecf032ea15d1721d03f482d7ce6e74fef6"
    "d55e702f46980c82b5a84031900b1c9e59e7c97fbec7e8f323a97a7e36cc88be0f1d45b7ff585ac54bd407b2"
    "2b4154aacc8f6d7ebf48e1d814cc5ed20f8037e0a79715eef29be32806a1d58bb7c5da76f550aa3d8a1fbff0"
    "eb19ccb1a313d55cda56c9ec2ef29632387fe8d76e3c0468043e8f663f4860ee12bf2d5b0b7474d6e694f91e"
    "6dbe115974a3926f12fee5e438777cb6a932df8cd8bec4d073b931ba3bc832b68d9dd300741fa7bf8afc47ed"
    "2576f6936ba424663aab639c5ae4f5683423b4742bf1c978238f16cbe39d652de3fdb8befc848ad922222e04"
    "a4037c0713eb57a81a23f0c73473fc646cea306b4bcbc8862f8385ddfa9d4b7fa2c087e879683303ed5bdd3a"
    "062b3cf5b3a278a66d2a13f83f44f82ddf310ee074ab6a364597e899a0255dc164f31cc50846851df9ab4819"
    "5ded7ea1b1d510bd7ee74d73faf36bc31ecfa268359046f4eb879f924009438b481c6cd7889a002ed5ee382b"
    "c9190da6fc026e479558e4475677e9aa9e3050e2765694dfc81f56e880b96e7160c980dd98a573ea",
    16,
)
"""floor(2**8062 * pi): every Oakley prime is a piece of it, so that nobody could choose them."""

_OFFSET: Final = {
    768: 149686,
    1024: 129093,
    1536: 741804,
    2048: 124476,
    3072: 1690314,
    4096: 240904,
    6144: 929484,
    8192: 4743158,
}
"""The smallest number that makes both p and (p-1)/2 prime (RFC 2412 appendix E, RFC 3526)."""


def oakley_prime(bits: int) -> int:
    """Return 2**bits - 2**(bits-64) - 1 + 2**64 * (floor(2**(bits-130) pi) + offset).

    RFC 2409 section 6, RFC 3526.  ``bits`` is one of 768, 1024, 1536, 2048, 3072, 4096, 6144, 8192.
    """
    pi = _PI >> (8192 - bits)
    return (1 << bits) - (1 << (bits - 64)) - 1 + ((pi + _OFFSET[bits]) << 64)


@dataclass(frozen=True, slots=True)
class Field:
    """A prime, a generator and, where it is not (p-1)/2, the order of what it generates."""

    prime: int
    generator: int
    order: int | None = None

    @property
    def octets(self) -> int:
        """Length of the prime, of public values and of shared secrets."""
        return (self.prime.bit_length() + 7) // 8

    def private(self, octets: bytes) -> int:
        """Read a given private value, ValueError unless it is 2 .. p-2."""
        value = int.from_bytes(octets, "big")
        if not 1 < value < self.prime - 1:
            raise ValueError("not a private value of this group")
        return value

    def check(self, group: Group, peer_public: bytes) -> int:
        """Return the peer's value, :exc:`BadPublicValue` unless it is 2 .. p-2 (RFC 6989 2.1)."""
        check_length(group, peer_public)
        value = int.from_bytes(peer_public, "big")
        if value < 2:
            raise BadPublicValue(f"{group.name} public value is {value}")
        if value >= self.prime:
            raise BadPublicValue(f"{group.name} public value is not below the prime")
        if value == self.prime - 1:
            raise BadPublicValue(f"{group.name} public value is p-1")
        return value


GROUP_24: Final = Field(
    prime=int(
        "87a8e61db4b6663cffbbd19c651959998ceef608660dd0f25d2ceed4435e3b00e00df8f1d61957d4faf7df45"
        "61b2aa3016c3d91134096faa3bf4296d830e9a7c209e0c6497517abd5a8a9d306bcf67ed91f9e6725b4758c0"
        "22e0b1ef4275bf7b6c5bfc11d45f9088b941f54eb1e59bb8bc39a0bf12307f5c4fdb70c581b23f76b63acae1"
        "caa6b7902d52526735488a0ef13c6d9a51bfa4ab3ad8347796524d8ef6a167b5a41825d967e144e514056425"
        "1ccacb83e6b486f6b3ca3f7971506026c0b857f689962856ded4010abd0be621c3a3960a54e710c375f26375"
        "d7014103a4b54330c198af126116d2276e11715f693877fad7ef09cadb094ae91e1a1597",
        16,
    ),
    generator=int(
        "3fb32c9b73134d0b2e77506660edbd484ca7b18f21ef205407f4793a1a0ba12510dbc15077be463fff4fed4a"
        "ac0bb555be3a6c1b0c6b47b1bc3773bf7e8c6f62901228f8c28cbb18a55ae31341000a650196f931c77a57f2"
        "ddf463e5e9ec144b777de62aaab8a8628ac376d282d6ed3864e67982428ebc831d14348f6f2f9193b5045af2"
        "767164e1dfc967c1fb3f2e55a4bd1bffe83b9c80d052b985d182ea0adb2a3b7313d3fe14c8484b1e052588b9"
        "b7d2bbd2df016199ecd06e1557cd0915b3353bbb64e0ec377fd028370df92b52c7891428cdc67eb6184b523d"
        "1db246c32f63078490f00ef8d647d148d47954515e2327cfef98c582664b4c0f6cc41659",
        16,
    ),
    order=0x8CF83642A709A097B447997640129DA299B1A47D1EB3750BA308B0FE64F5FBD3,
)
"""RFC 5114 section 2.3, whose prime nobody has explained.  (p-1)/q has small factors, so the order
of a peer's value must be checked (RFC 6989 section 2.2)."""


@cache
def _parameters(field: Field) -> DHParameterNumbers:
    return DHParameterNumbers(field.prime, field.generator, field.order)


class LibraryModp:
    """An exchange in the library's constant-time code."""

    __slots__ = ("_field", "_private", "group", "public")

    def __init__(self, group: Group, field: Field, private: bytes | None) -> None:
        numbers = _parameters(field)
        if private is None:
            self._private: DHPrivateKey = numbers.parameters().generate_private_key()
        else:
            x = field.private(private)
            y = pow(field.generator, x, field.prime)
            self._private = DHPrivateNumbers(x, DHPublicNumbers(y, numbers)).private_key()
        public = self._private.public_key().public_numbers().y
        self.group = group
        self.public = public.to_bytes(field.octets, "big")
        self._field = field

    def shared(self, peer_public: bytes) -> bytes:
        """Return the shared secret, padded to the prime's length, or raise BadPublicValue."""
        value = self._field.check(self.group, peer_public)
        peer = DHPublicNumbers(value, _parameters(self._field)).public_key()
        try:
            secret = self._private.exchange(peer)
        except ValueError:
            # OpenSSL raises y to the order q first (SP 800-56A 5.6.2.3.1); pow() would take
            # 3.2 ms for it.
            raise BadPublicValue(
                f"{self.group.name} public value is not in the subgroup of the generator"
            ) from None
        return secret.rjust(self._field.octets, b"\0")


class PlainModp:
    """An exchange computed by pow(), for the two primes OpenSSL does not know by name."""

    __slots__ = ("_field", "_private", "group", "public")

    def __init__(self, group: Group, field: Field, private: bytes | None) -> None:
        if private is None:
            # Twice and more the strength of the group; the top bit keeps it from being small.
            self._private = int.from_bytes(os.urandom(32), "big") | 1 << 255
        else:
            self._private = field.private(private)
        self._field = field
        self.group = group
        self.public = pow(field.generator, self._private, field.prime).to_bytes(field.octets, "big")

    def shared(self, peer_public: bytes) -> bytes:
        """Return the shared secret, padded to the prime's length, or raise BadPublicValue."""
        value = self._field.check(self.group, peer_public)
        return pow(value, self._private, self._field.prime).to_bytes(self._field.octets, "big")


@dataclass(frozen=True, slots=True)
class Modp:
    """The method of a finite-field group."""

    field: Field
    kind: type[LibraryModp | PlainModp]

    def make(self, group: Group, private: bytes | None) -> KeyExchange:
        """Return an exchange."""
        return self.kind(group, self.field, private)

    def check(self, group: Group, peer_public: bytes) -> None:
        """Raise BadPublicValue unless the value is 2 .. p-2 (RFC 6989 section 2.1)."""
        self.field.check(group, peer_public)


def oakley(bits: int) -> Modp:
    """Return the method of the Oakley prime of so many bits, generator 2."""
    return Modp(Field(oakley_prime(bits), 2), PlainModp if bits <= 1024 else LibraryModp)


group24: Final = Modp(GROUP_24, LibraryModp)
"""The 2048-bit group with the 256-bit subgroup."""
