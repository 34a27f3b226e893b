"""What the daemon and the packet worker say to each other, over a SOCK_SEQPACKET pair.

One datagram a message: its kind, then JSON, or for the most frequent ones fixed fields.  The
worker reads hostile packets, so the daemon trusts nothing of it: no pickle, and what does not
decode is refused.  Keys travel to the worker only.
"""

import json
import struct
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from ipaddress import ip_address
from typing import Any, Final, TypeAlias

from ikebana.control.codec import Undecodable, decode, encode
from ikecore.child import Mode
from policy.flow import OPAQUE, Flow
from policy.path import Path
from policy.selectors import TrafficSelector
from policy.spd import Policy
from policy.treatment import PLAIN, Treatment

LONGEST: Final = 192 * 1024
"""Octets of one message: 400 selector pairs need about a third of this."""

MEANS: Final = ("vnet", "uso", "gso", "gro", "numpy")
"""Virtio headers on the TUN, UDP super-packets there, UDP_SEGMENT, UDP_GRO, packets as rows."""


class BadMessage(ValueError):
    """Octets on the pair are no message of ours."""


class Ipsec(StrEnum):
    """What protects the packets of a child."""

    ESP = "esp"
    AH = "ah"


# -- to the worker ---------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Sockets:
    """Descriptors follow by SCM_RIGHTS: the TUN, UDP 4500 by address, then raw by IP version.

    The raw ones are those of ESP, then those of ``ah``.  ``vnet`` is whether the TUN device shows
    a virtio header before each packet, ``uso`` whether the kernel takes UDP super-packets there;
    ``offload`` whether the 4500 sockets may send and receive
    many datagrams in one call; ``vectors`` whether numpy may be used if it is there.
    """

    udp: tuple[str, ...]
    raw: tuple[int, ...]
    ah: tuple[int, ...] = ()
    vnet: bool = False
    uso: bool = False
    offload: bool = True
    vectors: bool = True


@dataclass(frozen=True, slots=True)
class Policies:
    """The SPD, in order, and the tunnels whose packets may start them.

    ``more`` of it follows, and all takes effect with the last part: thousands of policies are too
    long for one message.
    """

    policies: tuple[Policy, ...]
    armed: tuple[str, ...]
    more: bool = False


@dataclass(frozen=True, slots=True)
class Arm:
    """Whether packets of one tunnel may start it from now on."""

    tunnel: str
    armed: bool


@dataclass(frozen=True, slots=True)
class Install:
    """One pair of ESP or AH SAs, to be acknowledged by ``token``.  AH has only ``integ``.

    On ``standby`` it seals nothing before a :class:`Use` or the peer's first packet.  The limits,
    0 for none, are those of each direction: see :class:`Limit`.  ``original`` are our and the
    peer's address as the peer sees them, for a NAT in transport mode; ("", "") without.
    ``later_fragments`` is as in :class:`esp.child.ChildSa`.
    """

    token: int
    tunnel: str
    inbound_spi: int
    outbound_spi: int
    encr: str
    integ: str
    esn: bool
    inbound_encr: bytes
    inbound_integ: bytes
    outbound_encr: bytes
    outbound_integ: bytes
    local_ts: tuple[TrafficSelector, ...]
    remote_ts: tuple[TrafficSelector, ...]
    path: Path
    path_mtu: int
    standby: bool = False
    soft_octets: int = 0
    hard_octets: int = 0
    soft_packets: int = 0
    hard_packets: int = 0
    mode: Mode = Mode.TUNNEL
    original: tuple[str, str] = ("", "")
    protocol: Ipsec = Ipsec.ESP
    later_fragments: bool = False
    treatment: Treatment = PLAIN

    def __repr__(self) -> str:
        return f"Install(token={self.token}, tunnel={self.tunnel!r}, keys not shown)"


@dataclass(frozen=True, slots=True)
class Remove:
    """Forget the pair with this inbound SPI; acknowledged."""

    token: int
    inbound_spi: int


@dataclass(frozen=True, slots=True)
class Move:
    """Send this child's packets along another path; ``path_mtu`` 0: as large as before."""

    inbound_spi: int
    path: Path
    path_mtu: int = 0


@dataclass(frozen=True, slots=True)
class Use:
    """Seal on this child from now on, before its siblings (RFC 7296 section 2.8)."""

    inbound_spi: int


@dataclass(frozen=True, slots=True)
class Retire:
    """Seal nothing on this child any more; it still opens."""

    inbound_spi: int


@dataclass(frozen=True, slots=True)
class Report:
    """Tell all counters now."""


# -- to the daemon ---------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Chosen:
    """How the worker moves packets: what of :data:`MEANS` it may use and found to work."""

    means: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Done:
    """An Install or Remove has taken effect; ``mtu`` is the largest inner packet."""

    token: int
    ok: bool = True
    mtu: int = 0


@dataclass(frozen=True, slots=True)
class Acquired:
    """A packet waits for this tunnel: no child of it seals packets of this flow."""

    tunnel: str
    flow: Flow


@dataclass(frozen=True, slots=True)
class Moved:
    """A child's newest authenticated packet came from another address or port."""

    inbound_spi: int
    address: str
    port: int


@dataclass(frozen=True, slots=True)
class Limit:
    """A child came to a limit, or near the end of its sequence numbers; after ``hard`` it is mute.

    Each is told once.
    """

    inbound_spi: int
    hard: bool


@dataclass(frozen=True, slots=True)
class Traffic:
    """Counts since the worker started: all of them, and those of each child that changed.

    ``children``: inbound SPI, packets in, octets in, packets out, octets out.  ``drops``: inbound
    SPI, and what of that child's was dropped or seen, by the names of :mod:`esp.counters`.  No
    ``counts`` at all: nothing is said of them.
    """

    counts: dict[str, int]
    children: tuple[tuple[int, int, int, int, int], ...]
    drops: tuple[tuple[int, dict[str, int]], ...] = ()


