"""Configuration attributes and what they stand for (draft-dukes-ike-mode-cfg-02, Cisco Unity).

Everything a peer says here is judged one by one: what makes no sense is passed over, since a
gateway of another age may well send it beside what is needed.  Text of a peer's is made safe to
show, and cut.
"""

from collections.abc import Iterable, Iterator
from ipaddress import IPv4Address, IPv4Network
from typing import Final

from ikecore.lease import Lease
from ikecore.wire import Malformed
from ikev1.payloads.attributes import Attribute
from ikev1.payloads.attrs import ConfigAttribute as Kind
from ikev1.payloads.attrs import ConfigAttributes
from ikev1.payloads.split import split_networks, split_octets
from policy.selectors import LIMIT

LONGEST_USER: Final = 128
"""Octets of a user name, as many as one may be configured with."""
LONGEST_PASSWORD: Final = 1024
"""Octets."""
XAUTH: Final = range(Kind.XAUTH_TYPE, Kind.XAUTH_ANSWER + 1)
"""Types of attributes that are XAUTH's."""
UNITY: Final = range(Kind.UNITY_BANNER, Kind.UNITY_DDNS_HOSTNAME + 1)
"""Types of attributes that are Cisco's."""
ASKED: Final = tuple(
    Attribute(kind, b"")
    for kind in (
        Kind.INTERNAL_IP4_ADDRESS,
        Kind.INTERNAL_IP4_NETMASK,
        Kind.INTERNAL_IP4_DNS,
        Kind.INTERNAL_IP4_SUBNET,
        Kind.UNITY_BANNER,
        Kind.UNITY_SPLIT_INCLUDE,
    )
)
"""What a client asks for."""
_MOST_DNS: Final = 8
_LONGEST_TEXT: Final = 1000  # characters of a banner or a message
_PAIR: Final = 8  # octets of an address and a mask
_ENTRY: Final = 14  # octets of a network as Unity lists it
_NETWORKS: Final = (Kind.UNITY_SPLIT_INCLUDE, Kind.INTERNAL_IP4_SUBNET)


def lease_of(said: ConfigAttributes) -> Lease | None:
    """Return what a server gives; None without an address that a host can have."""
    address = next(_hosts(said, Kind.INTERNAL_IP4_ADDRESS), None)
    if address is None:
        return None
    banners = (one.value for one in said.all(Kind.UNITY_BANNER) if isinstance(one.value, bytes))
    return Lease(
        str(address),
        _prefix(said),
        tuple(dict.fromkeys(map(str, _hosts(said, Kind.INTERNAL_IP4_DNS))))[:_MOST_DNS],
        _subnets(said),
        shown(next(banners, b"")),
    )


def lease_attributes(lease: Lease, asked: Iterable[int], *, unity: bool) -> tuple[Attribute, ...]:
    """Return what a server says of a lease.

    ``asked`` are the types that the client asks for; those of Cisco go to who asks for them, or
    knows Unity.
    """
    wanted = frozenset(asked)
    networks = tuple(map(IPv4Network, lease.subnets))
    mask = IPv4Network((0, lease.netmask)).netmask.packed
    found = [
        Attribute(Kind.INTERNAL_IP4_ADDRESS, IPv4Address(lease.address).packed),
        Attribute(Kind.INTERNAL_IP4_NETMASK, mask),
    ]
    found += [Attribute(Kind.INTERNAL_IP4_DNS, IPv4Address(one).packed) for one in lease.dns]
    if Kind.INTERNAL_IP4_SUBNET in wanted:
        found += [
            Attribute(Kind.INTERNAL_IP4_SUBNET, one.network_address.packed + one.netmask.packed)
            for one in networks
        ]
    if lease.banner and (unity or Kind.UNITY_BANNER in wanted):
        found.append(Attribute(Kind.UNITY_BANNER, lease.banner.encode()))
    if networks and (unity or Kind.UNITY_SPLIT_INCLUDE in wanted):
        found.append(Attribute(Kind.UNITY_SPLIT_INCLUDE, split_octets(networks)))
    return tuple(found)


