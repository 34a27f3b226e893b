"""Print the table of an interop run from pytest's JUnit file.

One row a test: scenario, peer, result, seconds, why not.
"""

import sys
from pathlib import Path
from xml.etree import ElementTree

RESULTS = {"failure": "FAILED", "error": "ERROR", "skipped": "left out"}


def rows(report: ElementTree.Element) -> list[tuple[str, str, str, str, str]]:
    """Return one row per test case, in the order they ran."""
    table = []
    for case in report.iter("testcase"):
        trouble = next((part for part in case if part.tag in RESULTS), None)
        result = "ok" if trouble is None else RESULTS[trouble.tag]
        why = "" if trouble is None else (trouble.get("message") or "").partition("\n")[0]
        room = case.get("classname", "").rpartition(".")[2].removeprefix("test_")
        scenario = f"{room}: {name_of(case)}"
        seconds = f"{float(case.get('time', 0)):.1f}"
        table.append((scenario, peer_of(case), result, seconds, why[:80]))
    return table


def name_of(case: ElementTree.Element) -> str:
    """Return a test's name; of a scenario, its folder's."""
    name = case.get("name", "")
    if name.startswith("test_it_plays_out["):
        return name.partition("[")[2].removesuffix("]")
    return name.removeprefix("test_").replace("_", " ")


def peer_of(case: ElementTree.Element) -> str:
    """Return which peer a test says it had."""
    said = (one for one in case.iter("property") if one.get("name") == "peer")
    return next((one.get("value", "") for one in said), "")


def main(path: str) -> int:
    """Print the table, and below it how many tests ended how; return 1 without a report."""
    if not Path(path).is_file():
        sys.stderr.write(f"{path}: no report, pytest did not come that far\n")
        return 1
    table = rows(ElementTree.parse(path).getroot())  # noqa: S314  pytest wrote it a moment ago
    width = max((len(row[0]) for row in table), default=0)
    for scenario, peer, result, seconds, why in table:
        line = f"{scenario:{width}}  {peer:9}  {result:8}  {seconds:>7} s  {why}"
        sys.stdout.write(line.rstrip() + "\n")
    results = [row[2] for row in table]
    counts = ", ".join(f"{results.count(name)} {name}" for name in dict.fromkeys(results))
    sys.stdout.write(f"\n{len(table)} scenarios: {counts or 'none'}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
