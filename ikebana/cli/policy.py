"""What ``policy explain`` prints: the policies in order, why not, which one, and what follows."""

from collections.abc import Iterator, Sequence
from typing import Final

from ikebana.cli.paint import Paint
from ikebana.control.view import ConsideredView, ExplainView
from ikebana.render.text import clean, fit

PLAIN: Final = Paint()
_MOST: Final = 14  # policies on one screen
_FAR: Final = frozenset(("nothing", "version", "source", "target"))
_COLOURS: Final = {"sealed": "green", "clear": "yellow", "dropped": "red"}
_WAYS: Final = {
    "tunnel": "into the tunnel device",
    "clear": "past the tunnels",
    "prohibited": "nowhere: a routing rule prohibits it",
    "unreachable": "nowhere: its target is unreachable",
    "local": "to this host itself",
    "refused": "nowhere: it takes no such packet",
    "unknown": "unknown: the kernel did not answer",
}


def explained(view: ExplainView, paint: Paint = PLAIN, width: int = 80) -> list[str]:
    """Return a page about one packet; lines that name policies have at most ``width`` columns."""
    return list(_lines(view, paint, width))


def _lines(view: ExplainView, paint: Paint, width: int) -> Iterator[str]:
    yield paint(fit(view.packet, width), "bold")
    yield ""
    yield "Policies, in order; the first that matches decides:"
    shown = _shown(view.considered)
    room = min(max((len(one.name) for one in shown if one is not None), default=0), 24)
    skipped = len(view.considered) - sum(one is not None for one in shown)
    for one in shown:
        if one is None:
            yield fit(f"  …  {skipped} more, whose addresses do not fit", width)
            continue
        name = f"{fit(one.name, room):<{room}}"
        said = "yes" if one.hit else f"no: {one.why}"
        text = fit(f"{name}  {one.action:<7}  {said}", width - 4)
        yield (paint(f"  > {text}", "bold") if one.hit else f"    {text}")
    if view.selectors:
        yield fit(f"      {view.selectors}", width)
    if view.policy == "default" and not any(one.hit for one in view.considered):
        yield "    none matches: what comes to the tunnel device all the same is dropped"
    yield ""
    device = f" ({clean(view.device)})" if view.device else ""
    yield f"The kernel sends it {_WAYS.get(view.way, clean(view.way))}{device}."
    fate = paint(clean(view.fate), _COLOURS.get(view.fate, ""))
    counter = f", counted as {clean(view.counter)}" if view.counter else ""
    yield f"Outcome: {fate}{counter}"
    yield from (f"  {clean(line)}" for line in view.lines)


def _shown(considered: Sequence[ConsideredView]) -> list[ConsideredView | None]:
    """Return what fits on the screen, None once where some were left out: the far ones first."""
    if len(considered) <= _MOST:
        return list(considered)
    near = [one for one in considered if one.hit or one.part not in _FAR][-_MOST:]
    far = [one for one in considered if not one.hit and one.part in _FAR]
    return [*far[: _MOST - len(near)], None, *near]
