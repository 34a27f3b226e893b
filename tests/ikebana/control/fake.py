"""A daemon of plain data behind a real control server on a socket of its own."""

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from ikebana.control.daemon import Conflict, NotFound
from ikebana.control.question import told
from ikebana.control.server import Bounds, ControlServer
from ikebana.control.view import (
    Change,
    ChildView,
    ConnectionState,
    ConnectionView,
    ConsideredView,
    Direction,
    ExplainView,
    GatewayView,
    Level,
    LogLine,
    Outcome,
    StatusView,
    Step,
    StepDone,
    StepMessage,
    StepResult,
    WorkerView,
)
from policy.flow import Flow

NET = ConnectionView(
    name="net",
    state=ConnectionState.CONNECTED,
    peer="10.99.0.2",
    peer_id="gb.lab",
    local_id="ga.lab",
    ike="aes128-sha256-x25519",
    esp="aes128gcm16",
    age_s=3725.0,
    rekey_in_s=82000.0,
    packets_in=10,
    packets_out=11,
    octets_in=1000,
    octets_out=2_500_000,
    rate_in_bps=1_500_000.0,
    rate_out_bps=0.0,
    tries=1,
    nat="none",
    encapsulation="esp",
    mappings_up=1,
    mappings_total=1,
    initiator_spi="0102030405060708",
    responder_spi="1112131415161718",
    children=(
        ChildView(0xC0FFEE01, 0xC0FFEE02, "aes128gcm16", ("10.1.0.0/24",), ("10.2.0.0/24",), 12.0),
    ),
    drops={"replay": 3},
)
BAD = ConnectionView(
    name="tokyo",
    state=ConnectionState.PHASE1_FAILED,
    peer="198.51.100.7",
    reason_code="PSK_MISMATCH",
    reason=(
        "Stage 1 failure: PSK_MISMATCH: the pre-shared keys differ",
        "  here:   enter the PSK again",
    ),
    reason_since=1_700_000_000.0,
    tries=41,
    next_try_in_s=7.0,
    mappings_total=1,
)
EXPLAINED = ExplainView(
    packet="10.1.0.5 10.2.0.9 tcp 443",
    policy="net",
    action="protect",
    way="tunnel",
    fate="sealed",
    tunnel="net",
    selectors="10.1.0.0/24 === 10.2.0.0/24",
    state="connected",
    inbound_spi=0xC0FFEE01,
    outbound_spi=0xC0FFEE02,
    device="ikebana0",
    lines=("The tunnel net (connected) protects it.",),
    considered=(
        ConsideredView("printers", "bypass", part="target", why="target 10.2.0.9 is not in …"),
        ConsideredView("net", "protect", "net", hit=True),
    ),
)
HOSTILE = "\x1b[2Jgone\r\n\x9b31mred\u202e"
STEPS: tuple[Step, ...] = (
    StepMessage(
        Direction.SENT, "IKE_SA_INIT", False, 0, ("SA", "KE", "No", "N(COOKIE)"), False, 0.1
    ),
    StepMessage(Direction.RECEIVED, "IKE_SA_INIT", True, 0, ("SA", "KE", "No"), False, 30.0),
    StepDone(True, "IKE_SA_INIT", 34.1, "aes128-sha256-x25519"),
    StepDone(True, "IKE_AUTH", 21.0, "gb.lab"),
    StepResult(True, ConnectionState.CONNECTED),
)
RENEWED = Outcome(True, ConnectionState.CONNECTED, (Change("child", "c0ffee01", "5e6f7a8b", 12.4),))
REFUSED: tuple[Step, ...] = (
    StepDone(True, "IKE_SA_INIT", 34.1),
    StepDone(False, "IKE_AUTH", 20.0),
    StepResult(False, ConnectionState.PHASE1_FAILED, "PSK_MISMATCH", BAD.reason),
)


