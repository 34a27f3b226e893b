"""One connection: ``[[connection]]`` and the tables below it, in the short form of a file.

A connection of the short form has one tunnel, whose fields are written directly.
"""

from collections.abc import Mapping
from ipaddress import ip_address, ip_network
from typing import Annotated, Any, Final, Self

from pydantic import AfterValidator, Field, Strict, ValidationInfo, model_validator

from ikebana.config.access import InnerAddress, Xauth
from ikebana.config.crypto import IkeSettings, IpsecSettings, algorithm_refusals
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
    filled,
    listed,
)
from ikebana.config.legacy import legacy_refusals
from ikebana.config.life import CloseAction, Dpd, DpdAction, Initiation, Retry, RoutingMode
from ikebana.config.networks import SpdPolicy
from ikebana.config.presets import CryptoPreset, Preset, preset_of
from ikebana.config.problems import Loc, refuse, refuse_all
from ikebana.config.psk import PskField, Sources
from ikebana.config.treatment import PacketSettings
from ikebana.config.within import SIDES, can_move, refusals_within
from ikecore.profile import Childless, IkeVersion, Role, Uniqueness

__all__ = ["CloseAction", "Connection", "Dpd", "DpdAction", "Initiation", "Retry", "RoutingMode"]

EVERYTHING: Final[tuple[Network, ...]] = (ip_network("0.0.0.0/0"), ip_network("::/0"))
EVERYTHING_OF_IKEV1: Final = EVERYTHING[:1]
MOST_RULES: Final = 2_000
_SHOWN_NETWORKS: Final = (
    "everything (`0.0.0.0/0` alone with IKEv1); with `transport` the ends' own addresses; required "
    "in `policy` mode without rules"
)


def _labels(value: dict[str, str]) -> dict[str, str]:
    if len(value) > 50:
        raise refuse(f"{len(value)} labels", "at most 50")
    for key, text in value.items():
        if not 0 < len(key) <= 63 or len(text) > 255 or not (key + text).isprintable():
            raise refuse(
                "a label has 1-63 printable characters, its value 0-255", 'such as { site = "lab" }'
            )
    return value


def _default_initiation(earlier: Mapping[str, Any]) -> Initiation:
    is_any = earlier.get("peer") == ANY_PEER
    return Initiation.PASSIVE if is_any else Initiation.ACTIVE


def _default_mobike(earlier: Mapping[str, Any]) -> bool:
    is_old = earlier["ike"].version is IkeVersion.IKEV1
    return not is_old and can_move(earlier["nat_traversal"], earlier["ipsec"])


def _default_uniqueness(earlier: Mapping[str, Any]) -> Uniqueness:
    has_clients = Role.SERVER in (earlier["xauth"].role, earlier["address"].role)
    return Uniqueness.NEVER if has_clients else Uniqueness.REPLACE


