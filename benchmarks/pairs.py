"""Pairs of gateways to compare: each pair in a copy of the lab's namespaces of its own.

The hosts' links have an MTU of 1400, so that inner packets are equally large through every gateway.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any, Final, Literal, Protocol, Self, TypeAlias

from benchmarks.iperf import TARGET, Run, run_all
from benchmarks.processes import cpu_seconds
from benchmarks.table import Skip
from ikebana.control.client import Client
from ikebana.control.view import StepDone, StepResult
from tests.lab.ikebana import Gateway
from tests.lab.needs import missing
from tests.lab.strongswan import StrongSwan
from tests.lab.topology import Lab, LabError, wait_for

Kind: TypeAlias = Literal["ikebana", "strongSwan"]

IKE: Final = "aes128-sha256-x25519"
ESP: Final = "aes128gcm16"
_INNER_MTU: Final = 1400
_UP: Final = 60.0  # seconds


def need(*programs: str) -> None:
    """Raise :exc:`Skip` unless namespaces can be made and the programs are there."""
    lacks = missing(*programs)
    if lacks:
        raise Skip(f"needs {lacks}")


@dataclass(frozen=True, slots=True)
class Setup:
    """Who the two gateways are and what both are told; what is not ``esp`` is for ours alone.

    ``encap`` False: ESP as protocol 50, where the peer can.  ``gateway`` are more lines of the
    configuration's ``[gateway]``, ``tables`` whole tables after it.  By gateway, "ga" or "gb":
    ``addresses`` to listen on beside the usual one, ``more`` returns further connections.
    ``prepare`` lays wires before the gateways start.
    """

    a: Kind = "ikebana"
    b: Kind = "ikebana"
    esp: str = ESP
    encap: bool = True
    gateway: str = ""
    tables: str = ""
    addresses: Mapping[str, str] = field(default_factory=dict)
    more: Callable[[Lab, str], str] = lambda _lab, _name: ""
    prepare: Callable[[Lab], None] = lambda _: None


OURS: Final = Setup()
THEIRS: Final = Setup("strongSwan", "strongSwan")


class End(Protocol):
    """A gateway that can be driven and watched."""

    @property
    def pids(self) -> Sequence[int]:
        """Return its processes."""
        ...

    def up(self, name: str = "net") -> None:
        """Bring a tunnel up by a whole negotiation."""
        ...

    def down(self) -> None:
        """Take the tunnel down by Deletes."""
        ...

    def status(self) -> None:
        """Run the command that shows its state."""
        ...


class Ours:
    """Our gateway, driven through its control socket as the command line does."""

    def __init__(self, lab: Lab, name: str, setup: Setup = OURS) -> None:
        text = toml(lab, name, setup)
        self.gateway = Gateway(lab, name, text, files={"net.psk": "labsecret"})
        self.client = Client(str(self.gateway.control))

    @property
    def pids(self) -> Sequence[int]:
        """Return daemon and worker."""
        return self.gateway.pids

    @property
    def worker(self) -> int:
        """Return the packet worker's process number."""
        return self.client.status().gateway.worker.pid

    def up(self, name: str = "net") -> None:
        """Bring a tunnel up."""
        steps = list(self.client.up(name, _UP))
        done, result = [s for s in steps if isinstance(s, StepDone)], steps[-1]
        if not (done and isinstance(result, StepResult) and result.ok):
            raise LabError(f"ikebana up in {self.gateway.name}: {steps}\n{self.gateway.log}")

    def down(self) -> None:
        """Take it down."""
        self.client.down("net")

    def status(self) -> None:
        """Run ``ikebana status``."""
        code, _, errors = self.gateway.cli("status")
        if code:
            raise LabError(f"ikebana status in {self.gateway.name}: {errors}")


class Swan:
    """StrongSwan, driven by swanctl."""

    def __init__(self, lab: Lab, name: str, setup: Setup = THEIRS) -> None:
        self.swan = StrongSwan(lab, name)
        self.swan.load(self.swan.connection(ike=IKE, esp=setup.esp))

    @property
    def pids(self) -> Sequence[int]:
        """Return charon, which is one process."""
        return (self.swan.pid,)

    def up(self, name: str = "net") -> None:
        """Bring a tunnel up."""
        done, account = self.swan.initiate(name)
        if not done:
            raise LabError(f"charon in {self.swan.name}: {account}")

    def down(self) -> None:
        """Take it down."""
        done, account = self.swan.terminate()
        if not done:
            raise LabError(f"charon in {self.swan.name}: {account}")

    def status(self) -> None:
        """Run ``swanctl --list-sas``."""
        self.swan.list_sas()


