"""What the kernel and the packet worker bring, as events for the endpoint and for connections.

The worker reads hostile packets: what it says names things that may not be, and is looked up.
"""

from collections.abc import Callable

from ikebana.daemon.roster import Roster
from ikebana.daemon.tally import Tally
from ikebana.daemon.triage import Triage
from ikebana.daemon.tunnels import Tunnel
from ikebana.worker.messages import (
    Acquired,
    Chosen,
    Ike,
    Limit,
    Message,
    Moved,
    Network,
    Traffic,
)
from ikecore.events import (
    ChildExpired,
    ChildrenHeard,
    DatagramReceived,
    Event,
    PathChanged,
    RekeyWanted,
    Unreachable,
)
from policy.flow import Flow
from policy.path import Path


class Inbox:
    """Give it what came; it gives ``event`` what the endpoint has to know of it.

    ``acquired`` is called when a packet waits for a tunnel.
    """

    def __init__(
        self,
        triage: Triage,
        tally: Tally,
        roster: Roster,
        clock: Callable[[], float],
        event: Callable[[Event], None],
        acquired: Callable[[Tunnel, Flow], None],
    ) -> None:
        self._triage = triage
        self._tally = tally
        self._roster = roster
        self._clock = clock
        self._event = event
        self._acquired = acquired

    def on_datagram(self, data: bytes, path: Path) -> None:
        """Take an IKE datagram."""
        if self._triage.admits(data, path.remote[0], self._clock()):
            self._event(DatagramReceived(data, path))
        else:
            self._tally.drop("rate")

    def on_unreachable(self, remote: str, why: str) -> None:
        """Take what the network says of our datagrams."""
        self._event(Unreachable(remote, why))

    def on_worker(self, message: Message) -> None:
        """Take what the worker says; its acknowledgements are the runner's."""
        match message:
            case Ike():
                self.on_datagram(message.data, message.path)
            case Acquired():
                tunnel = self._roster.by_name.get(message.tunnel)
                if tunnel is not None:
                    self._acquired(tunnel, message.flow)
            case Moved():
                self._event(PathChanged(message.inbound_spi, (message.address, message.port)))
            case Traffic():
                heard = self._tally.take(message, self._clock())
                if heard:
                    self._event(ChildrenHeard(heard))
            case Network():
                self._event(Unreachable(message.remote, message.why))
            case Limit():
                self._on_limit(message)
            case Chosen():
                self._tally.means = message.means
            case _:
                self._tally.drop("odd_message")

    def _on_limit(self, limit: Limit) -> None:
        spi = limit.inbound_spi
        if self._roster.of_child(spi) is None:
            return  # it went while this was on its way
        self._event(
            ChildExpired(spi)
            if limit.hard
            else RekeyWanted(spi, "its packets or octets near their limit")
        )
