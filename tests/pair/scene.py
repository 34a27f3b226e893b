"""What is asked of two ends, looked at, and must hold of them in the end, whatever they speak."""

from collections import Counter
from typing import Any, TypeAlias

from ikecore.actions import ChildClosed, ChildEstablished, Closed, Failed
from ikecore.child import ChildSpec
from ikecore.events import (
    ChildCloseWanted,
    ChildWanted,
    CloseWanted,
    RekeyIkeWanted,
    RekeyWanted,
)
from ikecore.profile import ChildProfile

from . import network
from .hosts import selectors
from .wire import OTHER
from .worker_model import Use

Network: TypeAlias = network.Network[Any]
US, PEER = "moon", "sun"
LOW, MIDDLE, HIGH = (bytes((octet,)) * 32 for octet in (0, 0x80, 0xFF))


def second(name: str) -> ChildProfile:
    """Return another child of the connection as one end sees it."""
    nets = {"moon": selectors("10.1.7.0/24"), "sun": selectors("10.2.7.0/24")}
    return ChildProfile(nets[name], nets[OTHER[name]])


# -- what the ends are asked for ------------------------------------------------------------------
def child(net: Network, name: str) -> int:
    """Return the inbound SPI of the only child of one end."""
    (spi,) = net.hosts[name].children
    return spi


def share_a_child(net: Network) -> bool:
    """Tell whether both ends have the same child installed."""
    theirs = {spec.outbound_spi for spec in net.hosts[PEER].children.values()}
    return bool(theirs & net.hosts[US].children.keys())


def child_of(net: Network, name: str, wanted: ChildProfile | None = None) -> int:
    """Return the inbound SPI of the child that one end made last, 0 if it has none.

    With ``wanted`` only that of the connection's children counts.
    """
    there = booked(net, name)
    made = (one for one in reversed(net.seen(ChildEstablished, name)) if one.inbound_spi in there)
    return next((one.inbound_spi for one in made if wanted in (None, one.child)), 0)


def rekey(net: Network, name: str, spi: int = 0) -> None:
    """Let one end rekey a child, by default its only one."""
    net.tell(name, RekeyWanted(spi or child(net, name), "time"))


def rekey_ike(net: Network, name: str) -> None:
    """Let one end rekey its only IKE SA."""
    (sa,) = net.up(name)
    net.tell(name, RekeyIkeWanted(sa, "time"))


def close_child(net: Network, name: str, spi: int = 0) -> None:
    """Let one end delete a child, by default its only one."""
    net.tell(name, ChildCloseWanted(spi or child(net, name)))


def close(net: Network, name: str) -> None:
    """Let one end delete its only IKE SA."""
    (sa,) = net.up(name)
    net.tell(name, CloseWanted(sa))


def want(net: Network, name: str, wanted: ChildProfile) -> None:
    """Let one end make a child under its newest IKE SA."""
    net.tell(name, ChildWanted(net.up(name)[-1], wanted))


def lowest_is(net: Network, loser: str) -> None:
    """Let the next request of ``loser`` have the lowest nonce of any."""
    net.hosts[loser].dice.nonces += [LOW, HIGH, HIGH]
    net.hosts[OTHER[loser]].dice.nonces += [HIGH, HIGH, HIGH]


# -- what is looked at ----------------------------------------------------------------------------
def reasons(net: Network, name: str) -> list[str]:
    """Return why one end's children ended, in order."""
    return [closed.reason.name for closed in net.seen(ChildClosed, name)]


def rekeyed(net: Network, name: str) -> list[ChildEstablished]:
    """Return the children of one end that took another's place."""
    return [made for made in net.seen(ChildEstablished, name) if made.replaces]


# -- what must hold -------------------------------------------------------------------------------
def conclude(
    net: Network,
    *,
    gap: float | None = None,
    children: tuple[int, ...] = (1,),
    ike: int = 1,
    after: float = 15.0,
) -> None:
    """Let everything come to rest; then both ends agree, and no packet was lost on the way.

    With ``gap`` the packets of so many seconds may be lost, and there may be fewer ``children``.
    In the end both ends close: whatever a child hangs on is really there.
    """
    net.sleep(after)
    net.traffic.streams.clear()
    net.sleep(5)
    assert_sound(net, ike)
    assert len(net.hosts[US].children) in children
    if gap is None:
        assert net.traffic.blocked == []
        assert net.traffic.lost == []
    else:
        assert net.traffic.gap <= gap
        assert told(net)
    for sa in net.up(US):
        net.tell(US, CloseWanted(sa))
    net.sleep(15)
    net.assert_gone()


def assert_sound(net: Network, ike: int = 1) -> None:
    """Both ends hold the same SAs, whole, in books and worker; no key outlived its Delete."""
    assert net.pairs("moon") == net.pairs("sun")
    assert len(net.pairs("moon")) == ike
    net.assert_mirrored()
    for name, host in net.hosts.items():
        assert host.children.keys() == booked(net, name)
        assert set(host.worker.uses.values()) <= {Use.ACTIVE}, "half an SA is left"
        sides: Counter[str] = Counter(map(sides_of, host.children.values()))
        assert set(sides.values()) <= {1}, "two children for the same selectors"
    assert net.deletes.misuse == []


def booked(net: Network, name: str) -> set[int]:
    """Return the children that one end said are up, and did not say are gone."""
    gone = {closed.inbound_spi for closed in net.seen(ChildClosed, name)}
    return {made.inbound_spi for made in net.seen(ChildEstablished, name)} - gone


def sides_of(spec: ChildSpec) -> str:
    """Return the selectors of a child."""
    return f"{spec.local_ts} === {spec.remote_ts}"


def told(net: Network) -> bool:
    """Tell whether somebody said that something ended or failed."""
    return any(
        isinstance(action, ChildClosed | Failed | Closed)
        for host in net.hosts.values()
        for action in host.log
    )
