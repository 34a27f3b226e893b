"""Pairs of gateways to compare: each pair in a copy of the lab's namespaces of its own."""

import json
import subprocess
import time
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any, Final, Literal, Protocol, Self, TypeAlias

from benchmarks.processes import cpu_seconds, wait_for_port
from benchmarks.table import Skip
from ikebana.control.client import Client
from ikebana.control.view import StepDone, StepResult
from tests.lab.ikebana import Gateway
from tests.lab.needs import find, missing
from tests.lab.strongswan import StrongSwan
from tests.lab.topology import Lab, LabError, wait_for

Kind: TypeAlias = Literal["ikebana", "strongSwan"]

IKE: Final = "aes128-sha256-x25519"
ESP: Final = "aes128gcm16"
_PORT: Final = 5201


def need(*programs: str) -> None:
    """Raise :exc:`Skip` unless namespaces can be made and the programs are there."""
    lacks = missing(*programs)
    if lacks:
        raise Skip(f"needs {lacks}")


class End(Protocol):
    """A gateway that can be driven and watched."""

    @property
    def pids(self) -> Sequence[int]:
        """Return its processes."""
        ...

    def up(self) -> None:
        """Bring the tunnel up by a whole negotiation."""
        ...

    def down(self) -> None:
        """Take the tunnel down by Deletes."""
        ...

    def status(self) -> None:
        """Run the command that shows its state."""
        ...


class Ours:
    """Our gateway, driven through its control socket as the command line does."""

    def __init__(self, lab: Lab, name: str) -> None:
        self.gateway = Gateway(lab, name, toml(lab, name), files={"net.psk": "labsecret"})
        self._client = Client(str(self.gateway.control))

    @property
    def pids(self) -> Sequence[int]:
        """Return daemon and worker."""
        return self.gateway.pids

    def up(self) -> None:
        """Bring the tunnel up."""
        steps = list(self._client.up("net", 20))
        done, result = [s for s in steps if isinstance(s, StepDone)], steps[-1]
        if not (done and isinstance(result, StepResult) and result.ok):
            raise LabError(f"ikebana up in {self.gateway.name}: {steps}\n{self.gateway.log}")

    def down(self) -> None:
        """Take it down."""
        self._client.down("net")

    def status(self) -> None:
        """Run ``ikebana status``."""
        code, _, errors = self.gateway.cli("status")
        if code:
            raise LabError(f"ikebana status in {self.gateway.name}: {errors}")


class Swan:
    """StrongSwan, driven by swanctl."""

    def __init__(self, lab: Lab, name: str) -> None:
        self._swan = StrongSwan(lab, name)
        self._swan.load(self._swan.connection(ike=IKE, esp=ESP))

    @property
    def pids(self) -> Sequence[int]:
        """Return charon, which is one process."""
        return (self._swan.pid,)

    def up(self) -> None:
        """Bring the tunnel up."""
        done, account = self._swan.initiate()
        if not done:
            raise LabError(f"charon in {self._swan.name}: {account}")

    def down(self) -> None:
        """Take it down."""
        done, account = self._swan.terminate()
        if not done:
            raise LabError(f"charon in {self._swan.name}: {account}")

    def status(self) -> None:
        """Run ``swanctl --list-sas``."""
        self._swan.list_sas()


class Pair:
    """Gateways A and B with a host behind each; gone when the block ends."""

    def __init__(self, a: Kind, b: Kind) -> None:
        self.name = f"{a} ↔ {b}" if a != b else f"{a}'s pair"
        self.kinds = (a, b)
        with ExitStack() as stack:
            self.lab = stack.enter_context(Lab())
            self.b = _end(b, self.lab, "gb")
            self.a = _end(a, self.lab, "ga")
            self._stack = stack.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def connect(self) -> None:
        """Let A start the tunnel, and wait until a ping comes back."""
        self.a.up()
        wait_for(lambda: self.lab.ping("ca", "10.2.0.2", 1) == 0, 10, f"a ping, {self.name}")

    def cpu(self) -> tuple[float, float]:
        """Return the CPU seconds that A and B have used."""
        return cpu_seconds(self.a.pids), cpu_seconds(self.b.pids)

    def iperf(self, seconds: float, *options: str) -> dict[str, Any]:
        """Run iperf3 from the host behind A to that behind B; return its JSON.

        "cpu" in it are the CPU seconds of both gateways meanwhile.
        """
        log = self.lab.folder / "iperf3.log"
        server = self.lab.spawn("cb", [find("iperf3") or "iperf3", "-s", "-1"], log)
        try:
            wait_for_port(server.pid, "tcp", _PORT)
            before = self.cpu()
            argv = [find("iperf3") or "iperf3", "-c", "10.2.0.2", "-t", f"{seconds:g}", "-J"]
            _, output, errors = self.lab.run("ca", [*argv, *options], timeout=seconds + 30)
            found: dict[str, Any] = json.loads(output or "{}")
            if "end" not in found or "error" in found:
                raise LabError(f"iperf3 over {self.name}: {found.get('error', errors)}")
            found["cpu"] = [now - then for now, then in zip(self.cpu(), before, strict=True)]
            server.wait(5)
        except subprocess.TimeoutExpired:
            pass
        finally:
            if server.poll() is None:
                server.kill()
                server.wait()
            time.sleep(0.05)  # what is still in queues is not the next run's
        return found


def toml(lab: Lab, name: str) -> str:
    """Return the configuration of our gateway in ``name``, the twin of StrongSwan's usual one."""
    peer = "gb" if name == "ga" else "ga"
    here, there = ("1", "2") if name == "ga" else ("2", "1")
    return f"""
[gateway]
name = "{name}"
addresses = ["{lab.outer(name)}"]

[[connection]]
name = "net"
peer = "{lab.public(peer)}"
local_id = "{name}.lab"
remote_id = "{peer}.lab"
psk = {{ file = "net.psk" }}
initiation = "passive"
local_subnets = ["10.{here}.0.0/24"]
remote_subnets = ["10.{there}.0.0/24"]
[connection.ike]
version = "ikev2"
proposals = ["{IKE}"]
[connection.ipsec]
proposals = ["{ESP}"]
"""


def _end(kind: Kind, lab: Lab, name: str) -> Ours | Swan:
    return Ours(lab, name) if kind == "ikebana" else Swan(lab, name)
