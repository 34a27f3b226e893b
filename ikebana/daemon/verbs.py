"""The operator's verbs that replace what is up: rekey, reauth, renegotiate.

Each does its work by the gateway's orders and then only tells how it goes: whoever stops listening
ends nothing.
"""

from collections.abc import Callable
from typing import Final

from ikebana.control.daemon import Conflict
from ikebana.control.view import Change, Outcome
from ikebana.daemon.gateway import Gateway
from ikebana.daemon.orders import Ended
from ikebana.daemon.runner import Report
from ikebana.daemon.tunnels import Tunnel
from ikebana.daemon.watching import Watching
from ikecore.actions import ChildClosed, ChildEstablished, Closed, Established, Failed, Reason
from ikecore.diagnosis import Diagnosis
from ikecore.trace import Record

_ANSWERS: Final = 4.0  # seconds for the peer to answer a Delete
_WHY: Final = "asked for"


class Verbs:
    """One gateway's; ``clock`` is the loop's."""

    def __init__(self, gateway: Gateway, clock: Callable[[], float]) -> None:
        self._gateway = gateway
        self._clock = clock

    async def rekey(self, tunnel: Tunnel, ike: bool, wait: float) -> Outcome:
        """Replace the children, with ``ike`` the IKE SA too."""
        core = tunnel.core
        if not core.children:
            raise Conflict(f"{tunnel.name} is not up", f"ikebana up {tunnel.name}")
        old: set[int | bytes] = {child.inbound_spi for child in core.children}
        if ike and core.sas:
            old.add(core.sas[-1].sa)
        telling = _Telling(tunnel)
        with Watching(self._gateway.watchers, tunnel.name) as watching:
            until = self._clock() + wait
            self._gateway.rekey(tunnel, _WHY, ike=ike)
            try:
                while old:
                    what = await watching.next(until)
                    telling.take(what)
                    old -= _replaced(what)
                    if telling.failure is not None:
                        return telling.failed(telling.failure)
                    if lost := old & _lost(what):
                        return telling.gone(lost)
            except TimeoutError:
                return telling.timed_out()
        return telling.done()

    async def reauth(self, tunnel: Tunnel, wait: float) -> Outcome:
        """Make the next IKE SA and its children, then let the present one go."""
        if not tunnel.core.children:
            raise Conflict(f"{tunnel.name} is not up", f"ikebana up {tunnel.name}")
        if all(sa.version == 1 for sa in tunnel.core.sas):
            # whose IKE SAs are always made by authenticating, and take the children over
            return await self.rekey(tunnel, ike=True, wait=wait)
        old: set[int | bytes] = {sa.sa for sa in tunnel.core.sas}
        telling = _Telling(tunnel)
        with Watching(self._gateway.watchers, tunnel.name) as watching:
            until = self._clock() + wait
            self._gateway.reauth(tunnel)
            ended = False
            try:
                while old or not ended:
                    what = await watching.next(until)
                    telling.take(what)
                    old -= _lost(what)
                    if isinstance(what, Ended) and what.diagnosis is not None:
                        return telling.failed(what.diagnosis)
                    ended = ended or isinstance(what, Ended)
            except TimeoutError:
                return telling.timed_out()
        return telling.done()

    async def renegotiate(self, tunnel: Tunnel, wait: float) -> Outcome:
        """Delete all there is, wait for the peer's answers, but not long, and start."""
        telling = _Telling(tunnel)
        with Watching(self._gateway.watchers, tunnel.name) as watching:
            until = self._clock() + wait
            self._gateway.clear(tunnel)
            try:
                await self._gateway.all_closed((tunnel,), min(wait, _ANSWERS))
                for past in watching.drain():  # the end of a try that was given up is not ours
                    telling.take(past)
            finally:  # also when nobody listens any more
                self._gateway.up(tunnel)
            try:
                while True:
                    what = await watching.next(until)
                    telling.take(what)
                    if isinstance(what, Ended) and telling.began:
                        break
            except TimeoutError:
                return telling.timed_out()
        return telling.done() if what.diagnosis is None else telling.failed(what.diagnosis)


class _Telling:
    """What is told of one verb."""

    def __init__(self, tunnel: Tunnel) -> None:
        self.failure: Diagnosis | None = None
        self.began = not tunnel.core.sas
        self._tunnel = tunnel
        self._reason = tunnel.core.reason
        self._changes: list[Change] = []

    def take(self, what: Record | Report | Ended) -> None:
        match what:
            case Established():
                self.began = True
                self._add("IKE SA", what.replaces.hex(), what.sa.hex(), what.took)
            case ChildEstablished():
                old = f"{what.replaces:08x}" if what.replaces else ""
                self._add("child", old, f"{what.inbound_spi:08x}", what.took)
            case Closed() if what.reason is not Reason.REKEYED:
                self._add("IKE SA", what.sa.hex(), "", 0.0)
            case ChildClosed() if what.reason is not Reason.REKEYED:
                self._add("child", f"{what.inbound_spi:08x}", "", 0.0)
            case Failed() if what.initiator or what.child is not None:  # no stranger's
                self.failure = what.diagnosis
                self.began = True
            case _:
                pass

    def _add(self, what: str, old: str, new: str, took: float) -> None:
        self._changes.append(Change(what, old, new, took * 1000))

    def done(self) -> Outcome:
        return Outcome(True, self._tunnel.core.state, tuple(self._changes))

    def failed(self, why: Diagnosis) -> Outcome:
        state, lines = self._tunnel.core.state, why.lines()
        return Outcome(False, state, tuple(self._changes), str(why.code), lines)

    def gone(self, lost: set[int | bytes]) -> Outcome:
        spis = ", ".join(f"{spi:08x}" if isinstance(spi, int) else spi.hex() for spi in lost)
        lines = (f"{spis} ended before it could be replaced",)
        return Outcome(False, self._tunnel.core.state, tuple(self._changes), lines=lines)

    def timed_out(self) -> Outcome:
        reason = self._tunnel.core.reason
        is_new = reason is not None and reason is not self._reason  # of this verb, not of last week
        lines = (
            "not done yet; the daemon goes on",
            *(reason.lines() if reason is not None and is_new else ()),
        )
        changes = tuple(self._changes)
        return Outcome(False, self._tunnel.core.state, changes, lines=lines, timed_out=True)


def _replaced(what: Record | Report | Ended) -> set[int | bytes]:
    return {what.replaces} if isinstance(what, Established | ChildEstablished) else set()


def _lost(what: Record | Report | Ended) -> set[int | bytes]:
    match what:
        case Closed():
            return {what.sa}
        case ChildClosed():
            return {what.inbound_spi}
        case _:
            return set()
