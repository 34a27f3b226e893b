"""All that a run of the benchmarks found, with the machine it was found on, as files."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.screen import markdown
from benchmarks.table import Table


@dataclass
class Report:
    """The tables so far; what was left out or failed, with the reason."""

    machine: dict[str, str]
    rounds: int
    tables: list[Table] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)

    def to_json(self, *some: Table) -> dict[str, Any]:
        """Return these tables, or all, with every sample."""
        return {
            "machine": self.machine,
            "rounds": self.rounds,
            "benchmarks": {table.name: table.to_json() for table in some or self.tables},
            "skipped": self.skipped,
            "failed": self.failed,
        }

    def to_markdown(self, *some: Table) -> str:
        """Return these tables, or all, as the documentation holds them."""
        facts = "".join(f"* {name}: {text}\n" for name, text in self.machine.items())
        tables = "".join("\n" + markdown(table) for table in some or self.tables)
        return f"{facts}* rounds: {self.rounds}\n{tables}"

    def store(self, folder: Path, *some: Table) -> None:
        """Write NAME.md and NAME.json for one table, ``all.md`` and ``all.json`` for all."""
        folder.mkdir(parents=True, exist_ok=True)
        stem = "-".join(table.name for table in some) or "all"
        (folder / f"{stem}.md").write_text(self.to_markdown(*some))
        (folder / f"{stem}.json").write_text(json.dumps(self.to_json(*some), indent=2) + "\n")
