"""1,000 children installed: what one flow, many flows and very many flows get beside a bare pair.

Five connections with 10 local and 20 remote networks each, every pair of them a mapping with a
child of its own, beside the connection that the bare pair has, too.
"""

from contextlib import ExitStack
from dataclasses import replace
from typing import Final

from benchmarks.iperf import Run
from benchmarks.loads import MSS, Sample, Test, of_tcp, sample, tcp
from benchmarks.pairs import ESP, OURS, Pair, Setup, connection, need
from benchmarks.streams import run_streams
from benchmarks.table import Cell, Goal, Table, Tell, ratios
from benchmarks.turns import open_pairs, take
from benchmarks.wish import Wish
from tests.lab.topology import Lab

_CONNECTIONS: Final = 5
_LOCAL: Final = 10
_REMOTE: Final = 20
_CHILDREN: Final = _CONNECTIONS * _LOCAL * _REMOTE
_NAMES: Final = tuple(f"m{number}" for number in range(_CONNECTIONS))
_FLOWS: Final = 128
_SAS: Final = 100
_IPERFS: Final = 8
_EACH: Final = 125
_BARE: Final = "the bare pair's one flow"
_LINES: Final = ("per_mapping_sa = true", 'routing_mode = "policy"')
_QUOTAS: Final = "[gateway.quotas]\nmappings_per_gateway = 2000"
_GOALS: Final = {
    "1 flow": Goal("≥ 0.95 of the bare pair's", 0.95),
    f"{_FLOWS} flows over {_SAS} SAs": Goal("≥ 0.5 of the bare pair's one", 0.5),
    f"{_IPERFS * _EACH:,} flows, {_IPERFS} iperf3": None,
}


def run(wish: Wish, tell: Tell) -> Table:
    """Send TCP through both pairs once a round."""
    need("iperf3", "ping")
    one, many, very_many = _GOALS
    tests: dict[str, Test] = {
        one: lambda pair: _one(pair, wish.seconds),
        many: lambda pair: _many(pair, wish.seconds),
        very_many: lambda pair: _very_many(pair, wish.seconds),
    }
    chosen: dict[str, Test] = {name: test for name, test in tests.items() if wish.test(name)}
    with ExitStack() as stack:
        pairs = open_pairs(stack, {"bare": OURS, "full": _setup()}, tell)
        tell(f"{_CHILDREN:,} children")
        end, _ = pairs["full"].ours()
        for name in _NAMES:
            end.up(name)
        installed = sum(len(each.children) for each in end.client.status().connections)
        where = dict.fromkeys(chosen, ("full",)) | {_BARE: ("bare",)}
        found = take(wish.everything(), {_BARE: tcp(wish)} | chosen, pairs, tell, where)
    rows: dict[str, tuple[Cell, ...]] = {}
    for name in chosen:
        for quantity, keys, digits in (("Mbit/s", ("rate",), 0), ("CPU, µs", ("a", "b"), 2)):
            both = ratios(found.of(name, "full", *keys), found.of(_BARE, "bare", *keys))
            rows[f"{name}, {quantity}"] = (
                found.cell(_BARE, "bare", *keys, digits=digits),
                found.cell(name, "full", *keys, digits=digits),
                Cell(both, 2, _GOALS[name] if quantity == "Mbit/s" else None),
            )
    columns = ("bare, 1 flow", "full", "ratio")
    title = f"TCP with {installed:,} children installed, {ESP} in UDP"
    return Table("mappings", title, columns, rows, (*_NOTES, *found.failures))


# -- what is sent ---------------------------------------------------------------------------------
def _one(pair: Pair, seconds: float) -> Sample:
    """Send on the last mapping of the last connection."""
    ends = (_here(_LOCAL - 1), _there(_CONNECTIONS * _REMOTE - 1))
    (found,) = pair.iperfs(seconds, [Run((), *ends)])
    return of_tcp(found)


def _many(pair: Pair, seconds: float) -> Sample:
    """Send on many flows; each SA has one before any has its second."""
    ends = [(_here(n % _LOCAL), _there(n % _SAS)) for n in range(_FLOWS)]
    before = pair.cpu()
    rate = run_streams(pair.lab, seconds, ends).rate
    cpu = [now - then for now, then in zip(pair.cpu(), before, strict=True)]
    return sample(rate, cpu, rate * 1e6 / 8 * seconds / MSS)


def _very_many(pair: Pair, seconds: float) -> Sample:
    """Send on more flows than any memory of them should mind."""
    options = ("-P", str(_EACH))
    runs = [Run(options, _here(n), _there(n * _LOCAL)) for n in range(_IPERFS)]
    found = [of_tcp(one) for one in pair.iperfs(seconds, runs)]
    rate = sum(one["rate"] for one in found)
    # every one of them was told the CPU of all
    first = found[0]
    return {"rate": rate, **{key: first[key] * first["rate"] / rate for key in ("a", "b")}}


# -- where it goes --------------------------------------------------------------------------------
def _setup() -> Setup:
    """Return our pair with the five connections more, and their networks behind it."""
    return replace(OURS, tables=_QUOTAS, more=_more, prepare=_prepare)


def _more(lab: Lab, name: str) -> str:
    texts = []
    for number, tunnel in enumerate(_NAMES):
        here = [_net(_here(n)) for n in range(_LOCAL)]
        there = [_net(_there(number * _REMOTE + n)) for n in range(_REMOTE)]
        ends = (here, there) if name == "ga" else (there, here)
        texts.append(connection(lab, name, tunnel, *ends, OURS, *_LINES))
    return "".join(texts)


def _prepare(lab: Lab) -> None:
    for number in range(_LOCAL):
        lab["ca"].address("lan", f"{_here(number)}/32")
    for number in range(_CONNECTIONS * _REMOTE):
        lab["cb"].address("lan", f"{_there(number)}/32")
    lab["ga"].route("10.3.0.0/16", via="10.1.0.2")
    lab["gb"].route("10.4.0.0/16", via="10.2.0.2")


def _here(number: int) -> str:
    return f"10.3.{number}.2"


def _there(number: int) -> str:
    return f"10.4.{number}.2"


def _net(address: str) -> str:
    return f"{address.rpartition('.')[0]}.0/24"


_NOTES: Final = (
    f"Full: {_CONNECTIONS} connections of {_LOCAL} x {_REMOTE} mappings, each with a child of its "
    "own, in the same two gateways; its one flow takes the last mapping.  Bare: one mapping, one "
    "child.",
    f"{_FLOWS} flows: one process on each side with as many sockets; {_IPERFS} iperf3 have "
    f"{_EACH} streams each.  CPU: of both gateways, a packet of data.",
)
