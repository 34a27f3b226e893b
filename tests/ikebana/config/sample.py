"""A configuration to break in one place at a time."""

from pathlib import Path

from ikebana.config.load import parse
from ikebana.config.model import Config
from ikebana.config.problems import ConfigErrors, ConfigProblem
from ikebana.config.psk import Sources

KEY = "Zq8vT3nLw0RyKd7Xb2HsMf5GpJc9AeUu"
GATEWAY = '[gateway]\nname = "moon"\n'
CONNECTION = f"""\
[[connection]]
name = "net"
peer = "10.99.0.2"
psk = "{KEY}"
"""


def config(text: str, folder: Path = Path(), environ: dict[str, str] | None = None) -> Config:
    return parse(text.encode(), Sources(folder, environ or {}))


def problems(text: str, folder: Path = Path()) -> tuple[ConfigProblem, ...]:
    try:
        config(text, folder)
    except ConfigErrors as why:
        return why.problems
    return ()


def problem(text: str) -> ConfigProblem:
    """Return the only problem of a text."""
    (found,) = problems(text)
    return found


def connection_problem(lines: str) -> ConfigProblem:
    """Return the only problem of the sample connection with more lines, which begin at line 5."""
    return problem(CONNECTION + lines)


def named(name: str, peer: str, lines: str = "") -> str:
    return f'[[connection]]\nname = "{name}"\npeer = "{peer}"\npsk = "{KEY}"\n{lines}\n'
