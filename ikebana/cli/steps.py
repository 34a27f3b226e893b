"""What ``up`` prints while a connection comes up."""

from typing import Final, assert_never

from ikebana.cli.paint import Paint
from ikebana.cli.screens import PLAIN
from ikebana.control.view import Step, StepDone, StepMessage, StepRefused, StepResult
from ikebana.render.rung import message
from ikebana.render.text import clean, fit

_ARROWS: Final = {True: "─▶", False: "◀─"}


def step_lines(name: str, step: Step, paint: Paint = PLAIN, width: int = 80) -> list[str]:
    """Return the lines of one step of connection ``name``."""
    match step:
        case StepMessage():
            text = message(step, width - 5)
            return [paint(f"  {_ARROWS[step.sent]} {text}", "dim")]
        case StepDone():
            mark = paint("✔", "green") if step.ok else paint("✘", "red")
            return [
                f"{mark} {fit(f'{step.text} {step.ms:.0f} ms {step.detail}'.strip(), width - 2)}"
            ]
        case StepRefused():
            head = f"{paint('✘', 'red')} the peer tried, too, and was refused"
            return [head, *(f"  {clean(line)}" for line in step.lines)]
        case StepResult():
            return _result(clean(name), step, paint)
        case _:
            assert_never(step)


def _result(name: str, step: StepResult, paint: Paint) -> list[str]:
    lines = [clean(line) for line in step.lines]
    if step.ok:
        return [paint(f"Connected: {name}", "green"), *lines]
    if step.timed_out:
        head = f"Timeout: {name} is {step.state}; the gateway goes on trying"
        return [paint(head, "yellow"), *lines]
    code = f" ({clean(step.code)})" if step.code else ""
    return [paint(f"Not connected: {name} is {step.state}{code}", "red"), *lines]
