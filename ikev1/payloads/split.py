"""The networks behind a Cisco gateway, as Unity's SPLIT_INCLUDE attribute lists them.

```
|                            Address                            |
|                            Netmask                            |
|           Protocol            |         Source Port           |
|       Destination Port        |
```

Fourteen octets a network, one after the other.  Cisco documents none of it: this is what vpnc,
racoon and strongSwan agree upon.  All of them leave protocol and ports zero, and so do we.
"""

import struct
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network
from typing import Final

from ikecore.wire import Malformed, Reader
from policy.selectors import LIMIT

_ENTRY: Final = struct.Struct("!II6x")
_ALL: Final = 0xFFFFFFFF


def split_networks(value: bytes) -> tuple[IPv4Network, ...]:
    """Return the networks; raise :exc:`Malformed`, also for more than an SA can have.

    Protocol and ports are passed over: what is read here makes routes, and narrows no SA.
    """
    found: list[IPv4Network] = []
    body = Reader(value)
    while body:
        at = body.at
        if len(found) == LIMIT:
            raise Malformed(f"more than {LIMIT} networks", at)
        address, mask = body.unpack(_ENTRY)
        hosts = mask ^ _ALL
        if hosts & (hosts + 1):
            raise Malformed(f"netmask {IPv4Address(mask)}", at + 4)
        found.append(IPv4Network((address & mask, 32 - hosts.bit_length())))
    return tuple(found)


def split_octets(networks: Iterable[IPv4Network]) -> bytes:
    """Return the attribute's value."""
    return b"".join(
        _ENTRY.pack(int(network.network_address), int(network.netmask)) for network in networks
    )
