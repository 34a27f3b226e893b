"""What the packet worker is told of the connections: the SPD, and who a packet may start."""

from collections.abc import Callable, Iterable, Iterator
from typing import Final

from ikebana.worker.messages import Arm, Message, Policies
from policy.spd import Policy

_PAIR: Final = 400  # octets of a selector pair in a message, at most: addresses of 39 digits
_NAMES: Final = 3  # times that a policy's name is in a message
_LETTER: Final = 12  # octets of a character, at most
_REST: Final = 200
_PART: Final = 160 * 1024


class Briefing:
    """Tell the worker what changed, and no more: an event costs the same with 2,000 tunnels."""

    def __init__(self, send: Callable[[Message], object]) -> None:
        self._send = send
        self._told: tuple[Policy, ...] = ()
        self._armed: set[str] = set()

    def begin(self) -> None:
        """Take it that the worker knows nothing: it is another one."""
        self._told = ()
        self._armed.clear()

    def tell(self, policies: Iterable[Policy], armed: Iterable[str]) -> None:
        """Let these be the SPD, in order, and these the tunnels that a packet may start."""
        now, wanted = tuple(policies), set(armed)
        if now == self._told:
            for name in self._armed ^ wanted:
                self.arm(name, armed=name in wanted)
            return
        self._told, self._armed = now, wanted
        parts = list(_parts(now)) or [()]
        for number, part in enumerate(parts, start=1):
            some = tuple(one.tunnel for one in part if one.tunnel in wanted)
            self._send(Policies(part, some, more=number < len(parts)))

    def arm(self, tunnel: str, *, armed: bool) -> None:
        """Let packets start a tunnel from now on, or not."""
        if armed is (tunnel in self._armed):
            return
        (self._armed.add if armed else self._armed.discard)(tunnel)
        self._send(Arm(tunnel, armed))


def _parts(policies: tuple[Policy, ...]) -> Iterator[tuple[Policy, ...]]:
    """Split the SPD into what fits into a message each."""
    part: list[Policy] = []
    size = 0
    for policy in policies:
        own = _REST + _NAMES * _LETTER * len(policy.name) + _PAIR * len(policy.selectors)
        if part and size + own > _PART:
            yield tuple(part)
            part, size = [], 0
        part.append(policy)
        size += own
    if part:
        yield tuple(part)
