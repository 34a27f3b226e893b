"""The configuration of the two gateways, as one would write it into their files."""

from dataclasses import dataclass
from typing import Final

CONNECTION: Final = "net"


@dataclass(frozen=True, slots=True)
class Side:
    """One gateway, and the host behind it."""

    name: str
    outside: str  # the gateway's address on the wan
    inside: str  # and in its own network
    host: str  # the host behind it
    subnet: str

    @property
    def id(self) -> str:
        """Return the gateway's identity."""
        return f"{self.name}.lab"

    @property
    def host_name(self) -> str:
        """Return the name of the host."""
        return f"{self.name}-host"


MOON: Final = Side("moon", "10.99.0.1", "10.1.0.1", "10.1.0.2", "10.1.0.0/24")
SUN: Final = Side("sun", "10.99.0.2", "10.2.0.1", "10.2.0.2", "10.2.0.0/24")

PICTURE: Final = (
    f"{MOON.host_name:<12}────   {MOON.name:<6}══════ wan ══════   {SUN.name:<6}────   "
    f"{SUN.host_name}",
    f"{MOON.host:<19}{MOON.outside:<26}{SUN.outside:<13}{SUN.host}",
)
"""The two gateways and their hosts, with their addresses below."""


def toml(here: Side, there: Side, psk: str) -> str:
    """Return one gateway's file: the tunnel between both networks, begun by `up`."""
    return f"""\
[gateway]
name = "{here.name}"
addresses = ["{here.outside}"]

[[connection]]
name = "{CONNECTION}"
peer = "{there.outside}"
local_id = "{here.id}"
remote_id = "{there.id}"
psk = "{psk}"
initiation = "passive"
local_subnets = ["{here.subnet}"]
remote_subnets = ["{there.subnet}"]
[connection.ipsec]
proposals = ["aes128gcm16"]
"""
