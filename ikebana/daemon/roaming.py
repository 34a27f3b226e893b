"""What the IKE SAs hear of our own addresses and routes when they change (RFC 4555 section 3.5).

    netlink ─► changed() ─ settles ─► usable?, route? ─► AddressesChanged ─► Endpoint

One change of network is dozens of messages: the old address goes, a link comes, the new address
comes, then its routes.  Whoever moved at the first of them would move again at the next.

What a new address needs to be sent from: nothing, where the gateway listens on all addresses (the
source is named with every datagram).  Where it listens on configured ones, a socket is bound to
each, and only those are ever used; a socket outlives its address and serves again when that is
back.
"""

from collections.abc import Callable, Collection, Iterable
from ipaddress import ip_address
from typing import Final

from ikebana.daemon.sockets import EVERYWHERE
from ikecore.events import AddressesChanged

SETTLE: Final = 0.3
"""Seconds without a change after which we look."""

_TURNS: Final = 6
"""A network that never comes to rest is looked at all the same, after so many waits."""


class Roaming:
    """Gather changes; when they have settled, tell where we are now.

    ``usable`` returns the addresses of ours that IKE may leave from, ``route`` our address towards
    another one ("" when there is no way), ``remotes`` the addresses of peers that matter.
    ``later`` calls something after some seconds; ``then`` takes the outcome.
    """

    def __init__(
        self,
        usable: Callable[[], frozenset[str]],
        route: Callable[[str], str],
        remotes: Callable[[], Iterable[str]],
        later: Callable[[float, Callable[[], None]], object],
        then: Callable[[AddressesChanged], None],
    ) -> None:
        self._usable = usable
        self._route = route
        self._remotes = remotes
        self._later = later
        self._then = then
        self._turns = 0  # waits since the first change that is not told yet; 0: no timer runs
        self._restless = False  # something changed since the timer was set

    def changed(self) -> None:
        """Take it that the kernel told of a change."""
        self._restless = True
        if not self._turns:
            self._wait()

    def look(self) -> None:
        """Tell at once where we are: at the start, say, when nothing has changed yet."""
        route = {remote: self._route(remote) for remote in sorted(set(self._remotes()))}
        self._then(AddressesChanged(self._usable(), route))

    def _wait(self) -> None:
        self._turns += 1
        self._restless = False
        self._later(SETTLE, self._settled)

    def _settled(self) -> None:
        if self._restless and self._turns < _TURNS:
            self._wait()
            return
        self._turns = 0
        self.look()


def usable(listening: Collection[str], local: Iterable[str]) -> frozenset[str]:
    """Return which of the host's addresses IKE may leave from.

    ``listening`` are those that sockets are bound to, wildcards included.  Loopback, link-local and
    multicast addresses lead to no peer elsewhere.
    """
    found = set()
    for address in local:
        if address not in listening and EVERYWHERE[":" in address] not in listening:
            continue
        parsed = ip_address(address)
        if not (parsed.is_loopback or parsed.is_link_local or parsed.is_multicast):
            found.add(address)
    return frozenset(found)
