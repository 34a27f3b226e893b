"""The gateway: ``[gateway]``, its limits and its quotas."""

from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from ikebana.config.fields import Addresses, Listed, Model, Name, Remarks
from ikebana.config.policies import ExplicitPolicy, policy_refusals
from ikebana.config.private import PrivateIds
from ikebana.config.problems import Refusal, refuse, refuse_all

_KERNELS_TABLES: Final = frozenset({253, 254, 255})


def _interface(text: str) -> str:
    if not 0 < len(text) <= 15 or not text.isascii() or not text.isprintable():
        raise refuse("an interface name has 1 to 15 visible ASCII characters", "such as ikebana0")
    if set(text) & set("/ :%") or text in (".", ".."):
        raise refuse("an interface name has no '/', ':', '%' or space", "such as ikebana0")
    return text


def _table(number: int) -> int:
    if number in _KERNELS_TABLES:
        raise refuse("this routing table is the kernel's own", "take another, such as 4500")
    return number


Port = Annotated[int, Field(ge=1, le=65535)]


class Limits(Model):
    """Bounds against floods: ``[gateway.limits]`` (RFC 7296 section 2.6)."""

    half_open: int = Field(
        default=1000,
        ge=1,
        le=1_000_000,
        description="Negotiations that peers began and have not yet authenticated.",
    )
    half_open_per_address: int = Field(
        default=20, ge=1, le=1_000_000, description="The same, of one address."
    )
    cookie_threshold: int = Field(
        default=50,
        ge=0,
        le=1_000_000,
        description="Half-open negotiations above which a cookie is asked for.",
    )
    cookie_threshold_per_address: int = Field(
        default=5, ge=0, le=1_000_000, description="The same, of one address."
    )
    half_open_timeout_s: float = Field(
        default=30.0,
        ge=1,
        le=3600,
        description="Seconds until a half-open negotiation is given up.",
    )
    cookie_lifetime_s: float = Field(
        default=60.0,
        ge=5,
        le=3600,
        description="Seconds until the cookie secret changes; the one before it still counts.",
    )
    ike_sas: int = Field(default=10_000, ge=1, le=1_000_000, description="IKE SAs in all.")


class Quotas(Model):
    """How much one gateway carries: ``[gateway.quotas]``; each may be raised."""

    tunnels_per_gateway: int = Field(default=20, ge=20, le=10_000, description="Connections.")
    tunnels_per_peer: int = Field(
        default=20, ge=20, le=10_000, description="Connections to one peer."
    )
    mappings_per_gateway: int = Field(
        default=200,
        ge=200,
        le=2_000,
        description="Pairs of a local and a remote network, of all connections in policy mode or "
        "with `per_mapping_sa`.",
    )
    segments_per_tunnel: int = Field(
        default=20, ge=20, le=64, description="Networks on each side of one connection."
    )


class Lab(Model):
    """For testers of interoperability, never for a gateway in service: ``[gateway.lab]``."""

    allow_short_lifetimes: bool = Field(
        default=False,
        description="Whether lifetimes may be as short as 1 s, so that a test sees many rekeys.",
    )
    vectors: bool = Field(
        default=True,
        description="Whether numpy carries packets where it is installed; `false` measures what "
        "the gateway does without it.",
    )


class Gateway(Model):
    """What the process itself is: ``[gateway]``."""

    name: Name = Field(default="gateway", description="Name of the gateway.")
    remarks: Remarks = Field(default="", description="Free text, at most 255 characters.")
    addresses: Addresses = Field(
        default=(),
        max_length=64,
        description="Addresses of this host to listen on.",
        json_schema_extra={"type": "list of IP addresses", "shown": "all addresses"},
    )
    port: Port = Field(
        default=500,
        description="UDP port of IKE, here and at the peers (another one is for tests).",
    )
    nat_port: Port = Field(
        default=4500,
        description="UDP port of IKE and ESP behind a NAT, here and at the peers (another one "
        "is for tests).",
    )
    mtu: int = Field(
        default=1500,
        ge=576,
        le=65535,
        description="MTU in octets of the path to the peers; the tunnel "
        "interface's follows from it.",
    )
    tun_name: Annotated[str, AfterValidator(_interface)] = Field(
        default="ikebana0", description="Name of the tunnel interface."
    )
    routing_table: Annotated[int, AfterValidator(_table)] = Field(
        default=4500,
        ge=1,
        le=0xFFFFFFFF,
        description="Routing table that holds the routes to the remote "
        "networks; used by nobody else.",
    )
    mark: int = Field(
        default=4500,
        ge=1,
        le=0xFFFFFFFF,
        description="Firewall mark of our own IKE and ESP packets, which "
        "keeps them out of the tunnels.",
    )
    offload: Literal["auto", "off"] = Field(
        default="auto",
        description="Whether the kernel hands over and takes many packets in one call, as far as "
        "it can; `off`: one at a time, slower, for a kernel or network card that does it wrong.",
    )
    limits: Limits = Field(default_factory=Limits, description="Bounds against floods.")
    quotas: Quotas = Field(default_factory=Quotas, description="How much this gateway carries.")
    private_ids: PrivateIds = Field(
        default_factory=PrivateIds, description="Numbers for what IANA has not numbered."
    )
    lab: Lab = Field(default_factory=Lab, description="For testers of interoperability only.")
    policies: Annotated[tuple[ExplicitPolicy, ...], Listed] = Field(
        default=(), description="What no connection decides about: past the tunnels, or dropped."
    )

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        found = list(policy_refusals(self.policies))
        if self.port == self.nat_port:
            found.append(Refusal(("nat_port",), "the same as port", "nat_port = 4500"))
        if found:
            raise refuse_all("Gateway", found)
        return self
