"""Run benchmarks: ``python -m benchmarks [NAMES] [--rounds 5] [-o text|json|markdown]``.

``tunnel --quick --only tcp1 --pairs ours`` gives a look while the code changes, in seconds.
"""

import argparse
import importlib
import json
import sys
from pathlib import Path
from typing import Any, Final

from rich.console import Console

from benchmarks.machine import describe
from benchmarks.report import Report
from benchmarks.screen import progress, show
from benchmarks.table import Skip, Table, Tell
from benchmarks.wish import SECONDS, Wish
from tests.lab.topology import LabError

TRAFFIC: Final = ("tunnel", "mixed", "variants", "mappings", "storm", "flood")
"""Those that take the whole wish; the others only how many rounds."""
NAMES: Final = (
    "handshake_memory",
    "handshake_ikev1",
    "handshake_loopback",
    "esp_packets",
    "esp_lanes",
    "cycles",
    *TRAFFIC,
    "footprint",
    "many",
)


def main() -> int:
    """Run what the command line names, all without; return 1 if one of them failed."""
    args, wish = _arguments()
    out, err = Console(highlight=False), Console(stderr=True, highlight=False)
    report = Report(describe(), wish.rounds)
    if args.output == "text":
        out.print("\n".join(f"{name}: {text}" for name, text in report.machine.items()))
        out.print()
    for name in args.names or NAMES:
        try:
            with progress(err, name) as tell:
                table = _run(name, wish, tell)
        except Skip as lack:
            report.skipped[name] = str(lack)
            err.print(f"{name}: left out: {lack}", markup=False)
            continue
        except LabError as error:
            report.failed[name] = str(error)
            err.print(f"{name}: failed: {error}", markup=False)
            continue
        report.tables.append(table)
        if args.output == "text":
            show(out, table)
        if args.store:
            report.store(args.store, table)
    if args.store and not args.names:
        report.store(args.store)
    match args.output:
        case "json":
            json.dump(report.to_json(), sys.stdout, indent=2)
            sys.stdout.write("\n")
        case "markdown":
            sys.stdout.write(report.to_markdown())
    return 1 if report.failed else 0


def _run(name: str, wish: Wish, tell: Tell) -> Table:
    module: Any = importlib.import_module(f"benchmarks.{name}")
    table: Table = module.run(wish if name in TRAFFIC else wish.rounds, tell)
    return table


def _arguments() -> tuple[argparse.Namespace, Wish]:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("names", nargs="*", metavar="NAME", help=f"of {', '.join(NAMES)}")
    add("--rounds", type=int, default=0, help="medians of so many (default 5, quick 1)")
    add("-o", "--output", choices=("text", "json", "markdown"), default="text")
    add("--store", type=Path, default=Path("build/bench"), metavar="FOLDER", help="keep Markdown "
        "and JSON there, a file for each benchmark (default build/bench)")  # fmt: skip
    add("--no-store", dest="store", action="store_const", const=None, help="keep nothing")
    traffic = parser.add_argument_group("of " + ", ".join(TRAFFIC)).add_argument
    traffic("--seconds", type=float, default=0, help=f"of each run (default {SECONDS:g}, quick 1)")
    traffic("--only", default="", metavar="WORDS", help="tests with one of these in their names: "
            "'tcp,ping' or 'tcp1'")  # fmt: skip
    traffic("--pairs", default="", metavar="WORDS", help="the same of pairs, as the columns say")
    traffic(
        "--quick", action="store_true", help="short runs, nothing kept: no measurement to quote"
    )
    args = parser.parse_args()
    unknown = sorted(set(args.names) - set(NAMES))
    if unknown:
        parser.error(f"no benchmark {', '.join(unknown)}; there are {', '.join(NAMES)}")
    if args.rounds < 0 or args.seconds < 0:
        parser.error("a number below 0")
    wish = Wish.parse(args.rounds, args.seconds, args.only, args.pairs, quick=args.quick)
    if wish.is_partial:
        args.store = None
    return args, wish


if __name__ == "__main__":
    sys.exit(main())
