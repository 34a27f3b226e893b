"""Which demonstration can run here, and how it ends."""

import argparse
import os
import sys
from collections.abc import Sequence
from typing import Final

from ikebana.demo.interrupts import Interrupted, Interrupts
from ikebana.demo.needs import lacking
from ikebana.demo.show import Screen

_SECONDS: Final = 10.0
_SECONDS_IN_MEMORY: Final = 3.0
_MOST: Final = 3600.0


def main(argv: Sequence[str] | None = None) -> int:
    """Run it; return 0 only if all of it worked."""
    asked = _arguments(argv)
    screen = Screen(sys.stdout)
    screen.line("ikebana: a tunnel between two of its own gateways")
    try:
        with Interrupts() as interrupts:
            with interrupts.shielded():
                why = "as asked" if asked.memory else lacking()
            if why:
                worked = _in_memory(screen, why, asked.seconds or _SECONDS_IN_MEMORY)
            else:
                from ikebana.demo.real import demonstrate

                worked = demonstrate(screen, interrupts, asked.seconds or _SECONDS)
    except Interrupted as end:
        screen.bad(f"ended by {end}")
        return 128 + end.number
    except BrokenPipeError:
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115 - for what the interpreter flushes last
        return 1
    screen.line()
    screen.line(screen.paint("All of it worked.", "green") if worked else "It did not work.")
    return 0 if worked else 1


def _in_memory(screen: Screen, why: str, seconds: float) -> bool:
    from ikebana.demo.memory import demonstrate

    screen.line(f"In one process over in-memory devices, not in network namespaces ({why})")
    return demonstrate(screen, seconds)


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m ikebana.demo", description=__doc__)
    parser.add_argument("--seconds", type=_seconds, help="of throughput (10; in memory 3)")
    parser.add_argument("--memory", action="store_true", help="in one process, as without root")
    return parser.parse_args(argv)


def _seconds(text: str) -> float:
    found = float(text)
    if not 0 < found <= _MOST:
        raise ValueError
    return found
