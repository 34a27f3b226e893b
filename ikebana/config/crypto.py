"""The algorithms of a connection: presets, single fields, proposals, and how they combine.

A preset supplies every algorithm and lifetime that is not given; ``proposals`` excludes the single
fields.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, Field, PlainValidator, Strict, ValidationInfo

from ikebana.config.fields import Listed, Model, filled, lasting, nearest_of
from ikebana.config.presets import DISABLED, CryptoPreset, Preset, preset_of
from ikebana.config.problems import Loc, Refusal, did_you_mean, refuse
from ikecore.keywords import KeywordError, parse_proposal
from ikecore.profile import IkeVersion, Phase1Mode
from ikecore.proposals import Proposal, Protocol, numbered
from suites.encr import ENCR, ENCR_BY_NAME, Encr
from suites.integ import INTEG, Integ
from suites.kex import GROUP, GROUP_BY_ID, Group
from suites.keywords import Row, lookup, nearest
from suites.prf import PRF, PRF_OF_INTEG, Prf

IKE_LIFETIME: Final = (60, 604_800)
IPSEC_LIFETIME: Final = (180, 604_800)
AUTH_LIFETIME: Final = (60, 604_800)
LIFETIME_KB: Final = (2_560, 4_294_967_295)
LIFETIME_PACKETS: Final = (1_000, 1_000_000_000_000)


def _row(kind: type[Row]) -> Callable[[object], str | None]:
    def find(value: object) -> str | None:
        row = lookup(value) if isinstance(value, str) else None
        return row.name if isinstance(row, kind) else None

    return find


def _ike_cipher(value: object) -> str | None:
    row = lookup(value) if isinstance(value, str) else None
    return row.name if isinstance(row, Encr) and row.is_for_ike else None


def _group(value: object) -> str | None:
    """Read a group by number (``14``, ``"14"``, ``"group14"``) or keyword (``"modp2048"``)."""
    if isinstance(value, bool):
        return None
    if isinstance(value, str):
        number = value.lower().removeprefix("group")
        if not (number.isascii() and number.isdigit() and len(number) <= 3):
            return _row(Group)(value)
        value = int(number)
    row = GROUP_BY_ID.get(value) if isinstance(value, int) else None
    return row.name if row is not None else None


def _pfs(value: object) -> str | None:
    return DISABLED if value == DISABLED else _group(value)


def _prf(value: object) -> str | None:
    row = lookup(value) if isinstance(value, str) else None
    if isinstance(row, Integ):
        prf = PRF_OF_INTEG.get(row.name)
        return prf.name if prf is not None else None
    return row.name if isinstance(row, Prf) else None


def _names(table: Iterable[Row]) -> tuple[str, ...]:
    return tuple(row.name for row in table)


def _checked(belongs: Callable[[ValidationInfo], Protocol]) -> AfterValidator:
    def check(text: str, info: ValidationInfo) -> str:
        if len(text) > 400:
            raise refuse("the proposal is too long", "at most 400 characters")
        try:
            parse_proposal(text, belongs(info))
        except KeywordError as why:
            raise refuse(str(why), why.hint) from None
        return text

    return AfterValidator(check)


def _named(
    what: str, find: Callable[[object], str | None], known: tuple[str, ...]
) -> PlainValidator:
    """Read one word of a table: ``find`` gives its keyword or None, ``known`` are the hints."""

    def check(value: object) -> str:
        found = find(value)
        if found is not None:
            return found
        word = str(value)[:64] if isinstance(value, str) else ""
        if word.lower() in _LATER:
            raise refuse(f"{word} is not yet supported by this version", f"use {known[0]}")
        near = nearest(word)
        hint = f"did you mean {near}?" if near in known else did_you_mean(word, known)
        raise refuse(f"not {what} that this version knows", hint)

    return PlainValidator(check)


_LATER: Final = frozenset({"mlkem512", "mlkem768", "mlkem1024"})
Encryption = Annotated[str, _named("an encryption algorithm", _row(Encr), _names(ENCR))]
_IKE_CIPHERS: Final = _names(row for row in ENCR if row.is_for_ike)
IkeEncryption = Annotated[str, _named("an encryption algorithm", _ike_cipher, _IKE_CIPHERS)]
Integrity = Annotated[str, _named("an integrity algorithm", _row(Integ), _names(INTEG))]
PrfName = Annotated[str, _named("a PRF", _prf, _names(PRF))]
GroupName = Annotated[str, _named("a key exchange group", _group, _names(GROUP))]
Pfs = Annotated[str, _named("a key exchange group", _pfs, (DISABLED, *_names(GROUP)))]
_PROTOCOLS: Final = {"esp": Protocol.ESP, "ah": Protocol.AH}
IkeProposals = Annotated[
    tuple[Annotated[str, _checked(lambda _: Protocol.IKE)], ...], Listed, AfterValidator(filled)
]
EspProposals = Annotated[
    tuple[Annotated[str, _checked(lambda info: _PROTOCOLS[info.data.get("protocol", "esp")])], ...],
    Listed,
    AfterValidator(filled),
]
_ALGORITHM: Final = {"type": "keyword", "shown": "the preset's"}


class IkeSettings(Model):
    """The IKE SA: ``[connection.ike]``."""

    version: Annotated[IkeVersion, Strict(False)] = Field(
        default=IkeVersion.IKEV2,
        description="IKE version; `any`: what the peer begins with, which needs `initiation = "
        '"passive"`. IKEv1 is historic (RFC 9395).',
    )
    mode: Annotated[Phase1Mode, Strict(False)] = Field(
        default=Phase1Mode.MAIN,
        description="How IKEv1 makes its first SA. `aggressive` shows identities to everybody and "
        "takes exactly one group (and one for PFS).",
    )
    allow_aggressive_psk: bool = Field(
        default=False,
        description="Whether a peer may begin IKEv1 in aggressive mode: whoever asks then gets a "
        "hash to try keys on, off line.",
    )
    proposals: IkeProposals = Field(
        default=(),
        max_length=32,
        description="Proposals in strongSwan's keywords, preferred first, such as "
        '`"aes128-sha256-x25519"`; excludes the single fields below.',
        json_schema_extra={"shown": "the preset's"},
    )
    encryption: IkeEncryption | None = Field(
        default=None, description="Encryption algorithm.", json_schema_extra={**_ALGORITHM}
    )
    integrity: Integrity | None = Field(
        default=None,
        description="Integrity algorithm; absent with a combined-mode cipher.",
        json_schema_extra={**_ALGORITHM},
    )
    prf: PrfName | None = Field(
        default=None,
        description="Pseudorandom function.",
        json_schema_extra={
            "type": "keyword",
            "shown": "that of the integrity algorithm, else prfsha256",
        },
    )
    dh_group: GroupName | None = Field(
        default=None,
        description="Key exchange group, by number or keyword (`14` or `modp2048`).",
        json_schema_extra={"type": "number or keyword", "shown": "the preset's"},
    )
    lifetime_s: Annotated[int, lasting(*IKE_LIFETIME)] | None = Field(
        default=None,
        description="Seconds until the IKE SA is replaced; 0: no limit of ours.",
        json_schema_extra={"type": "0 or 60-604800", "shown": "86400"},
    )
    reauth: bool = Field(
        default=False,
        description="Whether both ends prove who they are again when the lifetime ends, with a new "
        "IKE SA made before the old one goes; else its keys are renewed.",
    )
    auth_lifetime_s: Annotated[int, lasting(*AUTH_LIFETIME, "nothing is told")] = Field(
        default=0,
        description="Seconds after which a peer that began has to authenticate anew: it is told so "
        "(RFC 4478).",
        json_schema_extra={"type": "0 or 60-604800"},
    )
    fragmentation: bool = Field(
        default=True,
        description="Whether long messages are cut into pieces that no router has to cut again "
        "(RFC 7383).",
    )
    window: int = Field(
        default=1,
        ge=1,
        le=16,
        description="Requests that the peer may have under way at a time (SET_WINDOW_SIZE).",
    )

    @property
    def singles(self) -> tuple[str, ...]:
        """Return the names of the single fields that are given."""
        return _given(self, ("encryption", "integrity", "prf", "dh_group"))

    def keywords(self, preset: Preset) -> tuple[str, ...]:
        """Return the proposals in effect, as keywords."""
        if self.proposals or not self.singles:
            return self.proposals or preset.ike
        base = _with_integrity(self.encryption, self.integrity, preset)
        return ("-".join(filter(None, [*base, self.prf, self.dh_group or preset.groups])),)


class IpsecSettings(Model):
    """The child SA that carries packets: ``[connection.ipsec]``."""

    protocol: Literal["esp", "ah"] = Field(
        default="esp",
        description="Security protocol; `ah` does not encrypt, needs `nat_traversal = false`, and "
        "passes no NAT.",
    )
    mode: Literal["tunnel", "transport"] = Field(
        default="tunnel",
        description="`tunnel` carries whole packets between networks; `transport` is for experts: "
        "it protects what the two ends themselves say to each other.",
    )
    proposals: EspProposals = Field(
        default=(),
        max_length=32,
        description="Proposals in strongSwan's keywords, preferred first, such as "
        '`"aes128gcm16-esn-noesn"`; excludes the single fields below.',
        json_schema_extra={"shown": "the preset's"},
    )
    encryption: Encryption | None = Field(
        default=None, description="Encryption algorithm.", json_schema_extra={**_ALGORITHM}
    )
    integrity: Integrity | None = Field(
        default=None,
        description="Integrity algorithm; absent with a combined-mode cipher.",
        json_schema_extra={**_ALGORITHM},
    )
    pfs: Pfs | None = Field(
        default=None,
        description="Group of the key exchange that renews a child, by number or keyword, or "
        "`disabled`. The first child takes its keys from IKE's own exchange (RFC 7296 section "
        "1.2), and so does each that reauthentication makes.",
        json_schema_extra={"type": "number, keyword or `disabled`", "shown": "the preset's"},
    )
    esn: bool | None = Field(
        default=None,
        description="Whether 64-bit sequence numbers are preferred; 32-bit ones are taken, too "
        "(`proposals` can insist on either: `esn`, `noesn`).",
        json_schema_extra={"type": "bool", "shown": "`false`"},
    )
    lifetime_s: Annotated[int, lasting(*IPSEC_LIFETIME)] | None = Field(
        default=None,
        description="Seconds until the child SA is replaced; 0: no limit of ours.",
        json_schema_extra={"type": "0 or 180-604800", "shown": "3600 (86400: `cloud_compat`)"},
    )
    lifetime_kb: Annotated[int, nearest_of(*LIFETIME_KB, "KB")] = Field(
        default=0,
        description="KB of 1,024 octets in one direction until the child SA is replaced, which "
        "begins 10 % earlier; 0: no limit.",
        json_schema_extra={"type": "0 or 2560-4294967295"},
    )
    lifetime_packets: Annotated[int, nearest_of(*LIFETIME_PACKETS, "packets")] = Field(
        default=0,
        description="The same in packets.",
        json_schema_extra={"type": "0 or 1000-1000000000000"},
    )
    fragments_also: bool = Field(
        default=False,
        description="Whether later fragments, which show no ports, go into children for certain "
        "ports too, if the peer agrees (NON_FIRST_FRAGMENTS_ALSO).",
    )

    @property
    def protocol_id(self) -> Protocol:
        """Return the protocol as proposals number it."""
        return _PROTOCOLS[self.protocol]

    @property
    def singles(self) -> tuple[str, ...]:
        """Return the names of the single fields that are given."""
        return _given(self, ("encryption", "integrity", "pfs", "esn"))

    def keywords(self, preset: Preset) -> tuple[str, ...]:
        """Return the proposals in effect, as keywords."""
        if self.proposals:
            return self.proposals
        group = (self.pfs or preset.pfs).replace(DISABLED, "")
        last = [group, "esn-noesn" if self.esn else ""]
        if self.protocol == "ah":
            return (_joined([self.integrity or preset.integrity, *last]),)
        if not self.encryption and not self.integrity and preset.ipsec:
            plain = tuple(text.removesuffix(f"-{preset.pfs}") for text in preset.ipsec)
            return tuple(_joined([text, *last]) for text in plain)
        return (_joined([*_with_integrity(self.encryption, self.integrity, preset), *last]),)


def _joined(words: Iterable[str]) -> str:
    return "-".join(filter(None, words))


def _given(model: Model, names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(name for name in names if getattr(model, name) is not None)


def _with_integrity(encryption: str | None, integrity: str | None, preset: Preset) -> list[str]:
    """Return cipher and integrity, completed by the preset so that they fit each other."""
    cipher = encryption or preset.encryption
    if not encryption and integrity:
        cipher = cipher.removesuffix("gcm16")  # an integrity algorithm asks for a plain cipher
    combined = cipher in ENCR_BY_NAME and ENCR_BY_NAME[cipher].is_aead
    return [cipher, (integrity or "") if combined else (integrity or preset.integrity)]


def algorithm_refusals(
    ike: IkeSettings, ipsec: IpsecSettings, preset: CryptoPreset
) -> list[Refusal]:
    """Return what does not fit together, places relative to the connection."""
    found: list[Refusal] = []
    supplied = preset_of(preset, ike.version)
    sections: tuple[tuple[str, IkeSettings | IpsecSettings, Protocol], ...] = (
        ("ike", ike, Protocol.IKE),
        ("ipsec", ipsec, ipsec.protocol_id),
    )
    for name, settings, protocol in sections:
        if settings.proposals and settings.singles:
            found += [
                Refusal((name, field), "excluded by proposals", "keep one of the two")
                for field in settings.singles
            ]
            continue
        if settings.proposals:
            continue
        cipher = settings.encryption
        if cipher is not None and protocol is Protocol.AH:
            found.append(
                Refusal((name, "encryption"), "AH does not encrypt", 'leave it out, or take "esp"')
            )
            continue
        if cipher is not None and settings.integrity is not None and ENCR_BY_NAME[cipher].is_aead:
            found.append(
                Refusal(
                    (name, "integrity"), f"{cipher} authenticates by itself", "leave integrity out"
                )
            )
            continue
        texts = settings.keywords(supplied)
        if not texts or not texts[0]:
            found.append(_nothing((name,), preset))
            continue
        try:
            parse_proposal(texts[0], protocol)
        except KeywordError as why:
            found.append(Refusal((name,), f"{preset} leaves a gap: {why}", _completion(why.hint)))
    return found


def _nothing(loc: Loc, preset: CryptoPreset) -> Refusal:
    return Refusal(loc, f"crypto_preset {preset} supplies no algorithms", "give proposals")


def _completion(hint: str) -> str:
    return f"{hint}, or give proposals"


def effective(
    texts: tuple[str, ...], protocol: Protocol, private: Mapping[str, int]
) -> tuple[Proposal, ...]:
    """Return proposals numbered from 1 as they will be sent (RFC 7296 section 3.3.1).

    ``private`` are the numbers, by keyword, of what has none of IANA's; KeyError when one lacks.
    """
    parsed = (numbered(parse_proposal(text, protocol), private) for text in texts)
    return tuple(
        Proposal(one.protocol, one.transforms, one.spi, number)
        for number, one in enumerate(parsed, 1)
    )
