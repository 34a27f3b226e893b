"""``check`` and ``psk-fingerprint``: the verbs that read a configuration file themselves."""

import difflib
import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from ikebana.cli.out import Exit, complain, say
from ikebana.config.load import load
from ikebana.config.model import Config
from ikebana.config.problems import ConfigErrors, ConfigProblem
from ikebana.render.text import clean

_SALT: Final = b"ikebana-psk"
_COST: Final = 2**14  # 16 MiB and some 40 ms: guessing by the 16 bits told costs that each


def check_file(path: Path) -> Exit:
    """Print each problem and warning of a file, or how many connections it has."""
    config = _load(path)
    if config is None:
        return Exit.FAILED
    say(problem_lines(path, config.warnings(), "warning: "))
    count = len(config.connections)
    say([f"OK: {count} connection{'' if count == 1 else 's'}"])
    return Exit.OK


def fingerprint_of(path: Path, name: str) -> Exit:
    """Print the fingerprint of one connection's PSK, and nothing else of it."""
    config = _load(path)
    if config is None:
        return Exit.FAILED
    for connection in config.connections:
        if connection.name == name:
            say([fingerprint(connection.psk.secret.reveal())])
            return Exit.OK
    close = difflib.get_close_matches(name, [one.name for one in config.connections], n=3)
    complain(f"no connection {name!r}", f"did you mean {', '.join(close)}?" if close else "")
    return Exit.NOT_FOUND


def _load(path: Path) -> Config | None:
    try:
        return load(path)
    except ConfigErrors as errors:
        say(problem_lines(path, errors.problems))
        return None


def problem_lines(path: Path, problems: Iterable[ConfigProblem], kind: str = "") -> Iterator[str]:
    """Yield ``FILE:LINE: path: message`` and the hint of each problem."""
    for problem in problems:
        line = f":{problem.line}" if problem.line else ""
        place = f"{path}{line}: "
        where = f"{problem.path}: " if problem.path else ""
        # a file that cannot be read is named by the message itself
        start = "" if problem.message.startswith(f"{path}:") else place
        yield clean(f"{start}{kind}{where}{problem.message}")
        if problem.hint:
            yield f"    {clean(problem.hint)}"


def fingerprint(psk: bytes) -> str:
    """Return a PSK's length and 16 bits of scrypt(PSK): enough to compare, too little to guess."""
    digest = hashlib.scrypt(psk, salt=_SALT, n=_COST, r=8, p=1, dklen=2)
    return f"{len(psk)} octets, {digest.hex()}"
