"""The parts that both demonstrations show alike."""

from collections.abc import Iterable
from typing import Final

from ikebana.cli.screens import details
from ikebana.control.view import ConnectionView, GatewayView, StatusView
from ikebana.demo.ping import Echo
from ikebana.demo.show import WIDTH, Screen
from ikebana.demo.speed import Interval, bar, mean
from ikebana.demo.tally import Tally

_WHOLE: Final = 0.9  # seconds: what is shorter is the rest, and only in the mean

__all__ = ["show_pings", "show_proof", "show_sas", "show_speed"]


def show_sas(screen: Screen, name: str, view: ConnectionView) -> None:
    """Print one gateway's SAs as `ikebana status NAME` does."""
    screen.heading(f"The SAs of {name}: ikebana status {view.name}")
    screen.lines(details(StatusView(GatewayView(name), (view,)), screen.paint, WIDTH), "")


def show_pings(screen: Screen, origin: str, echoes: Iterable[Echo]) -> bool:
    """Print pings as they come; tell whether all were answered."""
    times: list[float] = []
    lost = 0
    for echo in echoes:
        screen.line(f"  {origin} → {echo}")
        if echo.ms is None:
            lost += 1
        else:
            times.append(echo.ms)
    if lost:
        screen.bad(f"{lost} of {lost + len(times)} pings got no answer")
        return False
    return bool(times)


def show_speed(screen: Screen, intervals: Iterable[Interval]) -> float:
    """Print seconds as they pass; return the mean in Mbit/s."""
    seen: list[Interval] = []
    scale = 0.0
    for one in intervals:
        scale = scale or one.mbit * 1.25  # the first second sets the scale
        seen.append(one)
        if one.seconds > _WHOLE:
            screen.line(f"  {bar(len(seen), one.mbit, scale)}")
    found = mean(seen)
    if not found:
        screen.bad("nothing came through")
    return found


def show_proof(screen: Screen, tally: Tally) -> bool:
    """Print what the wire carried; tell whether it was IKE and ESP alone."""
    screen.lines(tally.lines())
    problems = tally.problems()
    for one in problems:
        screen.bad(one)
    if not problems:
        screen.good("the wire carried only IKE and ESP, and nothing in clear")
    return not problems
