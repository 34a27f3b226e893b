"""Moon and sun for real: four network namespaces, two gateways, and all that has to go again.

moon-host lan ── lan moon wan ═══════ wan sun lan ── lan sun-host
"""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Final

from ikebana.control.client import Client
from ikebana.demo.config import MOON, SUN, Side, toml
from tundev.namespaces import Namespace, Namespaces, exists

Process = subprocess.Popen[bytes]
_ROOT: Final = Path(__file__).parents[2]
_STEP: Final = 0.02
_PATIENCE: Final = 15.0
_LAST_LINES: Final = 12


class SiteError(Exception):
    """Something did not come up; the text tells what, with the end of its log."""


class Site:
    """Everything that the demonstration makes; :meth:`close` removes it, whatever happened."""

    def __init__(self) -> None:
        self._spaces = Namespaces(f"ikebana-demo-{os.getpid()}")
        self._folder = Path()
        self._names: list[str] = []
        self._processes: list[Process] = []

    # -- making ---------------------------------------------------------------------------------
    def build(self) -> None:
        """Make namespaces, wires, addresses and routes; not to be interrupted, as `start`."""
        self._folder = Path(tempfile.mkdtemp(prefix="ikebana-demo-"))
        for side in (MOON, SUN):
            gateway, host = self._add(side.name), self._add(side.host_name)
            _forwarding(gateway)
            host.veth("lan", gateway, "lan")
            gateway.address("lan", f"{side.inside}/24")
            host.address("lan", f"{side.host}/24")
            host.route("default", via=side.inside)
        self._spaces[MOON.name].veth("wan", self._spaces[SUN.name], "wan")
        for side in (MOON, SUN):
            self._spaces[side.name].address("wan", f"{side.outside}/24")

    def start(self, here: Side, there: Side, psk: str) -> None:
        """Start a gateway; it is not yet ready."""
        config = self._folder / f"{here.name}.toml"
        config.touch(0o600)
        config.write_text(toml(here, there, psk))
        argv = ["ikebana", "run", "-c", str(config), "--control", self._control(here)]
        with self._log(here).open("wb") as log:
            self.run(here.name, argv, stdout=log, stderr=log)

    def run(self, name: str, argv: Sequence[str], **options: object) -> Process:
        """Start one of our own modules in a namespace: ``argv`` begins with its name."""
        process = self._spaces.run(
            name,
            [sys.executable, "-m", *argv],
            stdin=subprocess.DEVNULL,
            env=os.environ | {"PYTHONPATH": str(_ROOT)},
            **options,
        )
        self._processes.append(process)
        return process

    def _add(self, name: str) -> Namespace:
        space = self._spaces.add(name)
        self._names.append(space.name)
        return space

    # -- using ----------------------------------------------------------------------------------
    def enter(self, name: str) -> AbstractContextManager[None]:
        """Put this thread into a namespace, to open a socket there."""
        return self._spaces[name].enter()

    def client(self, side: Side) -> Client:
        """Return what asks a gateway, as soon as that one answers; raise :exc:`SiteError`."""
        deadline = time.monotonic() + _PATIENCE
        while not _answers(self._control(side)):
            if any(process.poll() is not None for process in self._processes):
                raise SiteError(f"a gateway ended at once\n{self.logs()}")
            if time.monotonic() > deadline:
                raise SiteError(f"{side.name} did not start in {_PATIENCE:g} s\n{self.logs()}")
            time.sleep(_STEP)
        client = Client(self._control(side))
        client.status()  # the socket takes connections somewhat before it answers
        return client

    def logs(self) -> str:
        """Return the end of both gateways' logs."""
        parts = []
        for side in (MOON, SUN):
            path = self._log(side)
            lines = path.read_text(errors="replace").splitlines() if path.exists() else []
            parts += [f"{side.name}'s log:", *(f"  {line}" for line in lines[-_LAST_LINES:])]
        return "\n".join(parts)

    # -- removing -------------------------------------------------------------------------------
    def close(self) -> str:
        """Remove everything, and return in a line what that was.  Raises :exc:`SiteError`."""
        try:
            self._spaces.close()
        finally:
            if self._folder.name:
                shutil.rmtree(self._folder, ignore_errors=True)
        left = [name for name in self._names if exists(name)]
        left += [f"process {one.pid}" for one in self._processes if one.poll() is None]
        left += [str(self._folder)] if self._folder.name and self._folder.exists() else []
        if left:
            raise SiteError(f"could not be removed: {', '.join(left)}")
        return (
            f"{len(self._names)} namespaces, {len(self._processes)} processes, {self._folder}: gone"
        )

    def _control(self, side: Side) -> str:
        return str(self._folder / f"{side.name}.sock")

    def _log(self, side: Side) -> Path:
        return self._folder / f"{side.name}.log"


def _answers(path: str) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        return probe.connect_ex(path) == 0


def _forwarding(space: Namespace) -> None:
    space.sysctl("net.ipv4.ip_forward", 1)
    for which in ("all", "default"):
        space.sysctl(f"net.ipv4.conf.{which}.rp_filter", 0)
