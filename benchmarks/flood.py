"""What 50,000 forged ESP packets a second cost legitimate traffic, ours and strongSwan's.

forger, too, is 10.99.0.1  ── flood ──  gb  ── wan ──  10.99.0.1 ga      (hosts ca and cb)
"""

import json
import re
import sys
import time
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from typing import Final

from benchmarks.loads import Sample, Test
from benchmarks.pairs import ESP, OURS, THEIRS, Ours, Pair, need
from benchmarks.streams import run_streams
from benchmarks.table import Cell, Goal, Table, Tell, ratios
from benchmarks.turns import Samples, open_pairs, take
from benchmarks.wish import Wish
from tests.lab.topology import Lab, LabError
from tundev.namespaces import end

_RATE: Final = 50_000.0  # packets a second
_RAMP: Final = 0.5  # seconds of flood before anything is measured
_TOLD: Final = 1.2  # seconds until counters are surely told
_LEAST: Final = 0.01  # per cent: what is kept is not nothing, so that a ratio exists
_SIDES: Final = (("10.1.0.2", "10.2.0.2"),)
_QUIET: Final = "quiet"
_SIZES: Final = (124, 1436)
"""Octets of a forged packet: a small one, and one like those of the stream."""
_KEPT: Final = Goal("≥ 1: it costs no more than strongSwan's", 1.0)
_NONE: Final = Goal("none", 0, at_most=True)
_SPI: Final = re.compile(r"^\s+in\s+([0-9a-f]{8})", re.MULTILINE)
_STRANGERS: Final = """table inet strangers {
chain arriving {
type filter hook prerouting priority raw;
iifname { "lan", "wan", "flood", "lo" } accept
ip saddr 10.1.0.2 ip daddr 10.2.0.2 accept
counter
}
}"""
_COUNTED: Final = re.compile(r"counter packets (\d+)")


def run(wish: Wish, tell: Tell) -> Table:
    """Send TCP through both pairs, with and without the flood, once a round."""
    need("charon-systemd", "swanctl", "ping", "nft")
    tests: dict[str, Test] = {
        _QUIET: lambda pair: {"rate": _stream(pair.lab, wish.seconds)[0]},
        **{_flood(size): partial(_flooded, wish.seconds, size) for size in _SIZES},
    }
    with ExitStack() as stack:
        setups = {
            "ours": replace(OURS, prepare=_prepare),
            "swan": replace(THEIRS, prepare=_prepare),
        }
        pairs = open_pairs(stack, {n: one for n, one in setups.items() if wish.pair(n)}, tell)
        samples = take(wish.everything(), tests, pairs, tell)
    rows = {f"{test}, Mbit/s": samples.row(test, "ours", "swan", ("rate",), 0) for test in tests}
    for flood in map(_flood, _SIZES):
        rows |= _rows(samples, flood)
    title = f"{_RATE:,.0f} forged packets a second to a live SPI, TCP, 1 stream, {ESP} in UDP"
    return Table("flood", title, ("ours", "swan", "ratio"), rows, (*_NOTES, *samples.failures))


def _flood(size: int) -> str:
    return f"{size} B"


def _rows(samples: Samples, flood: str) -> dict[str, tuple[Cell, ...]]:
    """Return what one size of forged packets did."""
    ours, theirs = (_kept(samples, flood, name) for name in ("ours", "swan"))
    rows: dict[str, tuple[Cell, ...]] = {}
    rows[f"{flood}, kept, %"] = (Cell(ours), Cell(theirs), Cell(ratios(ours, theirs), 2, _KEPT))
    for name, key, goal in (
        ("forged, sent, 1/s", "sent", None),
        ("forged, refused by the check, 1/s", "refused", None),
        ("wrong packets let in", "strange", _NONE),
        ("wrong octets in the stream", "wrong", _NONE),
    ):
        found = [samples.found.get((flood, pair), ()) for pair in ("ours", "swan")]
        cells = [Cell(tuple(one[key] for one in some if one), 0, goal) for some in found]
        rows[f"{flood}, {name}"] = (*cells, Cell(()))
    return rows


def _kept(samples: Samples, flood: str, pair: str) -> tuple[float, ...]:
    """Return what was left of the rate, in per cent, round by round."""
    quiet, flooded = (samples.of(test, pair, "rate") for test in (_QUIET, flood))
    return tuple(
        max(_LEAST, 100 * less / full) for full, less in zip(quiet, flooded, strict=True) if full
    )


def _flooded(seconds: float, size: int, pair: Pair) -> Sample:
    """Send TCP while forged packets come in at gateway B."""
    log = pair.lab.folder / "forger.log"
    log.unlink(missing_ok=True)
    us = [sys.executable, "-m", "benchmarks.forger", pair.lab.outer("ga"), pair.lab.outer("gb")]
    strange, refused = _strangers(pair.lab), _refused(pair)
    forger = pair.lab.spawn("forger", [*us, str(_live_spi(pair)), str(size), f"{_RATE:g}"], log)
    try:
        time.sleep(_RAMP)
        rate, wrong = _stream(pair.lab, seconds)
    except LabError:  # not even a connection came through
        rate, wrong = 0.0, 0
    finally:
        end(forger)
    time.sleep(_TOLD)
    told = json.loads(log.read_text())
    return {
        "rate": rate,
        "wrong": float(wrong),
        "sent": told["sent"] / told["seconds"],
        "refused": (_refused(pair) - refused) / told["seconds"],
        "strange": float(_strangers(pair.lab) - strange),
    }


def _stream(lab: Lab, seconds: float) -> tuple[float, int]:
    found = run_streams(lab, seconds, _SIDES)
    return found.rate, found.wrong


def _live_spi(pair: Pair) -> int:
    """Return where gateway B takes packets of the tunnel."""
    if isinstance(pair.b, Ours):
        (connection,) = pair.b.client.status().connections
        return connection.children[0].inbound_spi
    spi = _SPI.search(pair.b.swan.list_sas())
    if spi is None:
        raise LabError("no SPI in swanctl --list-sas")
    return int(spi[1], 16)


def _refused(pair: Pair) -> int:
    """Return how many packets B has refused for their ICV, as it tells itself."""
    if isinstance(pair.b, Ours):
        return pair.b.client.counters()["integrity"]
    return pair.b.swan.log.count("ICV verification failed")


def _strangers(lab: Lab) -> int:
    """Return how many packets have come out of B's tunnel that nobody sent."""
    counted = _COUNTED.search(lab.check("gb", ["nft", "list", "table", "inet", "strangers"]))
    return int(counted[1]) if counted else 0


def _prepare(lab: Lab) -> None:
    forger = lab.spaces.add("forger")
    forger.veth("flood", lab["gb"], "flood")
    forger.address("lo", f"{lab.outer('ga')}/32")
    forger.route(f"{lab.outer('gb')}/32", dev="flood")
    lab.nft("gb", _STRANGERS)


_NOTES: Final = (
    "The forger has the peer's address and port, on a wire of its own to gateway B; its sequence "
    "numbers are ahead, its packets random, small or as large as the stream's.  Kept: the rate "
    "under the flood by the quiet one; less than 0.01 % counts as that.  strongSwan, at its usual "
    "level, logs each packet that it refuses; ours counts them.",
    "Let in: packets that leave B's tunnel and were not sent into it by A's host; octets of the "
    "stream that are not what was sent.",
)
