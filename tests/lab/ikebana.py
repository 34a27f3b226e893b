"""Our own gateway in a namespace, as a process of its own, driven by its command line."""

import json
import os
import socket
import sys
from pathlib import Path
from typing import Any, Final

from tests.lab.topology import Lab, LabError, wait_for
from tundev.namespaces import end

_ASKING: Final = frozenset(("up", "down", "status", "log"))  # commands that talk to the daemon
_ROOT: Final = Path(__file__).parents[2]


class Gateway:
    """One ``ikebana run`` with configuration ``toml_text``; ready when its socket answers.

    ``files`` (name to text) are put beside the configuration: key files and the like.
    """

    def __init__(
        self,
        lab: Lab,
        name: str,
        toml_text: str,
        *argv: str,
        files: dict[str, str] | None = None,
        env: dict[str, str] | None = None,
    ) -> None:
        self._lab = lab
        self.name = name
        self.folder = lab.folder / f"ikebana-{name}"
        self.folder.mkdir()
        self.config = self.folder / "gateway.toml"
        self.control = self.folder / "control.sock"
        self._log = self.folder / "ikebana.log"
        self._argv = argv
        self._env = env or {}
        for file, text in (files or {}).items():
            path = self.folder / file
            path.write_text(text)
            path.chmod(0o600)
        self.write(toml_text)
        self._start()

    def write(self, toml_text: str) -> None:
        """Replace the configuration file (the daemon rereads it on SIGHUP)."""
        self.config.write_text(toml_text)
        self.config.chmod(0o600)

    def cli(self, *argv: str, timeout: float = 60) -> tuple[int, str, str]:
        """Run ``ikebana`` ARGV against this gateway; return exit code, output, error output."""
        where = ["--control", str(self.control)] if argv[0] in _ASKING else []
        return self._lab.run(
            self.name,
            [*_ikebana(), *argv, *where],
            env=_environment(self._env),
            timeout=timeout,
        )

    def status(self, *argv: str) -> Any:
        """Return ``ikebana status -o json``, decoded."""
        code, output, errors = self.cli("status", *argv, "-o", "json")
        if code:
            raise LabError(f"status in {self.name}: exit {code}\n{output}{errors}")
        return json.loads(output)

    def signal(self, number: int) -> None:
        """Send the daemon a signal."""
        self._process.send_signal(number)

    @property
    def log(self) -> str:
        """All that the daemon has logged so far."""
        return self._log.read_text(errors="replace")

    @property
    def pid(self) -> int:
        """The daemon's process id."""
        return self._process.pid

    @property
    def pids(self) -> list[int]:
        """The daemon's and its workers' process ids, for CPU time and memory."""
        found = [self.pid]
        for pid in found:
            for task in Path(f"/proc/{pid}/task").glob("*/children"):
                found += [int(child) for child in task.read_text().split()]
        return found

    def stop(self, patience: float = 15) -> int:
        """End it by SIGTERM, so that it deletes its SAs; return its exit code."""
        return end(self._process, patience)

    def kill(self) -> None:
        """End daemon and workers by SIGKILL: the peer hears nothing."""
        for pid in reversed(self.pids):
            os.kill(pid, 9)
        self._process.wait()

    def restart(self) -> None:
        """Start it again after :meth:`stop` or :meth:`kill`."""
        end(self._process)
        self.control.unlink(missing_ok=True)
        self._start()

    def _start(self) -> None:
        argv = [*_ikebana(), "run", "-c", str(self.config), "--control", str(self.control)]
        self._process = self._lab.spawn(
            self.name, [*argv, *self._argv], self._log, _environment(self._env)
        )
        wait_for(self._answers, 20, f"ikebana in {self.name}")

    def _answers(self) -> bool:
        if self._process.poll() is not None:
            raise LabError(f"ikebana in {self.name} ended:\n{self.log}")
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            return probe.connect_ex(str(self.control)) == 0


def _ikebana() -> list[str]:
    return [sys.executable, "-m", "ikebana"]


def _environment(more: dict[str, str]) -> dict[str, str]:
    return {"PYTHONUNBUFFERED": "1", "PYTHONPATH": str(_ROOT), **more}
