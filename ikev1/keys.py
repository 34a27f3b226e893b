"""Keying material, HASHes and IVs (RFC 2409 sections 5 and 5.5, appendix B).

Pairs of nonces, cookies and public values are (the initiator's, the responder's) of the exchange
they belong to.  The PRF is the HMAC of the negotiated hash (section 4).
"""

import hmac
from dataclasses import dataclass, replace
from typing import Final

from ikecore.child import Keys
from ikecore.proposals import Protocol, Suite
from suites.chaining import Chained, chained
from suites.digest import digest
from suites.prf import Prf
from suites.secret import Secret

_GONE: Final = Secret(b"")
_WEAK: Final = frozenset(  # appendix A, without the parity bits, which are no part of the key
    bytes.fromhex(text)
    for text in (
        *("0000000000000000", "fefefefefefefefe", "1e1e1e1e0e0e0e0e", "e0e0e0e0f0f0f0f0"),
        *("00fe00fe00fe00fe", "1ee01ee00ef00ef0", "00e000e000f000f0", "1efe1efe0efe0efe"),
        *("001e001e000e000e", "e0fee0fef0fef0fe", "fe00fe00fe00fe00", "e01ee01ef00ef00e"),
        *("e000e000f000f000", "fe1efe1efe0efe0e", "1e001e000e000e00", "fee0fee0fef0fef0"),
    )
)


class WeakKey(ValueError):
    """Chance gave DES one of its weak keys: an exchange with new values gives another."""


@dataclass(frozen=True, slots=True)
class Keys1:
    """The keys of one ISAKMP SA; both ends have the same.

    ``skeyid`` proves the PSK, ``derive`` (SKEYID_d) makes children's keys, ``auth`` (SKEYID_a) the
    HASHes, ``encr`` (Ka of appendix B) enciphers; ``iv`` is phase 1's first.  ``named`` has all for
    the trace.
    """

    suite: Suite
    skeyid: Secret
    derive: Secret
    auth: Secret
    encr: Secret
    iv: bytes
    named: tuple[tuple[str, Secret], ...]

    @property
    def prf(self) -> Prf:
        """Return the HMAC of the negotiated hash."""
        return prf_of(self.suite)

    @property
    def cipher(self) -> Chained:
        """Make what enciphers and deciphers this SA's messages; it is not kept."""
        return chained(self.suite.encr, self.encr.reveal())

    def kept(self) -> "Keys1":
        """Return what the SA needs for life: phase 1 and the trace have had theirs."""
        return replace(self, skeyid=_GONE, iv=b"", named=())


def prf_of(suite: Suite) -> Prf:
    """Return a phase 1 suite's PRF; ValueError when it has none."""
    if suite.prf is None:
        raise ValueError("a phase 1 suite has a hash")
    return suite.prf


def plain_hash(suite: Suite, data: bytes) -> bytes:
    """Return the negotiated hash of octets: what NAT-D payloads have (RFC 3947 section 3.2)."""
    return digest(prf_of(suite), data)


def derive(
    suite: Suite,
    psk: Secret,
    nonces: tuple[bytes, bytes],
    shared: bytes,
    cookies: tuple[bytes, bytes],
    publics: tuple[bytes, bytes],
) -> Keys1:
    """Return the keys of an SA authenticated by a PSK (sections 5 and 5.4).

    ``shared`` is g^xy, ``publics`` the two KE payloads' data.  :exc:`WeakKey` where chance gave DES
    a weak key: that negotiation has to fail, and the next one will not.
    """
    prf = prf_of(suite)
    skeyid = prf.digest(psk.reveal(), b"".join(nonces))
    seed = b"".join((shared, *cookies))
    d = prf.digest(skeyid, seed + b"\0")
    a = prf.digest(skeyid, d + seed + b"\1")
    e = prf.digest(skeyid, a + seed + b"\2")
    ka = _cipher_key(prf, e, suite.encr.key)
    if suite.encr.name == "des" and is_weak(ka):
        raise WeakKey("SKEYID_e begins with a weak DES key")
    iv = plain_hash(suite, b"".join(publics))[: suite.encr.iv]
    secrets = tuple(map(Secret, (skeyid, d, a, e, ka)))
    named = tuple(zip(("SKEYID", "SKEYID_d", "SKEYID_a", "SKEYID_e", "Ka"), secrets, strict=True))
    return Keys1(suite, secrets[0], secrets[1], secrets[2], secrets[4], iv, named)


def _cipher_key(prf: Prf, skeyid_e: bytes, octets: int) -> bytes:
    """Return Ka: SKEYID_e's first octets, or what is fed back of it where that is too short."""
    if len(skeyid_e) >= octets:
        return skeyid_e[:octets]
    stream = last = prf.digest(skeyid_e, b"\0")
    while len(stream) < octets:
        last = prf.digest(skeyid_e, last)
        stream += last
    return stream[:octets]


