"""What attacks need: ends that know nothing yet, or stopped halfway, and what must be unharmed."""

import pytest

from ikecore.actions import Broken
from ikecore.profile import Limits, Profile
from ikev1.message import Exchange, Header, build_clear
from ikev1.payloads.chain import Payload

from .network import AGGRESSIVE, Network, profile, quiet
from .tunnel import MAIN

ANYWHERE: frozenset[str] = frozenset()
AM = Exchange.AGGRESSIVE
MODES = pytest.mark.parametrize("mode", [MAIN, AM], ids=["main", "aggressive"])


def gateway(mode: Exchange = MAIN, **changes: object) -> tuple[Profile, Profile]:
    """Return moon's connection, and sun's that takes moon from anywhere."""
    legacy = AGGRESSIVE if mode == AM else profile("moon").legacy
    moon, sun = (quiet(name, legacy=legacy, **changes) for name in ("moon", "sun"))
    return moon, sun


def alone(mode: Exchange = MAIN, limits: Limits | None = None, **changes: object) -> Network:
    """Return two ends that know nothing of each other yet."""
    return Network(*gateway(mode, **changes), {"sun": limits} if limits else None)


def half_open(mode: Exchange = MAIN, messages: int = 4) -> Network:
    """Return a network in which so many messages of phase 1 arrived."""
    net = alone(mode)
    net.lose = lambda _: len(net.wire) > messages
    net.initiate("moon")
    net.lose = lambda _: False
    return net


def cookies(net: Network) -> tuple[bytes, bytes]:
    """Return those of the last message on the wire."""
    data = net.wire[-1].data
    return data[:8], data[8:16]


def clear(net: Network, exchange: Exchange, *payloads: Payload, message_id: int = 0) -> bytes:
    return build_clear(Header(*cookies(net), exchange, message_id, encrypted=False), payloads)


def unharmed(net: Network) -> bool:
    """Tell whether sun still serves a peer."""
    net.settle()
    assert net.seen(Broken, "sun") == []
    net.initiate("moon")
    net.sleep(30)
    net.assert_connected()
    return True
