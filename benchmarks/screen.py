"""Print tables, for a terminal or for the documentation; progress only where somebody looks."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape
from rich.table import Table as Grid

from benchmarks.table import Table, Tell


@contextmanager
def progress(console: Console, name: str) -> Iterator[Tell]:
    """Show one line that says what is being measured; nothing where nobody looks."""
    if not console.is_terminal:
        yield lambda _: None
        return
    with console.status(escape(name)) as line:
        yield lambda text: line.update(escape(f"{name}: {text}"))


def show(console: Console, table: Table) -> None:
    """Print a table, its goals and its notes."""
    grid = Grid(title=escape(table.title), title_justify="left", title_style="bold")
    grid.add_column("", no_wrap=True)
    for column in table.columns:
        grid.add_column(escape(column), justify="right")
    for row, cells in table.rows.items():
        grid.add_row(escape(row), *(escape(str(cell)) for cell in cells))
    console.print(grid)
    for where, goal, value in table.goals():
        mark = "[green]✔[/]" if goal.is_reached(value) else "[red]✘[/]"
        console.print(f"{mark} {escape(where)}: {value:.2f}, goal {escape(goal.text)}")
    for note in table.notes:
        console.print(escape(note), style="dim")
    console.print()


def markdown(table: Table) -> str:
    """Return a table as docs/benchmarks.md holds it."""
    lines = [f"### {table.title}", "", _line(("", *table.columns))]
    lines.append(_line(("---", *("---:" for _ in table.columns))))
    lines += [_line((row, *map(str, cells))) for row, cells in table.rows.items()]
    lines.append("")
    for where, goal, value in table.goals():
        word = "reached" if goal.is_reached(value) else "**missed**"
        lines.append(f"* Goal {goal.text} ({where}): {value:.2f}, {word}.")
    lines += [f"* {note}" for note in table.notes]
    return "\n".join([*lines, ""])


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"
