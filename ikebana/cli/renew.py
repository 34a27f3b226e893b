"""What ``rekey``, ``reauth`` and ``renegotiate`` print."""

from collections.abc import Iterator

from ikebana.cli.out import Exit
from ikebana.cli.paint import Paint
from ikebana.cli.screens import PLAIN
from ikebana.control.view import Change, Outcome
from ikebana.render.text import clean


def outcome_lines(name: str, outcome: Outcome, paint: Paint = PLAIN) -> Iterator[str]:
    """Yield a line for each SA renewed, then how it ended for connection ``name`` if not well."""
    for one in outcome.changes:
        yield clean(_change(one))
    if outcome.ok:
        if not outcome.changes:
            yield clean(f"Done: {name} is {outcome.state}")
        return
    code = f" ({clean(outcome.code)})" if outcome.code else ""
    head = f"Failed: {clean(name)} is {outcome.state}{code}"
    if outcome.timed_out:
        head = f"Timeout: {clean(name)} is {outcome.state}; the gateway goes on"
    yield paint(head, "yellow" if outcome.timed_out else "red")
    for line in outcome.lines:
        yield clean(line)


def _change(one: Change) -> str:
    if not one.new:
        return f"{one.what} {one.old} closed"
    spis = f"{one.old} -> {one.new}" if one.old else one.new
    took = f" in {one.ms:.0f} ms" if one.ms else ""  # a first IKE SA takes more than one exchange
    return f"{one.what} {spis}{took}"


def outcome_code(outcome: Outcome) -> Exit:
    """Return how the command ends."""
    if outcome.ok:
        return Exit.OK
    return Exit.TIMEOUT if outcome.timed_out else Exit.FAILED
