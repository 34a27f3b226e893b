"""Run benchmarks: ``python -m benchmarks [NAMES] [--rounds 5] [-o text|json|markdown]``."""

import argparse
import importlib
import json
import sys
from typing import Any, Final

from rich.console import Console

from benchmarks.machine import describe
from benchmarks.screen import markdown, progress, show
from benchmarks.table import Skip, Table
from tests.lab.topology import LabError

NAMES: Final = (
    "handshake_memory",
    "handshake_loopback",
    "esp_packets",
    "cycles",
    "tunnel",
    "footprint",
    "many",
)


def main() -> int:
    """Run what the command line names, all without; return 1 if one of them failed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(NAMES)}")
    parser.add_argument("--rounds", type=int, default=5, help="medians of so many (default 5)")
    parser.add_argument("-o", "--output", choices=("text", "json", "markdown"), default="text")
    args = parser.parse_args()
    unknown = sorted(set(args.names) - set(NAMES))
    if unknown or args.rounds < 1:
        wrong = f"no benchmark {', '.join(unknown)}" if unknown else "at least one round"
        parser.error(f"{wrong}; there are {', '.join(NAMES)}")
    out, err = Console(highlight=False), Console(stderr=True, highlight=False)
    machine = describe()
    if args.output == "text":
        out.print("\n".join(f"{name}: {text}" for name, text in machine.items()), markup=False)
        out.print()
    tables: list[Table] = []
    skipped: dict[str, str] = {}
    failed: dict[str, str] = {}
    for name in args.names or NAMES:
        module: Any = importlib.import_module(f"benchmarks.{name}")
        try:
            with progress(err, name) as tell:
                table: Table = module.run(args.rounds, tell)
        except Skip as lack:
            skipped[name] = str(lack)
            err.print(f"{name}: left out: {lack}", markup=False)
            continue
        except LabError as error:
            failed[name] = str(error)
            err.print(f"{name}: failed: {error}", markup=False)
            continue
        tables.append(table)
        if args.output == "text":
            show(out, table)
    match args.output:
        case "json":
            found = {table.name: table.to_json() for table in tables}
            everything = {
                "machine": machine,
                "rounds": args.rounds,
                "benchmarks": found,
                "skipped": skipped,
                "failed": failed,
            }
            json.dump(everything, sys.stdout, indent=2)
            sys.stdout.write("\n")
        case "markdown":
            sys.stdout.writelines(f"* {name}: {text}\n" for name, text in machine.items())
            sys.stdout.writelines("\n" + markdown(table) for table in tables)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
