"""A failing plan, made as small as it can be and drawn for a person to read."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TypeVar

from ikebana.render.ladder import ladder
from ikecore.trace import MessageTraced
from policy.path import Path

from .hosts import ADDRESS
from .plan import ENDS, Plan, Wish
from .scene import Network
from .wire import OTHER, Letter

WIDTH = 120
T = TypeVar("T")
Words = Callable[[Network, Letter], tuple[str, tuple[str, ...]]]
"""Return a letter's exchange and what it says, as labels."""


def shrink(plan: Plan, fails: Callable[[Plan], bool]) -> Plan:
    """Return a plan that still fails, and of which nothing can be left out."""
    while (less := next(filter(fails, _smaller(plan)), None)) is not None:
        plan = less
    return plan


def _smaller(plan: Plan) -> Iterator[Plan]:
    if plan.jitter:
        yield replace(plan, jitter=0.0)
    if plan.pfs:
        yield replace(plan, pfs=False)
    if plan.senders != ENDS:
        yield replace(plan, senders=ENDS)
    if plan.window > 1:
        yield replace(plan, window=1)
    if plan.children > 1:
        yield replace(plan, children=1, wishes=tuple(replace(w, which=0) for w in plan.wishes))
    for less in _shorter(plan.mischief):
        yield replace(plan, mischief=less)
    for fewer in _shorter(plan.wishes):
        yield replace(plan, wishes=fewer)


def _shorter(items: tuple[T, ...]) -> Iterator[tuple[T, ...]]:
    """Leave out halves first, then quarters, in the end one by one."""
    size = len(items)
    while size > 0:
        for at in range(0, len(items), size):
            yield items[:at] + items[at + size :]
        size //= 2


def report(plan: Plan, why: str, net: Network | None, words: Words) -> str:
    """Return what a person wants to read of a failing plan."""
    kind = (
        f"{plan.initiator} initiated; window {plan.window}; {'PFS' if plan.pfs else 'no PFS'}; "
        f"{plan.children} child(ren); packets of {' and '.join(plan.senders)}"
    )
    head = [f"seed {plan.seed}: {why}", "", kind]
    if net is None:
        return "\n".join([*head, *map(str, plan.wishes)])
    return "\n".join([*head, *drawing(net, words, plan.wishes), *mishaps(net)])


def drawing(net: Network, words: Words, wishes: tuple[Wish, ...] = ()) -> list[str]:
    """Return the ladder of all that was on the wire, lost messages too, and what was asked."""
    head, *lines = ladder(
        [_record(net, words, *entry) for entry in net.letters], "moon", "sun", WIDTH
    )
    told = [(letter.at, 1, line) for (letter, _), line in zip(net.letters, lines, strict=True)]
    told += [(wish.at, 0, f"* {wish}") for wish in wishes]
    return [head, *(line for _, _, line in sorted(told, key=lambda one: one[:2]))]


def mishaps(net: Network) -> list[str]:
    """Return which packets did not get through, a few of many."""
    told = [
        f"{packet.sent_at:.3f} {packet.sender}'s packet finds no SPI {_short(spi)}"
        for packet in net.traffic.lost
        for spi in (packet.child.outbound_spi,)
    ]
    told += [f"{at:.3f} {name} has no child for a packet" for at, name in net.traffic.blocked]
    return told if len(told) <= 6 else [*told[:5], f"... {len(told) - 5} more"]


def _record(net: Network, words: Words, letter: Letter, arrivals: list[float]) -> MessageTraced:
    """Return a letter as if moon had traced it; its labels tell when it left and came."""
    name, labels = words(net, letter)
    came = ", ".join(f"{at:.3f}" for at in arrivals) or "LOST"
    path = Path((ADDRESS[letter.sender], 500), (ADDRESS[OTHER[letter.sender]], 500))
    return MessageTraced(
        "net",
        letter.spis[0],
        letter.sender == "moon",
        name,
        letter.response,
        letter.message_id,
        (f"{letter.at:.3f} → {came}", f"of {letter.spis[0].hex()[:4]}:", *labels),
        letter.data + bytes((letter.copy,)),  # copies are told apart by their times
        path,
    )


def _short(spi: int) -> str:
    return f"{spi:08x}"[:4]
