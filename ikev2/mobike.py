"""MOBIKE: what an IKE SA knows of its other addresses, and how that is said (RFC 4555).

One end decides which addresses are used: the initiator of the *first* IKE SA, whoever renewed its
keys since (section 2.1).  The other end takes what it is told, after a look at its policy.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from ipaddress import ip_address
from typing import TYPE_CHECKING, Final

from ikecore.child import Mode
from ikev2.message import Message
from ikev2.payloads.notify import Notify
from ikev2.payloads.types import NotifyType
from ikev2.ways import additional
from policy.path import Path

if TYPE_CHECKING:
    from ikev2.sa import IkeSa

_KEPT: Final = 16  # addresses of a peer that we remember, whatever it sends
_ADDITIONAL: Final = {
    NotifyType.ADDITIONAL_IP4_ADDRESS: 4,
    NotifyType.ADDITIONAL_IP6_ADDRESS: 16,
}
LISTS: Final = (*_ADDITIONAL, NotifyType.NO_ADDITIONAL_ADDRESSES)
"""The notifies that say which other addresses an end has (section 3.6)."""

NOT_SAID: Final = ("",)
"""In place of a list of ours: the peer may have it or not, so it is said again."""

_Pair = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Move:
    """A change of addresses that the two ends have not agreed on yet."""

    old: Path  # where the children went before it
    began_at: float
    why: str


@dataclass(slots=True)
class Mobility:
    """Addresses of both ends; it goes over to the SA that renews this one.

    ``decides`` is whether we are the initiator of section 2.1.  ``usable`` and ``routes`` are what
    the last :class:`~ikecore.events.AddressesChanged` told, if one did.
    """

    decides: bool
    ours: bool = False  # we said MOBIKE_SUPPORTED
    theirs: bool = False  # the peer said it
    is_told: bool = False
    usable: frozenset[str] = frozenset()
    routes: Mapping[str, str] = field(default_factory=dict)
    told: tuple[str, ...] = ()  # our other addresses, as the peer heard of them last
    peers: tuple[str, ...] = ()  # the peer's other addresses
    refused: set[_Pair] = field(default_factory=set)  # (ours, its): the peer does not want them
    generation: int = 0  # of the addresses in use: grows with every change
    sent: int = 0  # the generation that the last UPDATE_SA_ADDRESSES spoke of
    moves: list[Move] = field(default_factory=list)  # at most one: the addresses are unsettled
    stranded: bool = False  # we left our address unasked, and the peer has not heard of it yet
    tried: set[_Pair] = field(default_factory=set)  # in this round of a search
    searching: bool = False  # requests leave over one way after the other, until one is answered
    nat_tries: int = 0  # updates refused because of a NAT, in a row
    newest_update: int = -1  # message IDs: with a wide window requests overtake each other
    newest_list: int = -1
    left: str = ""  # the address of ours that was gone when we gave up a peer without MOBIKE
    seen_as: bytes = b""  # the peer's NAT_DETECTION_DESTINATION_IP: how it sees our address
    resent_at: float = -1.0  # when all that is under way was last sent another way at once

    @property
    def in_use(self) -> bool:
        """Return whether both ends said MOBIKE_SUPPORTED (section 3.2)."""
        return self.ours and self.theirs

    @property
    def follows_ike(self) -> bool:
        """Return whether an authenticated IKE request moves the peer's address by itself.

        RFC 7296 section 2.23 says so, RFC 4555 section 3.8 forbids it: a request must be able to
        test a path without changing anything.
        """
        return not self.in_use

    def begin(self, old: Path, why: str, now: float) -> None:
        """Take it that addresses change; of several changes in a row only the newest counts."""
        self.generation += 1
        self.moves = [replace(m, why=why) for m in self.moves] or [Move(old, now, why)]

    def agree(self) -> tuple[Move, ...]:
        """Take it that both ends use the newest addresses; return the change that led there."""
        done = tuple(self.moves)
        self.moves = []
        self.refused.clear()
        self.tried.clear()
        self.searching = False
        self.nat_tries = 0
        return done

    def renewed(self) -> None:
        """Take it that a new IKE SA has this now: its message IDs start at 0."""
        self.newest_update = self.newest_list = -1


def follows_esp(sa: "IkeSa") -> bool:
    """Return whether ESP with the newest number from elsewhere moves the peer (section 3.8).

    Only a NAT gives a peer another address without a word of its own, and only an end that is
    behind none follows: else its own mapping would be lost.
    """
    if sa.nat_here or not sa.path.esp_in_udp:
        return False
    return sa.nat_there or not sa.mobility.in_use


def home(sa: "IkeSa") -> Path:
    """Return the way of the children: the peer has proved to be there (section 3.7).

    That of the IKE SA goes ahead of it: to wherever an update came from, or the peer said it is.
    """
    moves = sa.mobility.moves
    if not moves or moves[0].old.remote[0] == sa.path.remote[0]:
        return sa.path
    return next((child.spec.path for child in sa.children.values()), moves[0].old)


# -- what is said -------------------------------------------------------------------------------
def supported_payloads(sa: "IkeSa") -> tuple[Notify, ...]:
    """Return what IKE_AUTH says of it (sections 3.2, 3.4, 3.9); none without MOBIKE.

    An answer says it only to a peer that did: :func:`take_support` comes first.  Tunnels alone can
    move: in transport mode the addresses are the traffic's own.
    """
    mobility, profile = sa.mobility, sa.profile
    if not profile.mobike or profile.mode is not Mode.TUNNEL:
        return ()
    if not sa.initiator and not mobility.theirs:
        return ()
    mobility.ours = True
    mobility.told = additional(sa)
    forbidden = no_nats(sa) if sa.initiator else ()
    return (Notify(NotifyType.MOBIKE_SUPPORTED), *list_payloads(mobility.told), *forbidden)


def take_support(sa: "IkeSa", message: Message) -> None:
    """Note what the peer's IKE_AUTH says of it."""
    sa.mobility.theirs = message.notify(NotifyType.MOBIKE_SUPPORTED) is not None
    if sa.mobility.theirs:
        sa.mobility.peers = addresses_in(message)


