"""What the outside tells a protocol core.  ``sa`` is the local IKE SPI of the SA meant."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from ikecore.lease import Lease
from ikecore.profile import ChildProfile, Profile
from policy.path import Path
from suites.secret import Secret


@dataclass(frozen=True, slots=True)
class DatagramReceived:
    """An IKE datagram came in, without its non-ESP marker; ``path.local`` is where it came to."""

    data: bytes
    path: Path


@dataclass(frozen=True, slots=True)
class Configured:
    """The connections are now these, in the operator's order."""

    profiles: tuple[Profile, ...]


@dataclass(frozen=True, slots=True)
class Initiate:
    """Negotiate this connection with the peer at ``path.remote``."""

    profile: Profile
    path: Path


@dataclass(frozen=True, slots=True)
class Authorized:
    """The answer to an :class:`~ikecore.actions.Authorize`: the key to use."""

    sa: bytes
    psk: Secret


@dataclass(frozen=True, slots=True)
class Refused:
    """The answer to any action that asks, such as :class:`~ikecore.actions.Authorize`: no."""

    sa: bytes


@dataclass(frozen=True, slots=True)
class Credentials:
    """The answer to an :class:`~ikecore.actions.AskCredentials`: who we are."""

    sa: bytes
    user: str
    password: Secret


@dataclass(frozen=True, slots=True)
class UserAccepted:
    """The answer to a :class:`~ikecore.actions.CheckUser`: it is the user."""

    sa: bytes


@dataclass(frozen=True, slots=True)
class Leased:
    """The answer to an :class:`~ikecore.actions.AskLease`: what the peer gets."""

    sa: bytes
    lease: Lease


@dataclass(frozen=True, slots=True)
class ProbeWanted:
    """The peer has to show that it lives (dead peer detection)."""

    sa: bytes


@dataclass(frozen=True, slots=True)
class CloseWanted:
    """The operator wants this IKE SA and its children gone; the peer is told."""

    sa: bytes


@dataclass(frozen=True, slots=True)
class CloseAllWanted:
    """The operator wants every IKE SA of this connection gone, attempts under way included."""

    connection: str


@dataclass(frozen=True, slots=True)
class ChildWanted:
    """Make this child on an IKE SA that is up."""

    sa: bytes
    child: ChildProfile


@dataclass(frozen=True, slots=True)
class RekeyWanted:
    """Replace the child with this inbound SPI: a soft limit was reached, or somebody wants it."""

    spi: int
    why: str


@dataclass(frozen=True, slots=True)
class RekeyIkeWanted:
    """Replace the keys of this IKE SA; its children stay."""

    sa: bytes
    why: str


@dataclass(frozen=True, slots=True)
class ChildCloseWanted:
    """Delete the child with this inbound SPI and tell the peer; the IKE SA stays."""

    spi: int


@dataclass(frozen=True, slots=True)
class ChildExpired:
    """The child with this inbound SPI reached a hard limit in the worker: it carries nothing."""

    spi: int


@dataclass(frozen=True, slots=True)
class AddressesChanged:
    """Our own addresses or routes changed (RFC 4555 section 3.5).

    ``usable`` are the addresses of ours that IKE listens on; ``route`` names for each remote
    address in use the one of ours that leads there, "" where none does.
    """

    usable: frozenset[str]
    route: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class ChildrenHeard:
    """Authenticated ESP came in for these inbound SPIs since the last such event."""

    spis: frozenset[int]


@dataclass(frozen=True, slots=True)
class PathChanged:
    """An authenticated ESP packet with the newest number came from another address or port."""

    spi: int
    remote: tuple[str, int]


@dataclass(frozen=True, slots=True)
class InstallFailed:
    """The worker did not acknowledge the child with this inbound SPI."""

    spi: int


@dataclass(frozen=True, slots=True)
class Unreachable:
    """The network said (ICMP, unauthenticated) that datagrams do not reach ``remote``."""

    remote: str
    why: str


ChildEvent: TypeAlias = RekeyWanted | ChildCloseWanted | ChildExpired | PathChanged | InstallFailed
"""What names a child by its inbound SPI."""
AskedOf: TypeAlias = (
    Authorized
    | Refused
    | Credentials
    | UserAccepted
    | Leased
    | ProbeWanted
    | CloseWanted
    | ChildWanted
    | RekeyIkeWanted
)
"""What names an SA by our SPI."""
Event: TypeAlias = (
    DatagramReceived
    | Configured
    | Initiate
    | CloseAllWanted
    | AddressesChanged
    | ChildrenHeard
    | Unreachable
    | ChildEvent
    | AskedOf
)