class FakeDaemon:
    """Answers from its lists; counts what was asked."""

    def __init__(self) -> None:
        self.connections = {"net": NET, "tokyo": BAD}
        self.steps: dict[str, tuple[Step, ...]] = {"net": STEPS, "tokyo": REFUSED}
        self.lines = [
            LogLine(1_700_000_000.25, "net", Level.INFO, "IKE_SA established"),
            LogLine(1_700_000_001.5, "", Level.WARNING, HOSTILE, "PSK_MISMATCH"),
        ]
        self.problems: list[str] = []
        self.downs: list[str] = []
        self.asked: list[tuple[str, str, float]] = []
        self.outcome = RENEWED
        self.hold_down = asyncio.Event()
        self.hold_down.set()
        self.follow_for_ever = False
        self.endless = False
        self.stream_closed = asyncio.Event()
        self.broken = False
        self.times_out = False
        self.timeout = 0.0

    def status(self, name: str | None) -> StatusView:
        if self.broken:
            raise ZeroDivisionError("a bug")
        gateway = GatewayView(
            "moon", "0.1.0", 4242, 1_700_000_000.0, ("10.99.0.1:500",), WorkerView(4243, 1)
        )
        if name is None:
            return StatusView(gateway, tuple(self.connections.values()))
        return StatusView(gateway, (self._find(name),))

    async def up(self, name: str, timeout: float) -> AsyncIterator[Step]:  # noqa: ASYNC109 - the Protocol's
        self._find(name)
        self.timeout = timeout
        if name not in self.steps:
            raise Conflict("net is disabled", "set enabled = true")
        for step in self.steps[name]:
            yield step
        if self.times_out:
            state = ConnectionState.CONNECTING_PHASE1
            yield StepResult(False, state, "PEER_NO_RESPONSE", ("no answer yet",), timed_out=True)

    async def down(self, name: str) -> None:
        self._find(name)
        await self.hold_down.wait()
        self.downs.append(name)

    async def rekey(self, name: str, ike: bool, wait: float) -> Outcome:
        return await self._renew("rekey --ike" if ike else "rekey", name, wait)

    async def reauth(self, name: str, wait: float) -> Outcome:
        return await self._renew("reauth", name, wait)

    async def renegotiate(self, name: str, wait: float) -> Outcome:
        return await self._renew("renegotiate", name, wait)

    async def _renew(self, verb: str, name: str, wait: float) -> Outcome:
        self._find(name)
        if name == "tokyo":
            raise Conflict("tokyo is not connected", "ikebana up tokyo")
        await self.hold_down.wait()
        self.asked.append((verb, name, wait))
        return self.outcome

    def explain(self, flow: Flow) -> ExplainView:
        return replace(EXPLAINED, packet=told(flow))

    def log(self, name: str | None) -> Sequence[LogLine]:
        if name is not None:
            self._find(name)
        return [line for line in self.lines if name in (None, line.connection)]

    async def follow(self, name: str | None) -> AsyncIterator[LogLine]:
        try:
            yield LogLine(1_700_000_009.0, name or "net", Level.INFO, "one more")
            while self.endless:
                yield LogLine(0.0, "net", Level.INFO, "x" * 10_000)
            if self.follow_for_ever:
                await asyncio.Event().wait()
        finally:
            self.stream_closed.set()

    async def reload(self) -> Sequence[str]:
        return self.problems

    def counters(self) -> Mapping[str, int]:
        return {"replay": 3, "no_sa": 0}

    def _find(self, name: str) -> ConnectionView:
        if name not in self.connections:
            raise NotFound(name, tuple(self.connections))
        return self.connections[name]


@contextlib.asynccontextmanager
async def serving(
    daemon: FakeDaemon, path: Path, bounds: Bounds | None = None
) -> AsyncIterator[ControlServer]:
    """Serve on the running loop."""
    server = ControlServer(daemon, str(path), bounds)
    await server.start()
    try:
        yield server
    finally:
        await server.stop()


@contextlib.contextmanager
def served(daemon: FakeDaemon, path: Path) -> Iterator[str]:
    """Serve on a loop in a thread of its own, for clients that block."""
    loop = asyncio.new_event_loop()
    ready = threading.Event()
    stop = asyncio.Event()

    async def life() -> None:
        async with serving(daemon, path):
            ready.set()
            await stop.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(life(),))
    thread.start()
    ready.wait(20)
    try:
        yield str(path)
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(20)
        loop.close()