@dataclass(frozen=True, slots=True)
class Ike:
    """An IKE datagram that came in on port 4500, without its non-ESP marker."""

    path: Path
    data: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class Network:
    """What the network said (ICMP) about datagrams sent to this address; evidence only."""

    remote: str
    why: str
    mtu: int = 0


Message: TypeAlias = (
    Sockets
    | Policies
    | Install
    | Remove
    | Move
    | Report
    | Done
    | Acquired
    | Moved
    | Limit
    | Traffic
    | Ike
    | Network
    | Use
    | Retire
    | Arm
    | Chosen
)
_KINDS: Final[dict[int, type[Any]]] = dict(
    enumerate(
        (
            Sockets, Policies, Install, Remove, Move, Report,
            Done, Acquired, Moved, Limit, Traffic, Ike, Network, Use, Retire, Arm,
            Chosen,
        ),
        start=1,
    )
)  # fmt: skip
_NUMBERS: Final = {kind: number for number, kind in _KINDS.items()}
_IKE: Final = struct.Struct("!?BBHH")  # encapsulated, lengths of the addresses, ports
_DONE: Final = struct.Struct("!Q?I")
_REMOVE: Final = struct.Struct("!QI")
_ADDRESS_BITS: Final = {4: 32, 6: 128}


def pack(message: Message) -> bytes:
    """Return a message as it travels; what goes with every handshake or packet without JSON."""
    number = bytes((_NUMBERS[type(message)],))
    match message:
        case Ike():
            (here, port), (there, other) = message.path.local, message.path.remote
            local, remote = here.encode(), there.encode()
            sizes = (message.path.encapsulated, len(local), len(remote), port, other)
            return b"".join((number, _IKE.pack(*sizes), local, remote, message.data))
        case Done():
            return number + _DONE.pack(message.token, message.ok, message.mtu)
        case Remove():
            return number + _REMOVE.pack(message.token, message.inbound_spi)
        case Traffic():  # plain already: of 1,000 children 1 ms, in which no packet moves, not 13
            told = {name: getattr(message, name) for name in message.__slots__}
            return number + json.dumps(told).encode()
        case _:
            return number + json.dumps(encode(message)).encode()


def unpack(octets: bytes) -> Message:
    """Read a message; raise :exc:`BadMessage`."""
    kind = _KINDS.get(octets[0]) if octets else None
    if kind is None:
        raise BadMessage("no message of ours")
    body = octets[1:]
    try:
        if kind is Ike:
            return _checked(_unpack_ike(body))
        if kind is Done:
            return Done(*_DONE.unpack(body))
        if kind is Remove:
            return Remove(*_REMOVE.unpack(body))
        return _checked(decode(kind, json.loads(body)))
    except (Undecodable, struct.error, ValueError, RecursionError) as error:
        raise BadMessage(f"{kind.__name__}: {error}") from None


def _checked(message: Message) -> Message:
    """Refuse numbers and addresses that a system call or a field of a packet could not hold."""
    match message:
        case Install():
            _within(64, message.token)
            _within(32, message.inbound_spi, message.outbound_spi, message.path_mtu)
            _within(64, message.soft_octets, message.hard_octets)
            _within(64, message.soft_packets, message.hard_packets)
            for address in filter(None, message.original):
                _check_address(address)
            _check_path(message.path)
        case Move():
            _within(32, message.inbound_spi, message.path_mtu)
            _check_path(message.path)
        case Moved():
            _within(32, message.inbound_spi)
            _within(16, message.port)
            _check_address(message.address)
        case Chosen():
            if not set(message.means) <= set(MEANS):
                raise ValueError("no means that we know")
        case Limit() | Use() | Retire():
            _within(32, message.inbound_spi)
        case Acquired():
            _check_flow(message.flow)
        case Traffic():
            _within(63, *message.counts.values())
            for spi, *counts in message.children:
                _within(32, spi)
                _within(63, *counts)
            for spi, drops in message.drops:
                _within(32, spi)
                _within(63, *drops.values())
        case Ike():
            _check_path(message.path)
        case Network():
            _within(32, message.mtu)
            _check_address(message.remote)
    return message


def _within(bits: int, *numbers: int) -> None:
    if any(number >> bits for number in numbers):  # what is negative never shifts to 0
        raise ValueError(f"no {bits} bit number")


def _check_path(path: Path) -> None:
    _within(16, path.local[1], path.remote[1])
    if path.local[0]:  # empty: the kernel chooses
        _check_address(path.local[0])
    _check_address(path.remote[0])


def _check_flow(flow: Flow) -> None:
    if flow.version not in _ADDRESS_BITS:
        raise ValueError("no IP version")
    _within(_ADDRESS_BITS[flow.version], flow.source, flow.target)
    _within(8, flow.protocol)
    _within(16, *(port for port in (flow.source_port, flow.target_port) if port != OPAQUE))


@lru_cache(maxsize=1024)
def _check_address(text: str) -> None:
    # a host name would be looked up, by a system call that waits for the answer
    ip_address(text)


def _unpack_ike(body: bytes) -> Ike:
    encapsulated, here, there, port, other = _IKE.unpack_from(body)
    middle = _IKE.size + here
    end = middle + there
    if end > len(body):
        raise BadMessage("Ike: shorter than its addresses")
    local, remote = body[_IKE.size : middle].decode("ascii"), body[middle:end].decode("ascii")
    return Ike(Path((local, port), (remote, other), encapsulated), body[end:])
