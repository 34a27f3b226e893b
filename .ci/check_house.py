"""Check what the house demands and no other tool does; print each finding with what to do."""

import ast
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple

PACKAGES = ("suites", "policy", "ikecore", "ikev1", "ikev2", "esp", "tundev", "ikebana")
ROOT = {
    *PACKAGES,
    *("tests", "benchmarks", "docs", "examples", ".ci"),
    *("pyproject.toml", "README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md"),
    *("LICENSE", "Makefile", "requirements.lock", ".gitignore"),
}
MAX_LINES = 400
DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
REGISTRY = re.compile(r"\bpypi\.org\b|\bpythonhosted\.org\b|\b(?:extra-)?index-url\s*[= ]\s*\S+://")
NOT_LOCKED = re.compile(r"^\s*-(?!-hash=)|://")


class Finding(NamedTuple):
    """One broken rule: where, and what to do about it."""

    path: str
    line: int
    advice: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.advice}"


def root_entries(paths: Sequence[str]) -> Iterator[Finding]:
    """Find what stands at the root and is not in the house's list."""
    for name in sorted({PurePosixPath(path).parts[0] for path in paths} - ROOT):
        yield Finding(name, 1, "does not belong at the root: move it into a room, or remove it")


def long_files(path: str, text: str) -> Iterator[Finding]:
    """Find a Python file too long to be read at one sitting."""
    lines = len(text.splitlines())
    if path.endswith(".py") and lines > MAX_LINES:
        yield Finding(path, lines, f"{lines} lines, {MAX_LINES} at most: tell it in two files")


def twin_of(path: str) -> str:
    """Return where the tests of a module live: ``esp/sa.py`` has ``tests/esp/test_sa.py``."""
    module = PurePosixPath(path)
    return str("tests" / module.parent / f"test_{module.stem.strip('_')}.py")


def missing_twins(path: str, text: str, paths: Sequence[str]) -> Iterator[Finding]:
    """Find a module without its test file; ``__init__`` and ``__main__`` may be mere doors."""
    if not in_packages(path) or twin_of(path) in paths:
        return
    is_door = PurePosixPath(path).stem in {"__init__", "__main__"}
    if is_door and not any(isinstance(node, DEFINITIONS) for node in ast.parse(text).body):
        return
    yield Finding(path, 1, f"has no twin: write {twin_of(path)}")


def asserts(path: str, text: str) -> Iterator[Finding]:
    """Find verification that ``python -O`` would remove."""
    if in_packages(path):
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Assert):
                yield Finding(path, node.lineno, "assert in shipped code: raise an exception")


def registries(path: str, text: str) -> Iterator[Finding]:
    """Find a package registry's address: where packages come from is each machine's own matter."""
    for number, line in enumerate(text.splitlines(), 1):
        if REGISTRY.search(line):
            yield Finding(path, number, "names a package registry: leave that to pip's settings")
        elif path == "requirements.lock" and NOT_LOCKED.search(line.partition("#")[0]):
            yield Finding(path, number, "more than names, versions and hashes: run make lock")


def in_packages(path: str) -> bool:
    """Tell whether a file is shipped Python."""
    return path.endswith(".py") and PurePosixPath(path).parts[0] in PACKAGES


def findings(root: Path, paths: Sequence[str]) -> Iterator[Finding]:
    """Find every broken rule in the tree of these files."""
    yield from root_entries(paths)
    for path in paths:
        try:
            text = (root / path).read_text(encoding="utf-8")
        except (UnicodeDecodeError, FileNotFoundError):  # a recorded vector; removed, not committed
            continue
        yield from long_files(path, text)
        yield from missing_twins(path, text, paths)
        yield from asserts(path, text)
        yield from registries(path, text)


def main() -> int:
    """Check the files that git tracks here; return 1 if a rule is broken."""
    git = shutil.which("git")
    if git is None:
        sys.stderr.write("make lint needs git: sudo apt-get install git\n")
        return 1
    root = Path(__file__).resolve().parent.parent
    listing = subprocess.run(  # noqa: S603  fixed arguments, git's own path
        [git, "ls-files", "-z"], cwd=root, capture_output=True, check=True
    )
    found = list(findings(root, listing.stdout.decode().rstrip("\0").split("\0")))
    sys.stdout.writelines(f"{finding}\n" for finding in found)
    sys.stdout.write(f"house: {len(found)} findings\n" if found else "house: in order\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