def is_weak(key: bytes) -> bool:
    """Tell whether a DES key is weak or semi-weak, whatever its parity bits (appendix A)."""
    return bytes(octet & 0xFE for octet in key) in _WEAK


def hash_i(
    keys: Keys1,
    publics: tuple[bytes, bytes],
    cookies: tuple[bytes, bytes],
    sa_body: bytes,
    id_body: bytes,
) -> bytes:
    """Return HASH_I (section 5).

    ``sa_body`` is the body of the initiator's SA payload, all that it offered, and ``id_body`` that
    of the initiator's ID payload, both as they stood on the wire.
    """
    return keys.prf.digest(keys.skeyid.reveal(), b"".join((*publics, *cookies, sa_body, id_body)))


def hash_r(
    keys: Keys1,
    publics: tuple[bytes, bytes],
    cookies: tuple[bytes, bytes],
    sa_body: bytes,
    id_body: bytes,
) -> bytes:
    """Return HASH_R (section 5): ``sa_body`` is the initiator's here too, ``id_body`` not."""
    return hash_i(keys, publics[::-1], cookies[::-1], sa_body, id_body)


def phase2_iv(keys: Keys1, last_block: bytes, message_id: int) -> bytes:
    """Return the first IV of an exchange under an SA (appendix B).

    ``last_block`` is the last block of ciphertext of phase 1.
    """
    return plain_hash(keys.suite, last_block + _number(message_id))[: keys.suite.encr.iv]


def quick_hash1(keys: Keys1, message_id: int, rest: bytes) -> bytes:
    """Return HASH(1) (section 5.5): ``rest`` is all that follows the HASH payload, to its end."""
    return keys.prf.digest(keys.auth.reveal(), _number(message_id) + rest)


def quick_hash2(keys: Keys1, message_id: int, nonce: bytes, rest: bytes) -> bytes:
    """Return HASH(2): as HASH(1), with Ni_b, the initiator's nonce without its header."""
    return keys.prf.digest(keys.auth.reveal(), _number(message_id) + nonce + rest)


def quick_hash3(keys: Keys1, message_id: int, nonces: tuple[bytes, bytes]) -> bytes:
    """Return HASH(3), the whole content of the third message."""
    seed = b"".join((b"\0", _number(message_id), *nonces))
    return keys.prf.digest(keys.auth.reveal(), seed)


def informational_hash(keys: Keys1, message_id: int, rest: bytes) -> bytes:
    """Return HASH(1) of an Informational (section 5.7) or Transaction exchange.

    The latter is draft-dukes-ike-mode-cfg-02 section 3.2; ``rest`` as in :func:`quick_hash1`.
    """
    return quick_hash1(keys, message_id, rest)


def is_hash_good(expected: bytes, received: bytes) -> bool:
    """Compare HASHes in constant time."""
    return hmac.compare_digest(expected, received)


def keymat(
    keys: Keys1,
    protocol: int,
    spi: bytes,
    nonces: tuple[bytes, bytes],
    octets: int,
    shared: bytes = b"",
) -> bytes:
    """Return the first ``octets`` of KEYMAT of one SA (section 5.5).

    ``spi`` is the one of that direction, chosen by its receiver; ``shared`` is g(qm)^xy, b"" where
    there is no PFS.
    """
    seed = b"".join((shared, bytes((protocol,)), spi, *nonces))
    key, stream, last = keys.derive.reveal(), b"", b""
    while len(stream) < octets:
        last = keys.prf.digest(key, last + seed)
        stream += last
    return stream[:octets]


def child_keys(
    keys: Keys1,
    suite: Suite,
    spis: tuple[int, int],
    nonces: tuple[bytes, bytes],
    shared: bytes = b"",
) -> tuple[Keys, Keys]:
    """Return the (inbound, outbound) keys of a child whose SPIs are these, in the same order.

    Each direction's KEYMAT comes from its own SPI; the cipher takes its key and salt first, the
    integrity algorithm what follows (RFC 4301 section 4.5.2).
    """
    inbound, outbound = (_child_keys(keys, suite, spi, nonces, shared) for spi in spis)
    return inbound, outbound


def _child_keys(
    keys: Keys1, suite: Suite, spi: int, nonces: tuple[bytes, bytes], shared: bytes
) -> Keys:
    if suite.protocol not in (Protocol.AH, Protocol.ESP):
        raise ValueError(f"a child is of ESP or AH, not of protocol {suite.protocol}")
    cut = suite.encr.keymat
    octets = cut + (suite.integ.key if suite.integ is not None else 0)
    material = keymat(keys, suite.protocol, _number(spi), nonces, octets, shared)
    return Keys(Secret(material[:cut]), Secret(material[cut:]))


def _number(value: int) -> bytes:
    return value.to_bytes(4, "big")
