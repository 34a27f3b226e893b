"""Where the many tunnels are: one namespace, a gateway on its loopback, peers beside it.

peers 172.17.0.1, 172.17.0.2, …  ── UDP over lo ──  172.16.0.1 gateway ── TUN ── 10.0.0.1
each with 10.64.0.0/24, 10.64.1.0/24, …                              hosts behind it
"""

import os
import shutil
import subprocess
import sys
import tempfile
from itertools import count
from pathlib import Path
from typing import Final, Self

from benchmarks.processes import cpu_seconds, memory_mib
from tests.lab.topology import LabError, wait_for
from tundev.namespaces import Namespaces, end

GATEWAY: Final = "172.16.0.1"
_LOCAL: Final = f"{GATEWAY}/12"  # on lo every address of the net is ours
INNER: Final = "10.0.0.1"
HOSTS: Final = "10.0.0.0/24"
KEY: Final = "a-shared-secret-of-the-lab"
IKE: Final = "aes128-sha256-x25519"
ESP: Final = "aes128gcm16-x25519"
STREAMS: Final = 20
"""The first so many peers send packets: their ESP travels in UDP."""
_PER_NET: Final = 250
_LABS: Final = count()
_MIB: Final = 1048.576  # kB
_PATIENCE: Final = 120.0
_LISTENING: Final = "listening on"


def outer(number: int) -> str:
    """Return where a peer is."""
    return f"172.17.{number // _PER_NET}.{number % _PER_NET + 1}"


def inner(number: int) -> str:
    """Return the network behind a peer."""
    return f"10.{64 + number // _PER_NET}.{number % _PER_NET}.0/24"


def toml(tunnels: int, initiation: str, dpd: int) -> str:
    """Return the gateway's configuration; ``dpd`` seconds of silence bring a probe, 0: none do."""
    probes = f"interval_s = {dpd}" if dpd else "enabled = false"
    head = f"""
[gateway]
name = "many"
addresses = ["{GATEWAY}"]
[gateway.quotas]
tunnels_per_gateway = {max(20, tunnels)}
mappings_per_gateway = {max(200, tunnels)}
"""
    return head + "".join(
        f"""
[[connection]]
name = "c{number}"
peer = "{outer(number)}"
psk = "{KEY}"
initiation = "{initiation}"
local_subnets = ["{HOSTS}"]
remote_subnets = ["{inner(number)}"]
force_encap = {str(number < STREAMS).lower()}
ike.proposals = ["{IKE}"]
ipsec.proposals = ["{ESP}"]
dpd.{probes}
"""
        for number in range(tunnels)
    )


class ManyLab:
    """The namespace and a folder; gone when the block ends."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="ikebana-many-"))
        self.spaces = Namespaces(f"many{os.getpid()}-{next(_LABS)}")
        try:
            self.space = self.spaces.add("gw")
            self.space.address("lo", _LOCAL)
            self.space.address("lo", f"{INNER}/24")
            self.space.sysctl("net.ipv4.conf.all.rp_filter", 0)
            self.space.sysctl("net.ipv4.conf.default.rp_filter", 0)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """End what runs there, and remove it."""
        self.spaces.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class ManyGateway:
    """One ``ikebana run`` with so many connections; ended with the block."""

    def __init__(
        self, lab: ManyLab, tunnels: int, *, initiation: str = "passive", dpd: int = 30
    ) -> None:
        config, self._log = lab.folder / "gateway.toml", lab.folder / "gateway.log"
        config.write_text(toml(tunnels, initiation, dpd))
        config.chmod(0o600)
        self._log.unlink(missing_ok=True)
        control = lab.folder / "control.sock"
        control.unlink(missing_ok=True)
        argv = [sys.executable, "-m", "ikebana", "run", "-c", str(config)]
        with self._log.open("wb") as log:
            self._process = lab.spaces.run(
                "gw",
                [*argv, "--control", str(control)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        self._control = control
        try:
            wait_for(self._is_ready, _PATIENCE, "the gateway of many")
        except BaseException:
            end(self._process)
            raise

    @property
    def log(self) -> str:
        """Return what it has logged."""
        return self._log.read_text(errors="replace")

    @property
    def cpu(self) -> float:
        """Return the seconds of CPU that the daemon, without its worker, has used."""
        return cpu_seconds((self._process.pid,))

    @property
    def worker(self) -> int:
        """Return the packet worker's process number."""
        pid = self._process.pid
        return int(Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0])

    @property
    def memory(self) -> tuple[float, float]:
        """Return the RSS of daemon and worker in kB."""
        daemon, worker = (memory_mib((pid,))[0] for pid in (self._process.pid, self.worker))
        return daemon * _MIB, worker * _MIB

    def close(self) -> None:
        """End it; the peers hear nothing."""
        end(self._process, 15)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _is_ready(self) -> bool:
        if self._process.poll() is not None:
            raise LabError(f"the gateway of many ended:\n{self.log[-2000:]}")
        return self._control.exists() and _LISTENING in self.log
