"""Run the tests against real peers in two rows, one of them after all others.

They mostly wait, the others compute: two cores are busy until the end.
"""

import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Final

_PYTEST: Final = (sys.executable, "-m", "pytest", "-rs")
_PEERS: Final = Path("tests/interop")
_LATER: Final = ("test_ikev1*.py", "test_scenarios.py")  # almost half of what they take
_LOG: Final = Path("build/rest.log")


class Row(threading.Thread):
    """Several runs, one after the other, into one log; ``status`` is the worst of theirs."""

    def __init__(self, runs: Sequence[Sequence[str]], log: Path) -> None:
        super().__init__()
        self.status = 0
        self._runs = runs
        self._log = log
        self._current: subprocess.Popen[bytes] | None = None
        self._is_stopped = False

    def run(self) -> None:
        """Do them all."""
        with self._log.open("wb") as log:
            for one in self._runs:
                if self._is_stopped:
                    return
                argv = [*_PYTEST, *one]
                self._current = subprocess.Popen(  # noqa: S603 - our own arguments
                    argv, stdout=log, stderr=subprocess.STDOUT
                )
                self.status = self._current.wait() or self.status

    def stop(self) -> None:
        """End the one under way and begin no other: somebody has had enough."""
        self._is_stopped = True
        if self._current is not None:
            self._current.terminate()


def main() -> int:
    """Return what the worse of the two rows returned; the others' output comes last."""
    _LOG.parent.mkdir(exist_ok=True)
    later = [str(path) for one in _LATER for path in sorted(_PEERS.glob(one))]
    others = Row([[f"--ignore={_PEERS}"], later], _LOG)
    others.start()
    try:
        argv = [*_PYTEST, str(_PEERS), *(f"--ignore-glob=*/{one}" for one in _LATER)]
        with_peers = subprocess.call(argv)  # noqa: S603 - as above
        others.join()
    finally:
        others.stop()
    sys.stdout.write("\nall others, meanwhile:\n")
    sys.stdout.write(_LOG.read_text())
    return with_peers or others.status


if __name__ == "__main__":
    sys.exit(main())
