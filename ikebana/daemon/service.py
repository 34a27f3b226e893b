"""The daemon as the control socket sees it."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from importlib.metadata import version
from typing import Final

from ikebana.control.daemon import Conflict, NotFound
from ikebana.control.view import (
    ConnectionState,
    ConnectionView,
    Direction,
    ExplainView,
    GatewayView,
    LogLine,
    Outcome,
    StatusView,
    Step,
    StepDone,
    StepMessage,
    StepRefused,
    StepResult,
    WorkerView,
)
from ikebana.daemon.database import ike_ports
from ikebana.daemon.explain import Surroundings, explain
from ikebana.daemon.gateway import Gateway
from ikebana.daemon.journal import Follower
from ikebana.daemon.mappings import mapping_views
from ikebana.daemon.orders import Ended
from ikebana.daemon.runner import Report
from ikebana.daemon.tunnels import Tunnel
from ikebana.daemon.verbs import Verbs
from ikebana.daemon.views import connection_view
from ikebana.daemon.watching import Watching
from ikebana.render.keylog import is_ikev1
from ikecore.actions import ChildEstablished, Established, Failed
from ikecore.trace import KeysDerived, MessageTraced, Record, Retransmitted
from policy.flow import Flow

VERSION: Final = version("ikebana")
_DOWN_PATIENCE: Final = 4.0


class Service:
    """Implements :class:`ikebana.control.daemon.Daemon` on a gateway."""

    def __init__(
        self,
        gateway: Gateway,
        clock: Callable[[], float],
        reload: Callable[[], Awaitable[Sequence[str]]],
        warnings: Sequence[str],
    ) -> None:
        self._gateway = gateway
        self._clock = clock
        self._reload = reload
        self._loop = asyncio.get_running_loop()
        self._started = clock()
        self._verbs = Verbs(gateway, self._loop.time)
        self.warnings = tuple(warnings)

    def status(self, name: str | None) -> StatusView:
        """Return the gateway and all connections, or the one named."""
        now, gateway = self._loop.time(), self._gateway
        found = [self._find(name)] if name is not None else list(gateway.tunnels.values())
        kernel = gateway.kernel
        view = GatewayView(
            name=gateway.plan.gateway.name,
            version=VERSION,
            pid=os.getpid(),
            started=self._started,
            listening=kernel.listening,
            worker=WorkerView(
                kernel.worker_pid,
                kernel.restarts,
                **gateway.tally.traffic(),
                means=gateway.tally.means,
            ),
            drops=gateway.tally.drops(),
            half_open=gateway.endpoint.half_open,
            warnings=self.warnings,
        )
        views = tuple(self._view(tunnel, now) for tunnel in found)
        if name is not None:
            views = (replace(views[0], mappings=mapping_views(found[0])),)
        return StatusView(view, views)

    def _view(self, tunnel: Tunnel, now: float) -> ConnectionView:
        sas = tunnel.core.sas
        path = self._gateway.endpoint.path_of(sas[-1].sa) if sas else None
        return connection_view(tunnel, now, path)

    def up(self, name: str, timeout: float) -> AsyncIterator[Step]:
        """Start the connection and tell how it goes."""
        tunnel = self._find(name)
        if tunnel.core.state is ConnectionState.DISABLED:
            raise Conflict(f"{name} is disabled", "set enabled = true and reload")
        return self._steps(tunnel, timeout)

    async def down(self, name: str) -> None:
        """Delete the connection's SAs and hold it down."""
        tunnel = self._find(name)
        if tunnel.core.state is ConnectionState.DISABLED:
            raise Conflict(f"{name} is disabled", "nothing is up")
        self._gateway.down(tunnel)
        await self._gateway.all_closed((tunnel,), _DOWN_PATIENCE)

    async def rekey(self, name: str, ike: bool, wait: float) -> Outcome:
        """Renew the keys of the connection's children, with ``ike`` of its IKE SA too."""
        return await self._verbs.rekey(self._find(name), ike, wait)

    async def reauth(self, name: str, wait: float) -> Outcome:
        """Make the next IKE SA with its children, then close the present one."""
        return await self._verbs.reauth(self._find(name), wait)

    async def renegotiate(self, name: str, wait: float) -> Outcome:
        """Delete the connection's SAs, if there are any, then start it at once."""
        tunnel = self._find(name)
        if tunnel.core.state is ConnectionState.DISABLED:
            raise Conflict(f"{name} is disabled", "set enabled = true and reload")
        return await self._verbs.renegotiate(tunnel, wait)

    def explain(self, flow: Flow) -> ExplainView:
        """Return which policy a packet falls under, and what comes of it."""
        gateway = self._gateway
        plan = gateway.plan.gateway
        try:
            way = gateway.kernel.way(flow)
        except OSError:
            way = None
        around = Surroundings(
            gateway.performer.spd, gateway.tunnels, plan.tun_name, ike_ports(plan)
        )
        return explain(flow, around, way)

    def log(self, name: str | None) -> Sequence[LogLine]:
        """Return the lines kept, oldest first."""
        if name is not None:
            self._find(name)
        return self._gateway.journal.lines(name)

    def follow(self, name: str | None) -> Follower:
        """Return the lines that come after this call."""
        if name is not None:
            self._find(name)
        return self._gateway.journal.follow(name)

    async def reload(self) -> Sequence[str]:
        """Read the configuration again; problems as text, and then nothing has changed."""
        return await self._reload()

    def counters(self) -> Mapping[str, int]:
        """Return every counter by name."""
        return self._gateway.tally.all()

    def _find(self, name: str) -> Tunnel:
        tunnel = self._gateway.tunnels.get(name)
        if tunnel is None:
            raise NotFound(name, tuple(self._gateway.tunnels))
        return tunnel

    async def _steps(self, tunnel: Tunnel, wait: float) -> AsyncIterator[Step]:
        began = self._loop.time()
        with Watching(self._gateway.watchers, tunnel.name) as watching:
            self._gateway.up(tunnel)
            try:
                while True:
                    what = await watching.next(began + wait)
                    if isinstance(what, Ended):
                        yield _result(tunnel, what)
                        return
                    step = _step(what, (self._loop.time() - began) * 1000)
                    if step is not None:
                        yield step
            except TimeoutError:
                reason = tunnel.core.reason
                lines = reason.lines() if reason is not None else ()
                text = (f"not up after {wait:g} s; the daemon goes on trying", *lines)
                yield StepResult(False, tunnel.core.state, "", text, timed_out=True)


