"""Our pair with other transforms and without its means, each beside strongSwan's pair."""

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Final, NamedTuple

from benchmarks.loads import tcp
from benchmarks.pairs import ESP, OURS, THEIRS, Pair, Setup, need
from benchmarks.table import Cell, Goal, Table, Tell
from benchmarks.turns import Samples, open_pairs, take
from benchmarks.wish import Wish
from tests.lab.topology import LabError


class _Variant(NamedTuple):
    """How our pair is set up, which of strongSwan's it stands beside, and what it has to reach."""

    setup: Setup
    beside: str = ESP
    goal: Goal | None = None


_CBC: Final = ("aes128-sha1", "aes128-sha256")
_CBC_GOAL: Final = Goal("≥ 2.9", 2.9)
_PLAIN_GOAL: Final = Goal("≥ 2.5", 2.5)
_VARIANTS: Final = {
    ESP: _Variant(OURS),
    **{esp: _Variant(Setup(esp=esp), esp, _CBC_GOAL) for esp in _CBC},
    "without numpy": _Variant(Setup(tables="[gateway.lab]\nvectors = false"), goal=_PLAIN_GOAL),
    "offload off": _Variant(Setup(gateway='offload = "off"')),
    "protocol 50": _Variant(Setup(encap=False)),
}
_TEST: Final = "TCP, 1 stream"


def run(wish: Wish, tell: Tell) -> Table:
    """Send one TCP stream through every pair once a round; ``only`` names variants."""
    need("charon-systemd", "swanctl", "iperf3", "ping")
    notes = [*_NOTES]
    variants = {name: one for name, one in _VARIANTS.items() if wish.test(name)}
    swans = dict.fromkeys(one.beside for one in variants.values())
    with ExitStack() as stack:
        pairs: dict[str, Pair] = {}
        for name, one in variants.items():
            if wish.pair("ours"):
                try:
                    pairs |= open_pairs(stack, {name: one.setup}, tell)
                except LabError as error:
                    reason = str(error).strip().splitlines()[-1]
                    notes.append(f"{name} could not be measured: {reason}")
        if wish.pair("swan"):
            setups = {_swan(esp): Setup(THEIRS.a, THEIRS.b, esp=esp) for esp in swans}
            pairs |= open_pairs(stack, setups, tell)
        samples = take(wish.everything(), {_TEST: tcp(wish)}, pairs, tell)
    rows = {name: row for one in variants for name, row in _rows(samples, one)}
    title = "Other ways through the tunnel, TCP, 1 stream"
    return Table("variants", title, ("ours", "swan", "ratio"), rows, (*notes, *samples.failures))


def _rows(samples: Samples, name: str) -> Iterator[tuple[str, tuple[Cell, ...]]]:
    variant = _VARIANTS[name]
    swan = _swan(variant.beside)
    yield f"{name}, Mbit/s", samples.row(_TEST, name, swan, ("rate",), 0, variant.goal)
    yield f"{name}, CPU sending, µs", samples.row(_TEST, name, swan, ("a",), 2)
    yield f"{name}, CPU receiving, µs", samples.row(_TEST, name, swan, ("b",), 2)


def _swan(esp: str) -> str:
    return f"swan, {esp}"


_NOTES: Final = (
    "strongSwan's pair has the same transform, and always ESP in UDP; ours, too, but in the "
    "rows of protocol 50, which has neither GSO nor GRO.",
    "Without numpy: `[gateway.lab] vectors = false`.  Offload off: one packet at a time, for a "
    "system that has none of the offloads.",
)
