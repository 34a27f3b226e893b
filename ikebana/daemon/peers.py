"""Where the peers of connections are, and from which address of ours they are reached."""

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import replace
from ipaddress import ip_address
from typing import Final, Protocol

from ikebana.config.connection import Initiation
from ikebana.daemon.alarm import Found
from ikebana.daemon.tunnels import Tunnel
from ikecore.profile import Profile
from policy.path import Path

_ANYWHERE: Final = "192.0.2.1"  # RFC 5737: any address shows where the default route leads
_AGAIN: Final = 60.0  # seconds after which the name of a peer that has to start is looked up again
Later = Callable[[float, Callable[[], None]], asyncio.TimerHandle]


class Names(Protocol):
    """Who looks host names up."""

    def look_up(self, key: str, host: str, then: Found, *, anew: bool) -> None:
        """Call ``then`` with the addresses, or with none and why; ``anew`` drops one under way."""
        ...

    def cancel(self, key: str) -> None:
        """Forget the look-up of this connection."""
        ...

    def close(self) -> None:
        """Forget all of them."""
        ...


class Peers:
    """Keep the addresses of both ends in the tunnels.

    ``route`` returns our address towards another one, empty when there is no way; ``later`` calls
    something after some seconds.
    """

    def __init__(self, names: Names, route: Callable[[str], str], later: Later) -> None:
        self._names = names
        self._route = route
        self._later = later
        self._waits: dict[str, asyncio.TimerHandle] = {}

    def begin(self, tunnel: Tunnel) -> None:
        """Take what is known without asking anybody."""
        if not tunnel.plan.is_any_peer:
            with contextlib.suppress(ValueError):  # a name is looked up later
                tunnel.remote = frozenset((str(ip_address(tunnel.plan.peer)),))
        self._find_local(tunnel)

    def end(self, tunnel: Tunnel) -> None:
        """Look nothing up for this tunnel any more."""
        self._names.cancel(tunnel.name)
        wait = self._waits.pop(tunnel.name, None)
        if wait is not None:
            wait.cancel()

    def close(self) -> None:
        """Look nothing up any more."""
        for wait in self._waits.values():
            wait.cancel()
        self._waits.clear()
        self._names.close()

    def find(self, tunnel: Tunnel, then: Found) -> None:
        """Call ``then`` with the peer's addresses, or with none and why; a name is asked anew."""
        if tunnel.plan.is_any_peer:
            then((), "the peer may be anywhere: it has to start")
            return
        try:
            address = str(ip_address(tunnel.plan.peer))
        except ValueError:
            self._names.look_up(tunnel.name, tunnel.plan.peer, then, anew=True)
            return
        then((address,), "")

    def learn(self, tunnel: Tunnel, addresses: tuple[str, ...]) -> bool:
        """Take what a look-up brought; tell whether it is anything new."""
        if not addresses or frozenset(addresses) == tunnel.remote:
            return False
        tunnel.remote = frozenset(addresses)
        self._find_local(tunnel)
        return True

    def watch(self, tunnel: Tunnel, changed: Callable[[], None]) -> None:
        """Look the name of a peer up that has to start; call ``changed`` when it is elsewhere."""
        is_passive = tunnel.plan.initiation is Initiation.PASSIVE
        if tunnel.name in self._waits or not tunnel.is_named:
            return
        if tunnel.is_known and not is_passive:
            return  # looked up anew with every try

        def look_up() -> None:
            self._waits.pop(tunnel.name, None)
            self._names.look_up(tunnel.name, tunnel.plan.peer, then, anew=False)

        def then(addresses: tuple[str, ...], _why: str) -> None:
            if not addresses or is_passive:
                pause = _AGAIN if addresses else tunnel.plan.tries.interval
                self._waits[tunnel.name] = self._later(pause, look_up)
            if self.learn(tunnel, addresses):
                changed()

        look_up()

    def path(self, tunnel: Tunnel, addresses: tuple[str, ...], port: int) -> Path | None:
        """Return the path of the next try, None when there is no way; tries take turns."""
        remote = addresses[tunnel.core.turn % len(addresses)]
        local = tunnel.plan.local_for(remote, self._route)
        if not local:
            return None
        tunnel.local = local
        return Path((local, port), (remote, port))

    def _find_local(self, tunnel: Tunnel) -> None:
        remote = next(iter(sorted(tunnel.remote)), _ANYWHERE)
        tunnel.local = tunnel.plan.local_for(remote, self._route) or tunnel.local


def profile_of(tunnel: Tunnel, nat_port: int, tried: str = "") -> Profile:
    """Return the profile of a tunnel for the cores; ``tried`` is where a negotiation goes to."""
    found = tunnel.plan.profile(tunnel.local, tunnel.remote, tried)
    return replace(found, nat_port=nat_port)
