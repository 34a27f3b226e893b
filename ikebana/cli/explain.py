"""What ``explain-proposal`` prints: each keyword's meaning, and the proposal as IKE, ESP and AH."""

from dataclasses import dataclass
from typing import Final

from ikebana.config.vocabulary import inexpressible
from ikebana.render.text import clean, fit
from ikecore.keywords import KeywordError, parse_proposal
from ikecore.proposals import Protocol, TransformType, describe
from suites.encr import Encr
from suites.integ import Integ
from suites.kex import Group
from suites.keywords import Row, lookup, nearest
from suites.prf import PRF_OF_INTEG, Prf
from suites.status import NON_STANDARD, Status, is_standard

_LIMIT: Final = 1000  # characters of a proposal; the longest sensible one has some hundred
_ESN: Final = {"esn": "64-bit", "noesn": "32-bit"}
_STATUS: Final = {
    Status.MUST: "good: every implementation has it",
    Status.SHOULD: "good",
    Status.MAY: "sound, though not everywhere",
    Status.LEGACY: "LEGACY: only for a peer that has nothing better",
    Status.BROKEN: "BROKEN: gives no protection",
}


@dataclass(frozen=True, slots=True)
class Explanation:
    """The lines, and whether the words make a proposal of any kind."""

    lines: tuple[str, ...]
    usable: bool


def explain(keywords: str, *, ikev1: bool = False) -> Explanation:
    """Explain a proposal in strongSwan's spelling; ``ikev1``: also what IKEv1 can say of it."""
    keywords = keywords.strip()[:_LIMIT]
    lines: list[str] = []
    for token in filter(None, keywords.lower().split("-")):
        lines += _token(token)
    usable = False
    for protocol in (Protocol.IKE, Protocol.ESP, Protocol.AH):
        try:
            found = describe(parse_proposal(keywords, protocol))
        except KeywordError as error:
            lines.append(f"as {protocol.name}: no: {clean(str(error))} ({clean(error.hint)})")
        else:
            usable = True
            lines.append(f"as {protocol.name}: {found}")
            if ikev1:
                lines.append(_in_ikev1(keywords, protocol))
    return Explanation(tuple(lines), usable)


def _in_ikev1(keywords: str, protocol: Protocol) -> str:
    """Tell whether IKEv1 has numbers for a proposal, which can be read, and what would do."""
    name = f"    in IKEv1{', phase 1' if protocol is Protocol.IKE else ''}"
    bad = [
        f"{row.name} has no number ({clean(hint)})"
        for row, hint in inexpressible(keywords, protocol)
    ]
    if bad:
        return f"{name}: no: {'; '.join(bad)}"
    # the PRF is that of the hash and is not negotiated (RFC 2409 section 4)
    return f"{name}: {describe(parse_proposal(keywords, protocol).without(TransformType.PRF))}"


def _token(token: str) -> list[str]:
    if token in _ESN:
        return [f"{token}: extended sequence numbers, {_ESN[token]}; transform type 5; ESP, AH"]
    row = lookup(token)
    if row is None:
        close = nearest(token)
        hint = f"; did you mean {close}?" if close else ""
        return [f"{fit(token, 40)}: unknown{hint}"]
    name = row.name if row.name == token else f"{token} ({row.name})"
    lines = [f"{name}: {_what(row)}", f"    {_STATUS[row.status]}"]
    if row.instead:
        lines[1] += f"; better {row.instead}"
    if not is_standard(row.iana):
        lines[1] = f"    {NON_STANDARD}"
    return lines


def _what(row: Row) -> str:
    match row:
        case Encr():
            salt = f" + {row.salt} octets of salt" if row.salt else ""
            use = "IKE, ESP" if row.is_for_ike else "ESP"
            return f"{_kind(row)}; {_id(1, row)}; key {row.key * 8} bits{salt}; {use}"
        case Prf():
            return f"pseudorandom function; {_id(2, row)}; key {row.key * 8} bits; IKE"
        case Integ():
            sizes = f"key {row.key * 8} bits, tag {row.icv * 8} bits"
            ike = f"IKE (and {PRF_OF_INTEG[row.name].name} with it), " if row.is_for_ike else ""
            esp = "ESP, " if row.is_for_esp else ""
            return f"integrity; {_id(3, row)}; {sizes}; {ike}{esp}AH"
        case Group():
            use = "IKE, ESP and AH (PFS)"
            return f"key exchange; {_id(4, row)}; public value {row.public} octets; {use}"


def _kind(row: Encr) -> str:
    if row.is_for_ike:
        return "authenticated encryption" if row.is_aead else "encryption, needs integrity"
    return "no encryption, but integrity" if row.is_aead else "no encryption, needs integrity"


def _id(kind: int, row: Row) -> str:
    number = row.iana if is_standard(row.iana) else "as in [gateway] private_ids"
    return f"transform type {kind} id {number}"
