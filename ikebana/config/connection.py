"""One connection: ``[[connection]]`` and the tables below it, in the short form of a file.

A connection of the short form has one tunnel, whose fields are written directly.
"""

from collections.abc import Iterator, Mapping
from enum import StrEnum
from ipaddress import ip_address, ip_network
from typing import Annotated, Any, Final, Self

from pydantic import AfterValidator, Field, Strict, model_validator

from ikebana.config.crypto import (
    PRESETS,
    CryptoPreset,
    IkeSettings,
    IpsecSettings,
    Preset,
    algorithm_refusals,
)
from ikebana.config.fields import (
    ANY_PEER,
    Address,
    Cidrs,
    IdentityText,
    Model,
    Name,
    Network,
    Peer,
    Remarks,
)
from ikebana.config.problems import Refusal, refuse, refuse_all
from ikebana.config.psk import PskField

EVERYTHING: Final[tuple[Network, ...]] = (ip_network("0.0.0.0/0"), ip_network("::/0"))


class Initiation(StrEnum):
    """Who begins the negotiation."""

    ACTIVE = "active"
    ON_DEMAND = "on_demand"
    PASSIVE = "passive"


class RoutingMode(StrEnum):
    """What decides which packets a connection carries."""

    POLICY = "policy"
    DESTINATION = "destination"


class DpdAction(StrEnum):
    """What happens when the peer is found dead."""

    RESTART = "restart"
    CLEAR = "clear"
    HOLD = "hold"
    NONE = "none"


class CloseAction(StrEnum):
    """What happens when the peer deletes the connection's last child, or its IKE SA."""

    RESTART = "restart"
    CLEAR = "clear"
    HOLD = "hold"


def _labels(value: dict[str, str]) -> dict[str, str]:
    if len(value) > 50:
        raise refuse(f"{len(value)} labels", "at most 50")
    for key, text in value.items():
        if not 0 < len(key) <= 63 or len(text) > 255 or not (key + text).isprintable():
            raise refuse(
                "a label has 1-63 printable characters, its value 0-255", 'such as { site = "lab" }'
            )
    return value


class Dpd(Model):
    """Dead peer detection: ``[connection.dpd]``."""

    enabled: bool = Field(default=True, description="Whether a silent peer is probed.")
    interval_s: int = Field(
        default=8,
        ge=1,
        le=3600,
        description="Seconds without an authenticated packet until a probe.",
    )
    timeout_s: int = Field(
        default=30,
        ge=10,
        le=3600,
        description="Seconds from the first unanswered probe until the peer is dead.",
    )
    action: Annotated[DpdAction, Strict(False)] = Field(
        default=DpdAction.RESTART,
        description="What follows: `restart` negotiates at once (`passive` waits), "
        "`clear` stays down, `hold` waits for the next packet, `none` only reports.",
    )


class Retry(Model):
    """Tries and retransmissions: ``[connection.retry]``."""

    count: int = Field(
        default=3,
        ge=1,
        le=100,
        description="Tries, 2 s apart, after the first, until the state says failed.",
    )
    interval_s: int = Field(
        default=12,
        ge=1,
        le=3600,
        description="Seconds from a failure to the next try from then on, ±10 %.",
    )
    try_timeout_s: int = Field(
        default=10, ge=3, le=300, description="Seconds without an answer that end a try."
    )
    first_s: float = Field(
        default=0.5, ge=0.05, le=60, description="Seconds until a request is sent again."
    )
    factor: float = Field(
        default=1.8, ge=1, le=10, description="Each wait is this many times the one before."
    )


def _default_initiation(earlier: Mapping[str, Any]) -> Initiation:
    is_any = earlier.get("peer") == ANY_PEER
    return Initiation.PASSIVE if is_any else Initiation.ACTIVE


