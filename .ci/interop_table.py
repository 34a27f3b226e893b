"""Print the table of an interop run from pytest's JUnit file: scenario, result, seconds, why."""

import sys
from pathlib import Path
from xml.etree import ElementTree

RESULTS = {"failure": "FAILED", "error": "ERROR", "skipped": "left out"}


def rows(report: ElementTree.Element) -> list[tuple[str, str, str, str]]:
    """Return one row per test case, in the order they ran."""
    table = []
    for case in report.iter("testcase"):
        trouble = next((part for part in case if part.tag in RESULTS), None)
        result = "ok" if trouble is None else RESULTS[trouble.tag]
        why = "" if trouble is None else (trouble.get("message") or "").partition("\n")[0]
        room = case.get("classname", "").rpartition(".")[2].removeprefix("test_")
        scenario = f"{room}: {case.get('name', '').removeprefix('test_').replace('_', ' ')}"
        table.append((scenario, result, f"{float(case.get('time', 0)):.1f}", why[:80]))
    return table


def main(path: str) -> int:
    """Print the table, and below it how many tests ended how; return 1 without a report."""
    if not Path(path).is_file():
        sys.stderr.write(f"{path}: no report, pytest did not come that far\n")
        return 1
    table = rows(ElementTree.parse(path).getroot())  # noqa: S314  pytest wrote it a moment ago
    width = max((len(row[0]) for row in table), default=0)
    for scenario, result, seconds, why in table:
        sys.stdout.write(f"{scenario:{width}}  {result:8}  {seconds:>7} s  {why}".rstrip() + "\n")
    results = [row[1] for row in table]
    counts = ", ".join(f"{results.count(name)} {name}" for name in dict.fromkeys(results))
    sys.stdout.write(f"\n{len(table)} scenarios: {counts or 'none'}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
