"""A strongSwan whose ESP and AH are a Linux kernel's: raw ESP, AH, transport mode, ESN.

The kernel is User-Mode Linux, one process that takes a gateway's namespace over: its wan and lan
are the namespace's devices, by raw packet sockets.  It boots in about three seconds.  To the lab it
looks as any gateway; only nftables rules in that namespace do not reach it.
"""

import itertools
import shlex
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import pytest

from tests.lab.needs import find, require
from tests.lab.strongswan import StrongSwan
from tests.lab.topology import ADDRESSES, Lab, LabError, wait_for

_INIT: Final = Path(__file__).with_name("kernel_init.sh")
_MODULES: Final = Path("/usr/lib/uml/modules")
_SEGMENTATION: Final = ("tso", "gso", "gro", "tx", "rx")
_NEIGHBOURS: Final = {"ga": (("gb", "wan"), ("ca", "lan")), "gb": (("ga", "wan"), ("cb", "lan"))}
_VICI: Final = "/run/vici"
_PID: Final = "/run/charon.pid"


def require_kernel_peer() -> None:
    """Skip the test that asks, unless a kernel peer can be had here."""
    require("linux.uml", "modprobe", "ethtool", "ip", "charon-systemd", "swanctl")
    if not any(_MODULES.glob("*")):
        pytest.skip(f"needs the kernel's modules in {_MODULES}: apt-get install user-mode-linux")


class KernelPeer(StrongSwan):
    """A charon in a machine of its own; the same face as any :class:`StrongSwan`."""

    def __init__(
        self, lab: Lab, name: str = "gb", options: Iterable[str] = (), *, log_level: int = 1
    ) -> None:
        self.machine = Machine(lab, name)
        super().__init__(lab, name, options, log_level=log_level, home=self.machine)