def _default_close_action(earlier: Mapping[str, Any]) -> CloseAction:
    return {
        Initiation.ON_DEMAND: CloseAction.HOLD,
        Initiation.PASSIVE: CloseAction.CLEAR,
    }.get(earlier.get("initiation", Initiation.ACTIVE), CloseAction.RESTART)


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
        description="Our identity: an IP address, a host name, `user@host`, `keyid:…`, a "
        "distinguished name, or with IKEv1 `subnet:10.1.0.0/24`; at most 100 characters.",
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
        description="Networks behind this gateway; IKEv1 takes several only with `per_mapping_sa`.",
        json_schema_extra={"type": "list of networks", "shown": _SHOWN_NETWORKS},
    )
    remote_subnets: Cidrs = Field(
        default=EVERYTHING,
        description="Networks behind the peer; IKEv1 takes several only with `per_mapping_sa`.",
        json_schema_extra={"type": "list of networks", "shown": _SHOWN_NETWORKS},
    )
    spd_policies: Annotated[tuple[SpdPolicy, ...], listed(MOST_RULES), AfterValidator(filled)] = (
        Field(default=(), description="Rules instead of the two lists of networks.")
    )
    per_mapping_sa: bool = Field(
        default=False,
        description="Whether each pair of a local and a remote network of one IP version has a "
        "child SA of its own, negotiated in order; else each rule has one.",
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
    packets: PacketSettings = Field(
        default_factory=PacketSettings, description="How packets are wrapped."
    )
    xauth: Xauth = Field(default_factory=Xauth, description="A user's password, with IKEv1.")
    address: InnerAddress = Field(
        default_factory=InnerAddress, description="An inner address, with IKEv1."
    )
    mobike: bool = Field(
        default_factory=_default_mobike,
        description="Whether either end may change its address (RFC 4555); needs tunnel mode. "
        "Without `nat_traversal`, addresses behind a NAT are refused.",
        json_schema_extra={"shown": "`true` in tunnel mode with `nat_traversal`, else `false`"},
    )
    childless: Annotated[Childless, Strict(False)] = Field(
        default=Childless.ALLOW,
        description="Whether the IKE SA may begin without a child (RFC 6023): `allow` it to the "
        "peer, `prefer` it when we begin, or `never`.",
    )
    uniqueness: Annotated[Uniqueness, Strict(False)] = Field(
        default_factory=_default_uniqueness,
        description="What a second IKE SA with the same peer does: `replace` the older one, `keep` "
        "the older one and be refused, or stand beside it (`never`).",
        json_schema_extra={"shown": "`replace`; `never` for a `server` of clients"},
    )
    close_action: Annotated[CloseAction, Strict(False)] = Field(
        default_factory=_default_close_action,
        description="What follows when the peer deletes a child or the IKE SA: `restart` "
        "negotiates anew (`passive` waits), `clear` stays down, `hold` waits for the next packet.",
        json_schema_extra={
            "shown": "`restart` with initiation `active`, `hold` with `on_demand`, `clear` with "
            "`passive`"
        },
    )
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
    def is_between_ends(self) -> bool:
        """Tell whether its only child goes from our address to the peer's, in transport mode."""
        given = {"spd_policies", *SIDES} & self.model_fields_set
        return self.ipsec.mode == "transport" and not given

    @property
    def rules(self) -> tuple[SpdPolicy, ...]:
        """Return what it carries, rule by rule; none when it is between the ends themselves."""
        if self.spd_policies or self.is_between_ends:
            return self.spd_policies
        return (
            SpdPolicy.model_construct(
                local_cidrs=self._side("local_subnets", self.local_subnets),
                remote_cidrs=self._side("remote_subnets", self.remote_subnets),
            ),
        )

    def _side(self, name: str, given: tuple[Network, ...]) -> tuple[Network, ...]:
        """Return the networks of a side: those not given are all that one child can carry."""
        is_old = self.ike.version is not IkeVersion.IKEV2
        return EVERYTHING_OF_IKEV1 if is_old and name not in self.model_fields_set else given

    @property
    def networks(self) -> tuple[tuple[Network, ...], tuple[Network, ...]]:
        """Return our networks and the peer's, as far as known without asking for addresses."""
        if self.is_between_ends:
            ends = (self.local_address or "", self.peer_address)
            ours, theirs = (tuple(map(ip_network, filter(None, [end]))) for end in ends)
            return ours, theirs
        ours, theirs = (
            tuple(dict.fromkeys(net for rule in self.rules for net in getattr(rule, side)))
            for side in ("local_cidrs", "remote_cidrs")
        )
        return ours, theirs

    def place(self, rule: int, field: str = "remote") -> Loc:
        """Return where the file has the networks of a rule, relative to the connection."""
        if self.spd_policies:
            return ("spd_policies", rule, f"{field}_cidrs")
        return (f"{field}_subnets",)

    @property
    def preset(self) -> Preset:
        """Return what supplies the values not given."""
        return preset_of(self.crypto_preset, self.ike.version)

    @model_validator(mode="before")
    @classmethod
    def _has_the_pools_networks(cls, raw: Any, info: ValidationInfo) -> Any:
        """Let a server's clients come from its pool, whose network is the remote one then."""
        address = raw.get("address") if isinstance(raw, dict) else None
        if not isinstance(address, dict) or address.get("role") != Role.SERVER:
            return raw
        if "remote_subnets" in raw or "spd_policies" in raw:
            return raw  # refused where the pools are known
        pools = info.context.pools if isinstance(info.context, Sources) else {}
        pool = address.get("pool")
        network = pools.get(pool) if isinstance(pool, str) else None
        return raw if network is None else {**raw, "remote_subnets": [network]}

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        found = [
            *refusals_within(self),
            *legacy_refusals(self),
            *algorithm_refusals(self.ike, self.ipsec, self.crypto_preset),
        ]
        if found:
            raise refuse_all("Connection", found)
        return self
