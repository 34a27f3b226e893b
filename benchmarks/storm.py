"""What 200 handshakes a second cost the packets of an established tunnel."""

import os
import time
from collections import defaultdict
from collections.abc import Callable
from contextlib import ExitStack
from typing import Final, TypeAlias

from benchmarks.loads import MSS, Udp, of_tcp, udp
from benchmarks.many_peers import Down, Peers, Up
from benchmarks.pairs import ESP, Pair, need
from benchmarks.processes import cpu_seconds
from benchmarks.storm_lab import PEERS, RATE, Crowd, Storm, setup
from benchmarks.table import Cell, Goal, Table, Tell, ratios
from benchmarks.wish import Wish

Found: TypeAlias = dict[str, float]

_PROCESSORS: Final = os.cpu_count() or 1
_SIZE: Final = 1300
_LEAST: Final = 60  # Mbit/s
_WARM: Final = range(40)
_RAMP: Final = 0.5  # seconds of storm before anything is measured
_TOLD: Final = 1.2  # seconds until counters are surely told
_DONE: Final = "IKE SA established"
_FIRST: Final = -5  # nice(2) of the peers: who storms us elsewhere has processors of his own
_KEYS: Final = {
    "TCP, 1 stream, Mbit/s": ("rate", 0),
    "worker's CPU, µs": ("worker", 2),
    "handshakes/s": ("handshakes", 0),
    "CPU of daemon and generator, %": ("others", 1),
    "throughput lost beyond that, points": ("beyond", 1),
    "UDP at half rate, lost, %": ("lost", 2),
    "UDP at half rate, queue_full": ("queue_full", 0),
}
_WORKER: Final = Goal("≤ 1.10", 1.10, at_most=True)
_GOALS: Final = {
    "beyond": Goal("≤ 5 points", 5, at_most=True),
    "queue_full": Goal("none", 0, at_most=True),
}


def run(wish: Wish, tell: Tell) -> Table:
    """Send TCP, then UDP at half its highest rate, with and without the storm, once a round."""
    need("iperf3", "ping", "ip")
    quiet, stormy = defaultdict[str, list[float]](list), defaultdict[str, list[float]](list)
    with ExitStack() as stack:
        tell(f"a gateway that knows {PEERS:,} peers")
        pair = stack.enter_context(Pair("ikebana", "ikebana", setup()))
        peers = stack.enter_context(Peers(Crowd(pair.lab["crowd"]), PEERS))
        os.setpriority(os.PRIO_PROCESS, peers.pid, _FIRST)
        pair.connect()
        peers.ask(Up(_WARM, 8))  # the first ones meet cold code
        peers.ask(Down(_WARM))
        tell("the highest rate of UDP")
        half = Udp(wish, _SIZE, _LEAST)(pair)["rate"] / 2
        for number in range(wish.rounds):
            tell(f"round {number + 1} of {wish.rounds}")
            works: list[Callable[[], Found]] = [
                lambda: _tcp(pair, wish.seconds),
                lambda: _udp(pair, wish.udp_seconds, half),
            ]
            for work in works:
                for is_storm in (False, True) if number % 2 == 0 else (True, False):
                    found = _in_storm(pair, peers, work) if is_storm else work()
                    for key, value in found.items():
                        (stormy if is_storm else quiet)[key].append(value)
    for calm, rate, others in zip(quiet["rate"], stormy["rate"], stormy["others"], strict=True):
        stormy["beyond"].append(100 * (1 - rate / calm) - others)
    rows = {}
    for name, (key, digits) in _KEYS.items():
        both = ratios(stormy[key], quiet[key]) if key in ("rate", "worker") else ()
        rows[name] = (
            Cell(tuple(quiet[key]), digits),
            Cell(tuple(stormy[key]), digits, _GOALS.get(key)),
            Cell(both, 2, _WORKER if key == "worker" else None),
        )
    title = f"A storm of {RATE:g} handshakes a second, {ESP} in UDP"
    return Table("storm", title, ("quiet", "storm", "ratio"), rows, _NOTES)


def _in_storm(pair: Pair, peers: Peers, work: Callable[[], Found]) -> Found:
    """Do it in the storm; tell of the storm, too, what came of it meanwhile."""
    gateway = pair.ours()[0].gateway
    daemon = gateway.pid
    with Storm(peers):
        time.sleep(_RAMP)
        done = gateway.log.count(_DONE)
        began, cpu = time.monotonic(), cpu_seconds((daemon, peers.pid))
        found = work()
        if "rate" not in found:
            return found
        took = time.monotonic() - began
        return found | {
            "handshakes": (gateway.log.count(_DONE) - done) / took,
            "others": 100 * (cpu_seconds((daemon, peers.pid)) - cpu) / took / _PROCESSORS,
        }


def _tcp(pair: Pair, seconds: float) -> Found:
    worker = pair.ours()[0].worker
    before = cpu_seconds((worker,))
    found = pair.iperf(seconds)
    spent = cpu_seconds((worker,)) - before
    packets = found["end"]["sum_received"]["bytes"] / MSS
    return {"rate": of_tcp(found)["rate"], "worker": spent * 1e6 / packets}


def _udp(pair: Pair, seconds: float, rate: float) -> Found:
    before = _queue_full(pair)
    found = udp(pair, seconds, _SIZE, rate)
    time.sleep(_TOLD)
    return {"lost": found["lost"], "queue_full": _queue_full(pair) - before}


def _queue_full(pair: Pair) -> int:
    """Return how many packets both gateways have dropped for want of room."""
    return sum(end.client.counters()["queue_full"] for end in pair.ours())


_NOTES: Final = (
    f"Gateway A of our pair sends and is stormed, by one process with {PEERS:,} peers in a "
    "namespace of its own before it, which has the processors first.  The worker is A's; CPU a "
    "packet of data.  Handshakes: those that were done while TCP was measured.",
    "CPU of daemon and generator: of A's daemon and of the peers' process, as a share of all "
    "processors.  Beyond that: the loss of throughput in per cent less that share.",
)
