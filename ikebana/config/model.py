"""The configuration as a whole, and what of the model is still to come."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from ikebana.config.access import Directory, InnerAddress, Pool, User, Xauth
from ikebana.config.connection import Connection, Dpd, Retry
from ikebana.config.crypto import IkeSettings, IpsecSettings
from ikebana.config.fields import Model
from ikebana.config.gateway import Gateway, Lab, Limits, Quotas
from ikebana.config.networks import SpdPolicy
from ikebana.config.policies import ExplicitPolicy
from ikebana.config.private import PrivateIds
from ikebana.config.problems import ConfigProblem
from ikebana.config.treatment import PacketSettings

SECTIONS: Final = (
    ("[gateway]", Gateway),
    ("[gateway.limits]", Limits),
    ("[gateway.quotas]", Quotas),
    ("[gateway.private_ids]", PrivateIds),
    ("[gateway.lab]", Lab),
    ("[[gateway.policies]]", ExplicitPolicy),
    ("[[user]]", User),
    ("[[pool]]", Pool),
    ("[[connection]]", Connection),
    ("[[connection.spd_policies]]", SpdPolicy),
    ("[connection.ike]", IkeSettings),
    ("[connection.ipsec]", IpsecSettings),
    ("[connection.packets]", PacketSettings),
    ("[connection.dpd]", Dpd),
    ("[connection.retry]", Retry),
    ("[connection.xauth]", Xauth),
    ("[connection.address]", InnerAddress),
)
"""Every table of the file, as it is written, with its model."""

_ROOT: Final = (
    "customer_gateway spd_policy route grant alarm alarm_template project vpn_gateway tunnel"
)
_GATEWAY: Final = (
    "model network_type public_address networks bandwidth_mbps project labels alarm_template_id "
    "allowed_sources"
)
_CONNECTION: Final = (
    "tunnel mode auth_method cert eap health_check bgp "
    "customer_gateway vpn_gateway gateway local_asn project alarm_template_id leak_protection "
    "routes"
)
LATER: Final[Mapping[type[Model] | None, frozenset[str]]] = MappingProxyType(
    {
        None: frozenset(_ROOT.split()),
        Gateway: frozenset(_GATEWAY.split()),
        Connection: frozenset(_CONNECTION.split()),
    }
)
"""Fields that the model names and this version does not have yet, by table (None: the root)."""


@dataclass(frozen=True, slots=True)
class Config:
    """A configuration that passed every check."""

    gateway: Gateway
    connections: tuple[Connection, ...] = ()
    noted: tuple[ConfigProblem, ...] = ()
    directory: Directory = field(default_factory=Directory)

    def warnings(self) -> tuple[ConfigProblem, ...]:
        """Return what works and is unwise, in the file's order."""
        return self.noted
