"""Run the tests against real peers beside all others: they mostly wait, the others compute."""

import subprocess
import sys
from pathlib import Path
from typing import Final

_PYTEST: Final = (sys.executable, "-m", "pytest", "-rs")
_LOG: Final = Path("build/rest.log")


def main() -> int:
    """Return what the worse of the two returned; the others' output comes last."""
    _LOG.parent.mkdir(exist_ok=True)
    with _LOG.open("wb") as log:
        others = subprocess.Popen(  # noqa: S603 - our own arguments
            [*_PYTEST, "--ignore=tests/interop"], stdout=log, stderr=subprocess.STDOUT
        )
        try:
            with_peers = subprocess.call([*_PYTEST, "tests/interop"])  # noqa: S603 - as above
            without = others.wait()
        finally:
            others.terminate()  # when somebody has had enough
    sys.stdout.write("\nall others, meanwhile:\n")
    sys.stdout.write(_LOG.read_text())
    return with_peers or without


if __name__ == "__main__":
    sys.exit(main())