class Connection(Model):
    """One connection to one peer: ``[[connection]]``."""

    name: Name = Field(description="Name; unique, without regard to case.")
    remarks: Remarks = Field(default="", description="Free text, at most 255 characters.")
    labels: Annotated[dict[str, str], AfterValidator(_labels)] = Field(
        default_factory=dict,
        description="Free pairs of words, at most 50.",
        json_schema_extra={"type": "table of text", "shown": "none"},
    )
    enabled: bool = Field(default=True, description="Whether the connection exists for the daemon.")
    peer: Peer = Field(
        description="The peer: an IP address, a host name (resolved anew at each try), or `any`.",
        json_schema_extra={"type": "address, host name or `any`"},
    )
    local_address: Address | None = Field(
        default=None,
        description="Address of this gateway that the tunnel ends at.",
        json_schema_extra={
            "type": "IP address",
            "shown": "the gateway's first, else that of the route to the peer",
        },
    )
    local_id: IdentityText | None = Field(
        default=None,
        description="Our identity: an IP address, a host name, `user@host`, `keyid:…`, or a "
        "distinguished name; at most 100 characters.",
        json_schema_extra={"type": "identity", "shown": "our address"},
    )
    remote_id: IdentityText | None = Field(
        default=None,
        description='The peer\'s identity. Required with `peer = "any"`.',
        json_schema_extra={"type": "identity", "shown": "the peer's address"},
    )
    psk: PskField = Field(
        description="The pre-shared key, 1-256 octets: text, or one of `{ file = … }` (relative to "
        "this file; one newline at its end is dropped), `{ env = … }`, `{ hex = … }`, "
        "`{ base64 = … }`.",
        json_schema_extra={"type": "text or reference"},
    )
    initiation: Annotated[Initiation, Strict(False)] = Field(
        default_factory=_default_initiation,
        description="Who begins: `active` this gateway at "
        "once, `on_demand` the first packet, `passive` the peer.",
        json_schema_extra={"shown": 'active (`passive` with `peer = "any"`)'},
    )
    routing_mode: Annotated[RoutingMode, Strict(False)] = Field(
        default=RoutingMode.DESTINATION,
        description="`policy`: the networks are rules and must not overlap; "
        "`destination`: routes decide.",
    )
    local_subnets: Cidrs = Field(
        default=EVERYTHING,
        description="Networks behind this gateway.",
        json_schema_extra={
            "type": "list of networks",
            "shown": "everything (required in `policy` mode)",
        },
    )
    remote_subnets: Cidrs = Field(
        default=EVERYTHING,
        description="Networks behind the peer.",
        json_schema_extra={
            "type": "list of networks",
            "shown": "everything (required in `policy` mode)",
        },
    )
    nat_traversal: bool = Field(
        default=True, description="Whether a NAT on the way is detected and crossed (UDP 4500)."
    )
    force_encap: bool = Field(
        default=False, description="Whether ESP travels in UDP although there is no NAT."
    )
    crypto_preset: Annotated[CryptoPreset, Strict(False)] = Field(
        default=CryptoPreset.MODERN,
        description="What supplies the algorithms and lifetimes that are not "
        "given: `modern`, `cloud_compat` (AES-128, SHA-1, group 2), or nothing (`custom`).",
    )
    ike: IkeSettings = Field(default_factory=IkeSettings, description="The IKE SA.")
    ipsec: IpsecSettings = Field(default_factory=IpsecSettings, description="The child SA.")
    dpd: Dpd = Field(default_factory=Dpd, description="Dead peer detection.")
    retry: Retry = Field(default_factory=Retry, description="Tries and retransmissions.")

    @property
    def is_any_peer(self) -> bool:
        """Tell whether the peer may come from anywhere."""
        return self.peer == ANY_PEER

    @property
    def peer_address(self) -> str:
        """Return the peer's address, empty when it is a name or ``any``."""
        try:
            return str(ip_address(self.peer))
        except ValueError:
            return ""

    @property
    def preset(self) -> Preset:
        """Return what supplies the values not given."""
        return PRESETS[self.crypto_preset]

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        found = [*_refusals(self), *algorithm_refusals(self.ike, self.ipsec, self.crypto_preset)]
        if found:
            raise refuse_all("Connection", found)
        return self


def _refusals(one: Connection) -> Iterator[Refusal]:
    if one.is_any_peer:
        if one.remote_id is None:
            yield Refusal(
                ("remote_id",),
                'required with peer = "any"',
                "the identity the peer sends, usually its inner address",
            )
        if one.initiation is not Initiation.PASSIVE:
            yield Refusal(
                ("initiation",),
                f'peer_address_unknown: {one.initiation} needs to know where the peer = "any" is',
                "passive, or give the peer's address",
            )
    if one.force_encap and not one.nat_traversal:
        yield Refusal(
            ("force_encap",), "needs nat_traversal", "nat_traversal = true, or leave it out"
        )
    yield from _address_refusals(one)
    yield from _subnet_refusals(one)


def _address_refusals(one: Connection) -> Iterator[Refusal]:
    if one.local_address is None or not one.peer_address:
        return
    if ip_address(one.local_address).version != ip_address(one.peer_address).version:
        yield Refusal(
            ("local_address",),
            "of the other IP version than the peer's address",
            "both IPv4 or both IPv6",
        )
    elif one.local_address == one.peer_address:
        yield Refusal(("peer",), "the peer has our own address", "give the other gateway's")


def _subnet_refusals(one: Connection) -> Iterator[Refusal]:
    given = {"local_subnets", "remote_subnets"} & one.model_fields_set
    if one.routing_mode is RoutingMode.POLICY:
        for name in sorted({"local_subnets", "remote_subnets"} - given):
            yield Refusal((name,), "required in policy mode", 'for instance ["10.1.0.0/24"]')
        if len(given) == 2:
            yield from _overlaps(one)
    versions = [{net.version for net in side} for side in (one.local_subnets, one.remote_subnets)]
    if not versions[0] & versions[1]:
        yield Refusal(
            ("remote_subnets",),
            "of another IP version than every local network",
            "both sides need a network of the same IP version",
        )


def _overlaps(one: Connection) -> Iterator[Refusal]:
    for at, remote in enumerate(one.remote_subnets):
        for local in one.local_subnets:
            if remote.version == local.version and remote.overlaps(local):
                yield Refusal(
                    ("remote_subnets", at),
                    f"{remote} overlaps the local network {local}",
                    "no network is on both sides in policy mode",
                )
                break
