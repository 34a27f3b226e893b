"""Proposals in strongSwan's spelling: ``aes128-sha256-x25519``."""

from typing import Final

from ikecore.proposals import (
    NONE,
    Proposal,
    Protocol,
    Transform,
    TransformType,
    transform_of,
)
from suites.encr import Encr
from suites.integ import INTEG_BY_NAME, Integ
from suites.kex import Group
from suites.keywords import Row, lookup, nearest
from suites.prf import PRF_BY_NAME, PRF_OF_INTEG, Prf

_ESN: Final = {"esn": 1, "noesn": 0}


class KeywordError(ValueError):
    """A proposal cannot be read; ``hint`` says what would do."""

    def __init__(self, what: str, hint: str) -> None:
        super().__init__(what)
        self.hint = hint


def parse_proposal(text: str, protocol: Protocol) -> Proposal:
    """Read one proposal of keywords joined by ``-``.

    An IKE proposal without a PRF takes that of its integrity keywords, a combined-mode cipher
    alone SHA-256's.  ESP and AH: without ``esn`` and ``noesn`` the latter is meant; of both the
    first is preferred.  A row without a number of its own is left without one: see
    :func:`~ikecore.proposals.numbered`.  Raises :exc:`KeywordError`.
    """
    rows: list[Row] = []
    esn: list[Transform] = []
    for token in filter(None, text.strip().lower().split("-")):
        if token in _ESN:
            esn.append(Transform(TransformType.ESN, _ESN[token]))
            continue
        row = lookup(token)
        if row is None:
            close = nearest(token)
            hint = f"did you mean {close}?" if close else "see: ikebana explain-proposal"
            raise KeywordError(f"unknown algorithm {token!r}", hint)
        rows.append(row)
    _check(text, rows, protocol, has_esn=bool(esn))
    combined = any(isinstance(row, Encr) and row.is_aead for row in rows)
    # aes128gcm16-sha256-x25519: beside a combined-mode cipher sha256 names only the PRF
    transforms = [transform_of(row) for row in rows if not (combined and isinstance(row, Integ))]
    if protocol is Protocol.IKE:
        transforms += _derived_prfs(rows)
    else:
        transforms += esn or [Transform(TransformType.ESN, NONE)]
    order = {kind: at for at, kind in enumerate(TransformType)}
    unique = dict.fromkeys(sorted(transforms, key=lambda t: order[TransformType(t.type)]))
    return Proposal(protocol, tuple(unique))


def _check(text: str, rows: list[Row], protocol: Protocol, *, has_esn: bool) -> None:
    ciphers = [row for row in rows if isinstance(row, Encr)]
    integs = [row for row in rows if isinstance(row, Integ)]
    if protocol is Protocol.AH:
        _check_ah(text, ciphers, integs)
    else:
        _check_ciphers(text, ciphers, integs, protocol)
    _check_numbers(integs)
    if protocol is Protocol.IKE:
        if not any(isinstance(row, Group) for row in rows):
            raise KeywordError(f"no key exchange in {text!r}", "add -x25519 or -modp2048")
        if has_esn:
            raise KeywordError("esn belongs to ESP and AH", "leave it out of the IKE proposal")
    elif any(isinstance(row, Prf) for row in rows):
        name = protocol.name
        raise KeywordError("a PRF belongs to IKE", f"leave it out of the {name} proposal")


def _check_ah(text: str, ciphers: list[Encr], integs: list[Integ]) -> None:
    if ciphers:
        own = [f"{row.name}_ah" for row in ciphers if f"{row.name}_ah" in INTEG_BY_NAME]
        named = "-".join([*own, *(row.name for row in integs)]) or "sha256"
        raise KeywordError(
            f"AH takes no cipher: {ciphers[0].name} must go", f"write {named}, or take ESP"
        )
    if not integs:
        raise KeywordError(f"no integrity algorithm in {text!r}", "begin with one, such as sha256")


def _check_ciphers(text: str, ciphers: list[Encr], integs: list[Integ], protocol: Protocol) -> None:
    if not ciphers:
        raise KeywordError(f"no cipher in {text!r}", "begin with one, such as aes256gcm16")
    if protocol is Protocol.IKE:
        rows: list[Encr | Integ] = [*ciphers, *integs]
        for row in rows:
            if not row.is_for_ike:
                better = "aes256gcm16" if isinstance(row, Encr) else "sha256"
                raise KeywordError(f"{row.name} is not for IKE", f"use {better} here")
    if len({row.is_aead for row in ciphers}) > 1:
        raise KeywordError(
            f"{text!r} mixes combined-mode and plain ciphers",
            "write two proposals (RFC 7296 section 3.3)",
        )
    for row in integs:
        if protocol is Protocol.ESP and not row.is_for_esp:
            raise KeywordError(f"{row.name} is for AH", f"write {row.name.removesuffix('_ah')}")
    if not ciphers[0].is_aead:
        if not integs:
            raise KeywordError(f"{ciphers[0].name} needs an integrity algorithm", "add -sha256")
    elif integs and protocol is not Protocol.IKE:
        raise KeywordError(
            f"{ciphers[0].name} authenticates by itself: {integs[0].name} must go",
            f"write {'-'.join(c.name for c in ciphers)}",
        )


def _check_numbers(integs: list[Integ]) -> None:
    seen: dict[int, Integ] = {}
    for row in integs:
        other = seen.setdefault(row.iana, row)
        if other is not row:
            raise KeywordError(
                f"{other.name} and {row.name} have one number on the wire",
                "keep the one that the peer means",
            )


def _derived_prfs(rows: list[Row]) -> list[Transform]:
    if any(isinstance(row, Prf) for row in rows):
        return []
    named = [PRF_OF_INTEG[row.name] for row in rows if isinstance(row, Integ)]
    return [transform_of(prf) for prf in named or [PRF_BY_NAME["prfsha256"]]]