def taken(said: ConfigAttributes) -> tuple[Attribute, ...]:
    """Return what an ACK says: the types of what is accepted, without values."""
    known = {one.type for one in ASKED} | {Kind.XAUTH_STATUS}
    kinds = dict.fromkeys(one.type for one in said.attributes if one.type in known)
    return tuple(Attribute(kind, b"") for kind in kinds)


def types_of(said: ConfigAttributes) -> frozenset[int]:
    """Return the types that are there."""
    return frozenset(one.type for one in said.attributes)


def user_name(said: ConfigAttributes) -> str:
    """Return who the peer says it is; "" for nobody, and for what no user can be called.

    A name is text and nothing else, whatever it looks like.
    """
    try:
        name = _octets(said, Kind.XAUTH_USER_NAME).decode()
    except UnicodeDecodeError:
        return ""
    return name if name.isprintable() and len(name.encode()) <= LONGEST_USER else ""


def password(said: ConfigAttributes) -> bytes:
    """Return the password that the peer gives; b"" for one longer than any can be."""
    given = _octets(said, Kind.XAUTH_USER_PASSWORD)
    return given if len(given) <= LONGEST_PASSWORD else b""


def shown(text: bytes) -> str:
    """Return a peer's text as it may be shown: printable characters and line breaks, not many."""
    read = text[: 4 * _LONGEST_TEXT].decode(errors="replace").replace("\r\n", "\n").strip("\n\0 ")
    kept = "".join(one for one in read if one.isprintable() or one == "\n")
    return kept if len(kept) <= _LONGEST_TEXT else kept[: _LONGEST_TEXT - 1] + "…"


def _octets(said: ConfigAttributes, kind: Kind) -> bytes:
    """Return a text attribute; some phones end theirs with a NUL."""
    one = said.one(kind)
    return one.value.removesuffix(b"\0") if one and isinstance(one.value, bytes) else b""


def _hosts(said: ConfigAttributes, kind: Kind) -> Iterator[IPv4Address]:
    """Find the addresses of one type that a host can have; some list several in one attribute."""
    for one in said.all(kind):
        if not isinstance(one.value, bytes) or len(one.value) % 4:
            continue
        for at in range(0, min(len(one.value), 4 * _MOST_DNS), 4):
            address = IPv4Address(one.value[at : at + 4])
            if not (
                address.is_unspecified
                or address.is_multicast
                or address.is_loopback
                or address.is_reserved
            ):
                yield address


def _prefix(said: ConfigAttributes) -> int:
    """Return the netmask's length; 32 when there is none, or one with holes."""
    one = said.one(Kind.INTERNAL_IP4_NETMASK)
    mask = one.value if one is not None and isinstance(one.value, bytes) else b""
    network = _network(bytes(4) + mask)
    return network.prefixlen if network is not None and network.prefixlen else 32


def _subnets(said: ConfigAttributes) -> tuple[str, ...]:
    """Return the networks behind the server; none where one of them is everything."""
    found: dict[IPv4Network, None] = {}
    for one in said.attributes:
        if one.type in _NETWORKS and isinstance(one.value, bytes):
            found |= dict.fromkeys(_listed(one.type, one.value))
    if any(network.prefixlen == 0 for network in found):
        return ()
    return tuple(map(str, found))[:LIMIT]


def _listed(kind: int, value: bytes) -> tuple[IPv4Network, ...]:
    if kind == Kind.UNITY_SPLIT_INCLUDE and not len(value) % _ENTRY:
        try:
            return split_networks(value)
        except Malformed:
            return ()
    # addresses and masks alone: so does mode config, and who writes Unity's octets by hand
    pairs = (value[at : at + _PAIR] for at in range(0, min(len(value), LIMIT * _PAIR), _PAIR))
    return tuple(network for pair in pairs if (network := _network(pair)) is not None)


def _network(pair: bytes) -> IPv4Network | None:
    """Return the network of an address and a mask; None where the mask has holes."""
    if len(pair) != _PAIR:
        return None
    hosts = int.from_bytes(pair[4:], "big") ^ 0xFFFFFFFF
    if hosts & (hosts + 1):
        return None
    address = int.from_bytes(pair[:4], "big") & ~hosts
    return IPv4Network((address, 32 - hosts.bit_length()))