def list_payloads(addresses: Iterable[str]) -> tuple[Notify, ...]:
    """Return the notifies that name our other addresses, or say that there are none (3.6)."""
    found = []
    for address in addresses:
        packed = ip_address(address).packed
        v6 = len(packed) == _ADDITIONAL[NotifyType.ADDITIONAL_IP6_ADDRESS]
        kind = NotifyType.ADDITIONAL_IP6_ADDRESS if v6 else NotifyType.ADDITIONAL_IP4_ADDRESS
        found.append(Notify(kind, packed))
    return tuple(found) or (Notify(NotifyType.NO_ADDITIONAL_ADDRESSES),)


def addresses_in(message: Message) -> tuple[str, ...]:
    """Return the other addresses a peer names, a bounded number; odd ones are left out (4.2.2)."""
    found = []
    for notify in message.notifies():
        if notify.type in LISTS and len(notify.data) == _ADDITIONAL.get(NotifyType(notify.type)):
            address = ip_address(notify.data)
            if not (address.is_multicast or address.is_unspecified or address.is_loopback):
                found.append(str(address))
    return tuple(dict.fromkeys(found))[:_KEPT]


def no_nats(sa: "IkeSa") -> tuple[Notify, ...]:
    """Return NO_NATS_ALLOWED with the addresses and ports we send to and from (section 3.9).

    ```
    |                     Source address (4 or 16)                  |
    |                     Destination address (4 or 16)             |
    |          Source port          |       Destination port        |
    ```

    None where NAT traversal is on.
    """
    if sa.profile.nat_traversal:
        return ()
    return (Notify(NotifyType.NO_NATS_ALLOWED, _ends(sa.path)),)


def is_translated(message: Message, path: Path) -> bool:
    """Return whether a NO_NATS_ALLOWED shows that somebody changed the datagram's addresses."""
    notify = message.notify(NotifyType.NO_NATS_ALLOWED)
    return notify is not None and notify.data != _ends(path.reversed)


def _ends(path: Path) -> bytes:
    (source, port), (target, other) = path.local, path.remote
    ports = port.to_bytes(2, "big") + other.to_bytes(2, "big")
    return ip_address(source).packed + ip_address(target).packed + ports