class Machine:
    """A booted User-Mode Linux in the place of a gateway; it ends with the lab."""

    plugins = ""
    vici = _VICI

    def __init__(self, lab: Lab, name: str) -> None:
        self._folder = lab.folder / f"machine-{name}"
        self._folder.mkdir()
        self._numbers = itertools.count(1)
        self._console = self._folder / "console.log"
        _hand_over(lab, name)
        (self._folder / "network.sh").write_text(_network(name))
        with self._console.open("wb") as console:
            self._process = lab.spaces.run(
                name, self._argv(), stdin=subprocess.PIPE, stdout=console, stderr=console,
                env={"TMPDIR": "/dev/shm", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},  # noqa: S108 - its memory
            )  # fmt: skip
        wait_for(self._has_booted, 60, f"the kernel peer in {name}")

    @property
    def pid(self) -> int:
        """The whole machine's process id."""
        return self._process.pid

    def shell(self, text: str, patience: float = 120) -> tuple[int, str]:
        """Run shell text in it; return its exit code and its output."""
        number = next(self._numbers)
        (self._folder / f"{number}.sh").write_text(text)
        self._type(str(number))
        result = self._folder / f"{number}.rc"

        def has_ended() -> bool:
            self._type("")  # its idle loop now and then forgets who is ready to run
            return result.exists()

        wait_for(has_ended, patience, f"in the kernel peer: {text}")
        output = (self._folder / f"{number}.out").read_text(errors="replace")
        return int(result.read_text()), output

    def check(self, text: str) -> str:
        """Run shell text in it that has to succeed; return its output."""
        code, output = self.shell(text)
        if code:
            raise LabError(f"in the kernel peer: {text}: exit {code}\n{output}")
        return output

    # ---- the home of a charon ----

    def start(self, argv: list[str], log: Path, env: dict[str, str]) -> None:
        """Start charon, and wait until its socket is there."""
        where = shlex.quote(str(log))
        self.check(
            f"""mkdir -p {shlex.quote(str(log.parent))}
            mount -t hostfs -o {shlex.quote(str(log.parent))} lab {shlex.quote(str(log.parent))}
            rm -f {_VICI}
            {_command(argv, env)} >>{where} 2>&1 </dev/null &
            echo $! >{_PID}
            tries=100
            until [ -S {_VICI} ] || [ $tries = 0 ]; do sleep 0.1; tries=$((tries - 1)); done"""
        )

    def is_running(self) -> bool:
        """Tell whether the machine has not ended."""
        return self._process.poll() is None

    def is_listening(self) -> bool:
        """Tell whether charon's socket is there: :meth:`start` has waited for it."""
        return True

    def stop(self) -> None:
        """End charon in good order, if it still runs; the machine stays."""
        if self.is_running():
            self.shell(f"kill $(cat {_PID})")
            wait_for(lambda: self.shell(f"kill -0 $(cat {_PID})")[0], 10, "the end of charon")

    def kill(self) -> None:
        """End charon at once; the machine stays."""
        self.check(f"kill -9 $(cat {_PID})")

    def run(self, argv: list[str], env: dict[str, str]) -> tuple[int, str]:
        """Run a command in it."""
        return self.shell(_command(argv, env))

    def _argv(self) -> list[str]:
        options = {
            "mem": "192M",
            "rootfstype": "hostfs",
            "rootflags": "/",
            "uml_dir": f"{self._folder}/",
            "umid": "machine",
            "con": "null",
            "con0": "fd:0,fd:1",
            "ssl": "null",
            "vec0:transport": "raw,ifname=wan",
            "vec1:transport": "raw,ifname=lan",
            "LAB_FOLDER": str(self._folder),
            "init": "/bin/sh",
        }
        words = [f"{key}={value}" for key, value in options.items()]
        return [find("linux.uml") or "linux.uml", "ro", "quiet", *words, "--", str(_INIT)]

    def _type(self, line: str) -> None:
        console = self._process.stdin
        if console is None or not self.is_running():
            raise LabError(f"the kernel peer has ended:\n{self._told()}")
        console.write(line.encode() + b"\n")
        console.flush()

    def _has_booted(self) -> bool:
        if not self.is_running():
            raise LabError(f"the kernel peer ended:\n{self._told()}")
        return (self._folder / "booted").exists()

    def _told(self) -> str:
        return self._console.read_text(errors="replace")[-3000:]


def _command(argv: list[str], env: dict[str, str]) -> str:
    return shlex.join(["env", *(f"{key}={value}" for key, value in env.items()), *argv])


def _hand_over(lab: Lab, name: str) -> None:
    """Take the namespace's own kernel out, and what its raw packet sockets cannot take."""
    for ifname in ("wan", "lan"):
        lab.check(name, ["ip", "address", "flush", "dev", ifname])
        lab[name].sysctl(f"net.ipv6.conf.{ifname}.disable_ipv6", 1)
    lab[name].sysctl("net.ipv4.ip_forward", 0)
    nats = [("nat", "in"), ("nat", "wan")] if lab.nat else []
    ends = [(name, "wan"), (name, "lan"), *_NEIGHBOURS[name], *nats]
    for space, ifname in ends:  # a super-packet is no frame
        off = [word for feature in _SEGMENTATION for word in (feature, "off")]
        lab.run(space, [find("ethtool") or "ethtool", "-K", ifname, *off])


def _network(name: str) -> str:
    """Return the shell text that gives the machine the gateway's addresses."""
    lines = [
        "sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 "
        "net.ipv4.conf.all.promote_secondaries=1"
    ]
    for number, ifname in enumerate(("wan", "lan")):
        lines += [
            f"ip link set vec{number} name {ifname}",
            *(
                f"ip address add {one} dev {ifname}" + " nodad" * (":" in one)
                for one in ADDRESSES[name][ifname]
            ),
            f"ip link set {ifname} up",
            # what it merges, it sends on with the rest of its memory in the place of the data
            f"ethtool -K {ifname} gro off gso off tso off",
        ]
    return "\n".join([*lines, ""])
