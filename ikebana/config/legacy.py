"""What IKEv1 cannot do, and what only it does (RFC 2407, 2409; mode config, XAUTH).

Its proposals name fewer algorithms, its children carry one network on each side, and much of
IKEv2 has no counterpart: what is given in vain is refused.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from ikebana.config.crypto import IkeSettings, IpsecSettings
from ikebana.config.life import Initiation
from ikebana.config.networks import ANY_PORT, SpdPolicy
from ikebana.config.origin import origin
from ikebana.config.problems import Loc, Refusal
from ikebana.config.vocabulary import inexpressible, is_expressible, rows_of
from ikecore.identities import Identity, IdType
from ikecore.profile import IkeVersion, Phase1Mode, Role
from ikecore.proposals import Protocol
from suites.kex import Group

if TYPE_CHECKING:
    from ikebana.config.connection import Connection

_ADDRESSES: Final = frozenset({IdType.IPV4_ADDR, IdType.IPV6_ADDR})
_OWN: Final = "IKEv1 has no number for it"
_ONLY_V1: Final = 'only with ike.version = "ikev1"'
_ALWAYS: Final = "IKEv1 always authenticates anew"
_SUBNETS: Final = frozenset({IdType.IPV4_SUBNET, IdType.IPV6_SUBNET})
_NOTHING: Final = "means nothing to IKEv1"


def legacy_refusals(one: "Connection") -> Iterator[Refusal]:
    """Find what IKEv1 has to do with a connection and cannot, places relative to it."""
    version = one.ike.version
    yield from _roles(one)
    if version is IkeVersion.IKEV2:
        for name in ("mode", "allow_aggressive_psk"):
            if name in one.ike.model_fields_set:
                yield Refusal(("ike", name), _ONLY_V1, "leave it out")
    if version is not IkeVersion.IKEV1:
        for name, text in (("local_id", one.local_id), ("remote_id", one.remote_id)):
            if text is not None and Identity.parse(text).type in _SUBNETS:
                yield Refusal((name,), _ONLY_V1, "an address or a name")
    if version is IkeVersion.IKEV2:
        return
    if version is IkeVersion.ANY and one.initiation is not Initiation.PASSIVE:
        yield Refusal(
            ("ike", "version"),
            f"any leaves the choice to the peer, and initiation is {one.initiation}",
            'initiation = "passive", or ikev1 or ikev2',
        )
    if version is IkeVersion.IKEV1:
        yield from _in_vain(one)
    yield from _aggressive(one)
    yield from _algorithms(one)
    yield from _one_pair_each(one)


def _in_vain(one: "Connection") -> Iterator[Refusal]:
    given: tuple[tuple[Loc, bool, str], ...] = (
        (("mobike",), one.mobike, _NOTHING),
        (("childless",), "childless" in one.model_fields_set, _NOTHING),
        (("ike", "window"), "window" in one.ike.model_fields_set, _NOTHING),
        (("ike", "auth_lifetime_s"), bool(one.ike.auth_lifetime_s), _NOTHING),
        (("ike", "reauth"), "reauth" in one.ike.model_fields_set, _ALWAYS),
        (("ipsec", "fragments_also"), one.ipsec.fragments_also, _NOTHING),
    )
    for loc, is_given, why in given:
        if is_given:
            yield Refusal(loc, why, "leave it out")


def _aggressive(one: "Connection") -> Iterator[Refusal]:
    ike = one.ike
    if ike.mode is not Phase1Mode.AGGRESSIVE:
        if ike.allow_aggressive_psk:
            yield Refusal(
                ("ike", "allow_aggressive_psk"), "the mode is main", 'mode = "aggressive"'
            )
        return
    if one.initiation is Initiation.PASSIVE and not ike.allow_aggressive_psk:
        yield Refusal(
            ("ike", "mode"),
            "a peer may not begin in aggressive mode: whoever asks gets a hash to try keys on",
            'mode = "main", or allow_aggressive_psk = true and a PSK of 32 random characters',
        )
    for name, settings, protocol in _sections(one):
        groups = _groups(settings.keywords(one.preset), protocol)
        if len(groups) <= 1:
            continue
        field = "dh_group = 14" if name == "ike" else "pfs = 14"
        loc: Loc = (name, "proposals") if settings.proposals else (name,)
        yield Refusal(
            loc,
            f"{len(groups)} groups ({', '.join(groups)}): aggressive mode takes exactly one",
            f"such as {name}.{field}",
        )


def _groups(texts: tuple[str, ...], protocol: Protocol) -> tuple[str, ...]:
    return tuple(
        dict.fromkeys(
            row.name for text in texts for row in rows_of(text, protocol) if isinstance(row, Group)
        )
    )


def _sections(
    one: "Connection",
) -> tuple[tuple[str, IkeSettings | IpsecSettings, Protocol], ...]:
    return ("ike", one.ike, Protocol.IKE), ("ipsec", one.ipsec, one.ipsec.protocol_id)


# -- algorithms -----------------------------------------------------------------------------------
def _algorithms(one: "Connection") -> Iterator[Refusal]:
    for name, settings, protocol in _sections(one):
        texts = settings.keywords(one.preset)
        if one.ike.version is IkeVersion.ANY:
            if texts and not any(is_expressible(text, protocol) for text in texts):
                yield Refusal(
                    (name, "proposals") if settings.proposals else (name,),
                    "nothing of it can be said in IKEv1, which any speaks, too",
                    "add a proposal such as "
                    + ("aes256-sha256-modp2048" if protocol is Protocol.IKE else "aes256-sha256"),
                )
            continue
        told: set[str] = set()
        for index, text in enumerate(texts):
            for row, instead in inexpressible(text, protocol):
                if row.name not in told:
                    told.add(row.name)
                    yield Refusal(
                        origin(name, settings, index, row.name), f"{row.name}: {_OWN}", instead
                    )


# -- networks -------------------------------------------------------------------------------------
def _one_pair_each(one: "Connection") -> Iterator[Refusal]:
    """Quick mode carries one identity of each side (RFC 2409 section 5.5)."""
    for at, rule in enumerate(one.rules):
        if not one.per_mapping_sa:
            for field, side in (("local", rule.local_cidrs), ("remote", rule.remote_cidrs)):
                if len(side) > 1:
                    yield Refusal(
                        one.place(at, field),
                        f"{len(side)} networks in one child: IKEv1's has one on each side",
                        'per_mapping_sa = true, or ike.version = "ikev2"',
                    )
        yield from _ports(one.place(at)[:-1], rule)


def _ports(place: Loc, rule: SpdPolicy) -> Iterator[Refusal]:
    for name, spans in (("local_ports", rule.local_ports), ("remote_ports", rule.remote_ports)):
        if len(spans) > 1 or any(one[0] != one[1] and one != ANY_PORT for one in spans):
            yield Refusal((*place, name), "IKEv1 names one port, or all", "write a rule for each")
    if rule.icmp_type is not None:
        yield Refusal((*place, "icmp_type"), "IKEv1 names no ICMP types", "leave it out")


# -- clients and their gateway --------------------------------------------------------------------
def _roles(one: "Connection") -> Iterator[Refusal]:
    is_passive = one.initiation is Initiation.PASSIVE
    for name, role in (("xauth", one.xauth.role), ("address", one.address.role)):
        if role is Role.NONE:
            continue
        if one.ike.version is not IkeVersion.IKEV1:
            yield Refusal((name, "role"), _ONLY_V1, "leave it out, or take IKEv1")
        if role is Role.CLIENT and is_passive:
            yield Refusal((name, "role"), "a client begins", 'initiation = "active"')
        if role is Role.SERVER and not is_passive:
            yield Refusal((name, "role"), "clients begin", 'initiation = "passive"')
    given = "local_subnets" in one.model_fields_set or one.spd_policies
    if one.address.role is Role.CLIENT and given:
        yield Refusal(
            ("spd_policies",) if one.spd_policies else ("local_subnets",),
            "the address that the peer gives us is our side",
            "leave it out",
        )
    if one.address.role is not Role.NONE and one.ipsec.mode == "transport":
        yield Refusal(("ipsec", "mode"), "inner addresses need a tunnel", 'mode = "tunnel"')


# -- what works and is unwise ---------------------------------------------------------------------
def legacy_warnings(one: "Connection") -> Iterator[Refusal]:
    """Find what deserves a warning, places relative to the connection."""
    if not one.ike.version.speaks(1):
        return
    yield Refusal(
        ("ike", "version"),
        "legacy: IKEv1 is historic (RFC 9395)",
        "ikev2, unless the peer speaks nothing else",
    )
    if one.ike.allow_aggressive_psk:
        yield Refusal(
            ("ike", "allow_aggressive_psk"),
            "dangerous: whoever sends one datagram gets a hash made with the PSK, and can try keys "
            "on it off line, as fast as machines go and without anybody's notice",
            'mode = "main"; else a PSK of 32 random characters and nothing less',
        )
    elif one.ike.mode is Phase1Mode.AGGRESSIVE:
        yield Refusal(
            ("ike", "mode"),
            "aggressive mode shows both identities, and a hash to try keys on, to who listens",
            'mode = "main", unless the peer has no fixed address',
        )
    else:
        yield from _found_by_address(one)


def _found_by_address(one: "Connection") -> Iterator[Refusal]:
    for name, text in (("local_id", one.local_id), ("remote_id", one.remote_id)):
        if text is not None and Identity.parse(text).type not in _ADDRESSES:
            yield Refusal(
                (name,),
                "in main mode a PSK is found by the peer's address: the identity comes too late",
                'fine with fixed addresses; else ike.mode = "aggressive", or IKEv2',
            )
            return