def _result(tunnel: Tunnel, ended: Ended) -> StepResult:
    diagnosis = ended.diagnosis
    return StepResult(
        ended.ok,
        tunnel.core.state,
        str(diagnosis.code) if diagnosis is not None else "",
        diagnosis.lines() if diagnosis is not None else (),
    )


def _step(what: Record | Report, ms: float) -> Step | None:
    match what:
        case MessageTraced():
            way = Direction.SENT if what.sent else Direction.RECEIVED
            return StepMessage(
                way,
                what.exchange,
                what.response,
                what.message_id,
                what.labels,
                ms=ms,
                version=what.version,
            )
        case Retransmitted():
            return StepDone(False, "no answer yet, sent again", ms)
        case KeysDerived():
            text = "phase 1 keys" if is_ikev1(what) else "IKE_SA_INIT"
            return StepDone(True, text, ms, str(what.suite))
        case Established():
            text = "phase 1 (IKEv1, legacy)" if what.version == 1 else "IKE_AUTH"
            vendor = f", {what.vendor}" if what.vendor else ""
            return StepDone(True, text, ms, f"peer is {what.remote_id}{vendor}")
        case ChildEstablished():
            local = ", ".join(map(str, what.local_ts))
            remote = ", ".join(map(str, what.remote_ts))
            return StepDone(True, "CHILD_SA", ms, f"{what.suite}, {local} === {remote}")
        case Failed(initiator=False):  # what only the responder gets to know
            return StepRefused(str(what.diagnosis.code), what.diagnosis.lines())
        case _:
            return None