class Pair:
    """Gateways A and B with a host behind each; gone when the block ends."""

    def __init__(self, a: Kind, b: Kind, setup: Setup = OURS) -> None:
        self.name = f"{a} ↔ {b}" if a != b else f"{a}'s pair"
        self.kinds = (a, b)
        with ExitStack() as stack:
            self.lab = stack.enter_context(Lab())
            for host in ("ca", "cb"):
                self.lab[host].up("lan", _INNER_MTU)
            setup.prepare(self.lab)
            self.b = _end(b, self.lab, "gb", setup)
            self.a = _end(a, self.lab, "ga", setup)
            self._stack = stack.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def connect(self) -> None:
        """Let A start the tunnel, and wait until a ping comes back."""
        self.a.up()
        wait_for(lambda: self.lab.ping("ca", TARGET, 1) == 0, 10, f"a ping, {self.name}")

    def cpu(self) -> tuple[float, float]:
        """Return the CPU seconds that A and B have used."""
        return cpu_seconds(self.a.pids), cpu_seconds(self.b.pids)

    def iperf(self, seconds: float, *options: str) -> dict[str, Any]:
        """Run iperf3 from the host behind A to that behind B; return its JSON.

        "cpu" in it are the CPU seconds of both gateways meanwhile.
        """
        (found,) = self.iperfs(seconds, [Run(options)])
        return found

    def iperfs(self, seconds: float, runs: Sequence[Run]) -> list[dict[str, Any]]:
        """Run several at once; the "cpu" of each is that of all."""
        before = self.cpu()
        found = run_all(self.lab, seconds, runs)
        cpu = [now - then for now, then in zip(self.cpu(), before, strict=True)]
        return [one | {"cpu": cpu} for one in found]

    def ours(self) -> tuple[Ours, Ours]:
        """Return both ends of a pair of ours."""
        if not (isinstance(self.a, Ours) and isinstance(self.b, Ours)):
            raise TypeError(f"{self.name} is not ours")
        return self.a, self.b


def toml(lab: Lab, name: str, setup: Setup = OURS) -> str:
    """Return the configuration of our gateway in ``name``, the twin of StrongSwan's usual one."""
    here, there = ("1", "2") if name == "ga" else ("2", "1")
    addresses = ", ".join(f'"{one}"' for one in (lab.outer(name), setup.addresses.get(name)) if one)
    return f"""
[gateway]
name = "{name}"
addresses = [{addresses}]
{setup.gateway}
{setup.tables}
{connection(lab, name, "net", [f"10.{here}.0.0/24"], [f"10.{there}.0.0/24"], setup)}
{setup.more(lab, name)}
"""


def connection(
    lab: Lab,
    name: str,
    tunnel: str,
    local: Sequence[str],
    remote: Sequence[str],
    setup: Setup,
    *lines: str,
) -> str:
    """Return one connection with the other gateway, as the gateway in ``name`` has it."""
    peer = "gb" if name == "ga" else "ga"
    more = "\n".join(lines)
    which = "" if tunnel == "net" else f".{tunnel}"
    return f"""
[[connection]]
name = "{tunnel}"
peer = "{lab.public(peer)}"
local_id = "{name}{which}.lab"
remote_id = "{peer}{which}.lab"
psk = {{ file = "net.psk" }}
initiation = "passive"
force_encap = {str(setup.encap).lower()}
local_subnets = {list(local)}
remote_subnets = {list(remote)}
{more}
[connection.ike]
version = "ikev2"
proposals = ["{IKE}"]
[connection.ipsec]
proposals = ["{setup.esp}"]
"""


def _end(kind: Kind, lab: Lab, name: str, setup: Setup) -> Ours | Swan:
    return Ours(lab, name, setup) if kind == "ikebana" else Swan(lab, name, setup)
