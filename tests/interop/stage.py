"""A scenario played: both ends, a stream of pings between them, the steps, and what holds after."""

import contextlib
import re
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from typing import Final, Self

from tests.interop.duo import HOST_A, HOST_B, packets, wait_for_ping
from tests.interop.sides import Ours, Side, Swan
from tests.interop.story import Step, Story
from tests.lab.echo import Stream
from tests.lab.kernel_peer import KernelPeer, require_kernel_peer
from tests.lab.needs import require
from tests.lab.relay import Weather
from tests.lab.relay_lab import RelayLab
from tests.lab.strongswan import StrongSwan
from tests.lab.topology import Capture, Lab, LabError, wait_for

_INTERVAL: Final = 0.01
_CONNECTING: Final = 20.0
_SETTLING: Final = 12.0  # an old child goes 5 s after its Delete
_LOGGING: Final = 3.0
_OVERLAP: Final = 2.0  # seconds with the old and the new address


class Stage:
    """Both ends of a story, started; they end with the block."""

    def __init__(self, story: Story) -> None:
        _require(story)
        self.story = story
        self.lab = RelayLab() if story.relay else Lab()
        self._before: tuple[object, object] = (frozenset(), frozenset())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.lab.close()

    def play(self) -> None:
        """Start both ends, go through the steps, and assert what has to hold."""
        story = self.story
        for name, addresses in (("ca", story.hosts_a), ("cb", story.hosts_b)):
            for address in addresses:
                self.lab[name].address("lan", f"{address}/24")
        self._peer = self._start_peer()
        self._ours = Ours(self.lab, "ga", story.ours)
        if isinstance(self.lab, RelayLab):
            self.lab.weather(Weather(largest=story.largest))
        wires = {one: self.lab.capture("ga", "wan", one) for one in story.after.wire}
        nevers = {one: self.lab.capture("ga", "wan", one) for one in story.after.never_wire}
        self._side(story.starter).up()
        self._connected()
        for name, target in self._pairs():
            wait_for_ping(self.lab, 5, name, target)
        self._before = self._ours.children(), self._ours.ikes()
        with self._streams() as streams:
            for step in story.steps:
                self._do(step)
            self._settle()
        self._judge_streams(streams)
        if story.after.state == "connected" and story.after.children:
            self._talk(56)
        self._judge()
        self._judge_wire(wires, nevers)

    # ---- beginning ----

    def _start_peer(self) -> Side:
        story = self.story
        if story.peer == "ours":
            return Ours(self.lab, "gb", story.theirs)
        kind = KernelPeer if story.peer == "kernel" else StrongSwan
        return Swan(self.lab, kind(self.lab, "gb", story.options), story.theirs)

    def _connected(self) -> None:
        wanted = self.story.after.children if not self.story.steps else None

        def both() -> bool:
            return self._agree() and bool(self._ours.ikes()) and self._complete(wanted)

        wait_for(both, _CONNECTING, "both ends connected")

    def _complete(self, children: int | None) -> bool:
        return children is None or len(self._ours.children()) == children

    # ---- the steps ----

    def _do(self, step: Step) -> None:
        match step.verb, step.words:
            case "up", (side,):
                self._side(side).up()
            case "rekey", (kind, who):
                self._change(kind, [(one.rekey, kind) for one in self._sides(who)])
            case "reauth", (side,):
                self._change("ike", [(lambda _: self._side(side).reauth(), "")])
            case "delete", (kind, who):
                _together([(one.delete, kind) for one in self._sides(who)])
            case "kill", (side,):
                self._side(side).kill()
            case "restart", (side,):
                self._side(side).restart()
            case "move" | "shift", (side, address):
                _move(self._side(side), address, gently=step.verb == "shift")
            case "largest", (octets,) if isinstance(self.lab, RelayLab):
                self.lab.weather(Weather(largest=int(octets)))
            case "talk", (octets,):
                self._talk(int(octets))
            case "wait", (seconds,):
                time.sleep(float(seconds))
            case "await", (side, pattern):
                self._await(self._side(side), pattern, _CONNECTING)
            case _:
                raise LabError(f"{step}: not played here")

    def _change(self, kind: str, asked: Sequence[tuple[Callable[[str], None], str]]) -> None:
        """Do it, and wait until both ends have other SPIs, the same ones."""
        old = self._spis(kind)
        _together(asked)

        def done() -> bool:
            return self._agree() and not old & self._spis(kind)

        wait_for(done, _SETTLING, f"new SPIs at both ends ({kind})")

    def _talk(self, octets: int) -> None:
        lost = [self.lab.ping(*pair, 5, 0.01, octets) for pair in self._pairs(every=True)]
        assert not any(lost), f"pings of {octets} octets lost, of 5 each: {lost}"

    # ---- what holds ----

    def _settle(self) -> None:
        after = self.story.after

        def settled() -> bool:
            view = self._ours.see()
            at_peer = len(self._peer.children()) if self._peer_lives else after.children
            return (
                view.state.value == after.state
                and len(view.children) == after.children == at_peer
                and (not self._peer_lives or self._agree())
            )

        try:
            wait_for(settled, _SETTLING, "the state that has to hold")
        except LabError as error:
            raise LabError(f"{error}: {after}\nours: {self._ours.see()}") from error

    def _judge(self) -> None:
        story, after, view = self.story, self.story.after, self._ours.see()
        told = (("children", after.spis, self._before[0], self._ours.children()),
                ("IKE SA", after.ike_spis, self._before[1], self._ours.ikes()))  # fmt: skip
        for what, wanted, old, new in told:
            if wanted:
                same = old == new
                assert same == (wanted == "same"), f"{what}: {wanted} wanted: {old} -> {new}"
        shown = asdict(view)
        for key, wanted in after.view.items():
            assert _fits(shown[key], wanted), f"{key}: {wanted} wanted: {shown[key]}"
        for child in shown["children"]:
            for key, wanted in after.child.items():
                assert _fits(child[key], wanted), f"child's {key}: {wanted} wanted: {child[key]}"
        for side, found, never in (
            (self._ours, after.ours_log, after.never_ours_log),
            (self._peer, after.peer_log, after.never_peer_log),
        ):
            for pattern in found:
                self._await(side, pattern, _LOGGING)
            for pattern in never:
                assert not re.search(pattern, side.log), f"in the log of {side}: {pattern}"
        for pattern in after.peer_sas:
            assert isinstance(self._peer, Swan), f"{story.name}: peer_sas is of strongSwan"
            listed = self._peer.swan.list_sas()
            assert re.search(pattern, listed), f"not in the peer's SAs: {pattern}\n{listed}"

    def _judge_streams(self, streams: Sequence[Stream]) -> None:
        for stream in streams:
            told = f"{stream.lost} of {stream.sent} pings lost, longest gap {stream.gap:.2f} s"
            if self.story.gap_s:
                assert stream.gap <= self.story.gap_s, told
            else:
                assert stream.lost <= self.story.lost, told

    def _judge_wire(self, wires: dict[str, Capture], nevers: dict[str, Capture]) -> None:
        for pattern, capture in wires.items():
            assert packets(capture.stop()), f"never on the wire: {pattern}"
        for pattern, capture in nevers.items():
            caught = packets(capture.stop())
            assert not caught, f"on the wire: {pattern}: {caught[:5]}"

    # ---- asking ----

    @property
    def _peer_lives(self) -> bool:
        steps = [(step.verb, step.words) for step in self.story.steps]
        deaths = [n for n, one in enumerate(steps) if one == ("kill", ("peer",))]
        births = [n for n, one in enumerate(steps) if one == ("restart", ("peer",))]
        return max(births, default=-1) >= max(deaths, default=-1)

    def _agree(self) -> bool:
        ours, theirs = self._ours.children(), self._peer.children()
        mirrored = frozenset((out, into) for into, out in theirs)
        return mirrored == ours and self._ours.ikes() == self._peer.ikes()

    def _spis(self, kind: str) -> frozenset[object]:
        return frozenset(self._ours.children() if kind == "child" else self._ours.ikes())

    def _side(self, word: str) -> Side:
        return self._ours if word == "ours" else self._peer

    def _sides(self, word: str) -> list[Side]:
        return [self._ours, self._peer] if word == "both" else [self._side(word)]

    def _await(self, side: Side, pattern: str, seconds: float) -> None:
        wait_for(lambda: re.search(pattern, side.log), seconds, f"in the log: {pattern}")

    def _pairs(self, *, every: bool = False) -> list[tuple[str, str]]:
        """Return who pings whom; a kernel peer is pinged only, as a machine of its own."""
        if self.story.between == "gateways":
            back = [] if self.story.peer == "kernel" else [("gb", self.lab.outer("ga"))]
            return [("ga", self.lab.outer("gb")), *back]
        to_b = [HOST_B, *self.story.hosts_b] if every else [HOST_B]
        to_a = [HOST_A, *self.story.hosts_a] if every else [HOST_A]
        return [*(("ca", one) for one in to_b), *(("cb", one) for one in to_a)]

    @contextlib.contextmanager
    def _streams(self) -> Iterator[list[Stream]]:
        with contextlib.ExitStack() as stack:
            pairs = self._pairs() if self.story.stream else []
            yield [
                stack.enter_context(Stream(self.lab[name], target, _INTERVAL))
                for name, target in pairs
            ]


def _together(asked: Sequence[tuple[Callable[[str], None], str]]) -> None:
    """Do all at once."""
    with ThreadPoolExecutor() as pool:
        for one in [pool.submit(act, word) for act, word in asked]:
            one.result()


def _move(side: Side, address: str, *, gently: bool) -> None:
    """Give an end another address: at once, or so that both serve while routes lead to the new."""
    old, side.address = side.address, address
    side.ip("address", "add", f"{address}/24", "dev", "wan")
    if gently:
        side.ip("route", "replace", "10.99.0.0/24", "dev", "wan", "src", address)
        time.sleep(_OVERLAP)
    side.ip("address", "del", f"{old}/24", "dev", "wan")


def _fits(shown: object, wanted: object) -> bool:
    if isinstance(wanted, str) and isinstance(shown, str):
        return re.fullmatch(wanted, shown) is not None
    return shown == (tuple(wanted) if isinstance(wanted, list) else wanted)


def _require(story: Story) -> None:
    require("nft", "tcpdump", "ip", "charon-systemd", "swanctl")
    if story.relay:
        require("ethtool")
    if story.peer == "kernel":
        require_kernel_peer()
