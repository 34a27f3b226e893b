"""Keying material and AUTH (RFC 7296 sections 2.13 to 2.17)."""

import hmac
from dataclasses import dataclass, replace
from typing import Final

from ikecore.child import Keys
from ikecore.proposals import Suite
from suites.encr import sealer
from suites.prf import Prf
from suites.sealers import Sealer
from suites.secret import Secret

_NAMES: Final = ("SK_d", "SK_ai", "SK_ar", "SK_ei", "SK_er", "SK_pi", "SK_pr")
_GONE: Final = Secret(b"")
_KEY_PAD: Final = b"Key Pad for IKEv2"  # section 2.15, without a terminating zero


@dataclass(frozen=True, slots=True)
class IkeKeys:
    """The keys of one IKE SA as one end uses them.

    ``sending`` and ``receiving`` are SK_e and SK_a of either direction, ``auth_i`` and ``auth_r``
    SK_pi and SK_pr; ``named`` has all seven for the trace.
    """

    suite: Suite
    sending: Keys
    receiving: Keys
    derive: Secret
    auth_i: Secret
    auth_r: Secret
    named: tuple[tuple[str, Secret], ...]

    @property
    def prf(self) -> Prf:
        """Return the negotiated PRF."""
        return _prf(self.suite)

    @property
    def outbound(self) -> Sealer:
        """Make what seals our messages.

        It is not kept: cipher contexts are 3 kB a direction, and an idle SA has a message every
        half a minute, beside which the 5 us to make them are nothing.
        """
        return _sealer(self.suite, self.sending)

    @property
    def inbound(self) -> Sealer:
        """Make what opens the peer's messages; it is not kept either."""
        return _sealer(self.suite, self.receiving)

    def kept(self) -> "IkeKeys":
        """Return what the SA needs for life: IKE_AUTH and the trace have had theirs."""
        return replace(self, auth_i=_GONE, auth_r=_GONE, named=())


def derive_ike_keys(
    suite: Suite,
    shared: bytes,
    nonces: tuple[bytes, bytes],
    spis: tuple[bytes, bytes],
    *,
    initiator: bool,
) -> IkeKeys:
    """Return the keys of an IKE SA (section 2.14); pairs are (initiator's, responder's)."""
    skeyseed = _prf(suite).skeyseed(*nonces, shared)
    return _ike_keys(suite, skeyseed, nonces, spis, initiator=initiator)


def _ike_keys(
    suite: Suite,
    skeyseed: bytes,
    nonces: tuple[bytes, bytes],
    spis: tuple[bytes, bytes],
    *,
    initiator: bool,
) -> IkeKeys:
    prf, encr, integ = _prf(suite), suite.encr, suite.integ
    seed = b"".join((*nonces, *spis))
    mac = integ.key if integ is not None else 0
    sizes = (prf.key, mac, mac, encr.keymat, encr.keymat, prf.key, prf.key)
    d, ai, ar, ei, er, pi, pr = map(Secret, _cut(prf.plus(skeyseed, seed, sum(sizes)), sizes))
    to_responder, to_initiator = Keys(ei, ai), Keys(er, ar)
    return IkeKeys(
        suite,
        to_responder if initiator else to_initiator,
        to_initiator if initiator else to_responder,
        d,
        pi,
        pr,
        tuple(zip(_NAMES, (d, ai, ar, ei, er, pi, pr), strict=True)),
    )


def derive_rekeyed(
    old: IkeKeys,
    suite: Suite,
    shared: bytes,
    nonces: tuple[bytes, bytes],
    spis: tuple[bytes, bytes],
    *,
    initiator: bool,
) -> IkeKeys:
    """Return the keys of the IKE SA that replaces ``old`` (section 2.18).

    SKEYSEED comes of the old PRF and the old SK_d; all else of the new PRF, nonces and SPIs.
    """
    seed = old.prf.digest(old.derive.reveal(), shared + nonces[0] + nonces[1])
    return _ike_keys(suite, seed, nonces, spis, initiator=initiator)


def derive_child_keys(
    keys: IkeKeys,
    suite: Suite,
    nonces: tuple[bytes, bytes],
    shared: bytes = b"",
    *,
    initiator: bool,
) -> tuple[Keys, Keys]:
    """Return the (inbound, outbound) keys of a child (section 2.17).

    ``shared`` is the secret of the child's own key exchange, b"" without one; ``initiator`` is
    whether we started the exchange that made the child.
    """
    mac = suite.integ.key if suite.integ is not None else 0
    sizes = (suite.encr.keymat, mac, suite.encr.keymat, mac)
    seed = shared + nonces[0] + nonces[1]
    material = keys.prf.plus(keys.derive.reveal(), seed, sum(sizes))
    ei, ai, er, ar = (Secret(part) for part in _cut(material, sizes))
    there, back = Keys(ei, ai), Keys(er, ar)
    return (back, there) if initiator else (there, back)


def psk_auth(
    keys: IkeKeys, psk: Secret, message: bytes, nonce: bytes, identity: bytes, *, initiator: bool
) -> bytes:
    """Return the AUTH data of a pre-shared key (section 2.15).

    ``message`` is the IKE_SA_INIT message that the authenticating end sent, as it stood on the
    wire; ``nonce`` the other end's nonce; ``identity`` the body of the authenticating end's ID
    payload, as it was sent.
    """
    prf = keys.prf
    macing = (keys.auth_i if initiator else keys.auth_r).reveal()
    key = prf.digest(psk.reveal(), _KEY_PAD)
    return prf.digest(key, message + nonce + prf.digest(macing, identity))


def is_auth_good(expected: bytes, received: bytes) -> bool:
    """Compare AUTH data in constant time."""
    return hmac.compare_digest(expected, received)


def _sealer(suite: Suite, keys: Keys) -> Sealer:
    return sealer(suite.encr, keys.encr.reveal(), suite.integ, keys.integ.reveal())


def _prf(suite: Suite) -> Prf:
    if suite.prf is None:
        raise ValueError("an IKE suite has a PRF")
    return suite.prf


def _cut(material: bytes, sizes: tuple[int, ...]) -> list[bytes]:
    parts, at = [], 0
    for size in sizes:
        parts.append(material[at : at + size])
        at += size
    return parts
