"""Two gateways, a host behind each, and a wire between them that can lose and translate.

    ca 10.1.0.2 -- 10.1.0.1 ga 10.99.0.1 ======= wan ======= 10.99.0.2 gb 10.2.0.1 -- 10.2.0.2 cb
       fd01::2  --  fd01::1    fd99::1                       fd99::2      fd02::1 --  fd02::2

With ``nat="a"`` a box of its own stands before side A (and likewise B, with 10.98.0.2):

    ga 10.98.0.1 -- 10.98.0.254 nat 10.99.0.1 === wan === 10.99.0.2 gb

Everything here runs in real time: the processes in it are real.
"""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, Literal, Self

from tests.lab import echo
from tests.lab.needs import find
from tundev.namespaces import Namespace, Namespaces, end

Process = subprocess.Popen[bytes]

_HOSTS: Final = ("ca", "ga", "gb", "cb")
ADDRESSES: Final = {
    "ca": {"lan": ("10.1.0.2/24", "fd01::2/64")},
    "ga": {"lan": ("10.1.0.1/24", "fd01::1/64"), "wan": ("10.99.0.1/24", "fd99::1/64")},
    "gb": {"lan": ("10.2.0.1/24", "fd02::1/64"), "wan": ("10.99.0.2/24", "fd99::2/64")},
    "cb": {"lan": ("10.2.0.2/24", "fd02::2/64")},
}
"""Every device's addresses where there is no NAT."""
_STEP: Final = 0.02
_LABS = iter(range(1 << 30))


class LabError(Exception):
    """Something in the lab did not come up in time; the text holds its log."""


def wait_for(condition: Callable[[], object], seconds: float, what: str) -> None:
    """Return when ``condition`` holds; raise :exc:`LabError` after ``seconds``."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise LabError(f"not within {seconds:g} s: {what}")
        time.sleep(_STEP)


class Capture:
    """A running tcpdump."""

    def __init__(self, process: Process, path: Path) -> None:
        self._process = process
        self.path = path

    def stop(self) -> Path:
        """End it and return the pcap file."""
        end(self._process)
        return self.path


class Lab:
    """The namespaces, their processes and a scratch folder; gone when the block ends."""

    def __init__(self, nat: Literal["", "a", "b"] = "", *, forward: bool = False) -> None:
        self.spaces = Namespaces(f"lab{os.getpid()}x{next(_LABS)}")
        self.nat = nat
        self.folder = Path(tempfile.mkdtemp(prefix="lab-"))
        self._logs: list[Any] = []
        try:
            self._build()
            if nat:
                self._translate(forward=forward)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __getitem__(self, name: str) -> Namespace:
        return self.spaces[name]

    def outer(self, gateway: str, *, six: bool = False) -> str:
        """Return the address on the wan device of gateway "ga" or "gb"."""
        last = 1 if gateway == "ga" else 2
        if six:
            return f"fd99::{last}"
        return f"10.98.0.{last}" if self.nat == gateway[1] else f"10.99.0.{last}"

    def public(self, gateway: str, *, six: bool = False) -> str:
        """Return the address under which the other side knows a gateway."""
        last = 1 if gateway == "ga" else 2
        return f"fd99::{last}" if six else f"10.99.0.{last}"

    def close(self) -> None:
        """End all processes, remove all namespaces and the folder."""
        self.spaces.close()
        for log in self._logs:
            log.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    # ---- what happens on the wire ----

    def loss(self, percent: int) -> None:
        """Lose this share of the IP packets that arrive from the wan, on both sides.

        A batch that left by one UDP_SEGMENT call is one packet on a veth, and lost as a whole.
        """
        for name in ("ga", "gb"):
            self.nft(name, "table inet lab_loss {}\ndelete table inet lab_loss")
            if percent:
                self.nft(
                    name,
                    "table inet lab_loss { chain arriving {\n"
                    "type filter hook prerouting priority raw;\n"
                    f"iifname wan numgen random mod 100 < {percent} drop\n}}\n}}",
                )

    def nft(self, name: str, rules: str) -> None:
        """Load nftables rules in a namespace."""
        self.check(name, [_program("nft"), "-f", "-"], rules)

    def capture(self, name: str, ifname: str, *filters: str) -> Capture:
        """Record a device's packets from now on."""
        path = self.folder / f"{name}-{ifname}-{next(_LABS)}.pcap"
        log = path.with_suffix(".log")
        argv = [_program("tcpdump"), "-i", ifname, "-U", "-s0", "-Z", "root", "-w", str(path)]
        process = self.spawn(name, [*argv, "--immediate-mode", *filters], log)
        wait_for(lambda: b"listening on" in log.read_bytes(), 10, "tcpdump listening")
        return Capture(process, path)

    # ---- processes ----

    def spawn(
        self, name: str, argv: Sequence[str], log: Path, env: dict[str, str] | None = None
    ) -> Process:
        """Start a process in a namespace, its output in ``log``; ended with the lab."""
        output = log.open("ab")
        self._logs.append(output)
        return self.spaces.run(
            name,
            argv,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=os.environ | (env or {}),
        )

    def run(
        self,
        name: str,
        argv: Sequence[str],
        given: str = "",
        env: dict[str, str] | None = None,
        timeout: float = 120,
    ) -> tuple[int, str, str]:
        """Run a command in a namespace to its end; return exit code, output and error output."""
        process = self.spaces.run(
            name,
            argv,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=os.environ | (env or {}),
        )
        try:
            output, errors = process.communicate(given.encode(), timeout=timeout)
        except subprocess.TimeoutExpired as error:
            process.kill()
            output, errors = process.communicate()
            text = f"{name}: {' '.join(argv)}: not within {timeout:g} s\n"
            raise LabError(text + (output + errors).decode(errors="replace")) from error
        return process.returncode, output.decode(), errors.decode()

    def check(self, name: str, argv: Sequence[str], given: str = "") -> str:
        """Run a command that has to succeed; return its output."""
        code, output, errors = self.run(name, argv, given)
        if code:
            raise LabError(f"{name}: {' '.join(argv)}: exit {code}\n{output}{errors}")
        return output

    def ping(
        self,
        name: str,
        target: str,
        count: int = 3,
        interval: float = 0.05,
        octets: int = echo.OCTETS,
    ) -> int:
        """Ping from a namespace; return how many answers are missing after a second."""
        return echo.missing(self[name], target, count, interval, 1.0, octets)

    # ---- building ----

    def join(self) -> None:
        """Lay the wan between the gateways, where no NAT stands between them."""
        self["ga"].veth("wan", self["gb"], "wan")
        for name in ("ga", "gb"):
            set_addresses(self[name], "wan", *ADDRESSES[name]["wan"])

    def _build(self) -> None:
        for name in _HOSTS:
            self.spaces.add(name)
        ca, ga, gb, cb = (self.spaces[name] for name in _HOSTS)
        for gateway in (ga, gb):
            _forwarding(gateway)
        ca.veth("lan", ga, "lan")
        cb.veth("lan", gb, "lan")
        for name in _HOSTS:
            set_addresses(self.spaces[name], "lan", *ADDRESSES[name]["lan"])
        for host, net in ((ca, 1), (cb, 2)):
            host.route("default", via=f"10.{net}.0.1")
            host.route("::/0", via=f"fd0{net}::1")
        if not self.nat:
            self.join()

    def _translate(self, *, forward: bool) -> None:
        """Put the NAT box before one side; ``forward`` hands ports 500 and 4500 in to it."""
        inner, outer, last = ("ga", "gb", 1) if self.nat == "a" else ("gb", "ga", 2)
        nat = self.spaces.add("nat")
        _forwarding(nat)
        nat.veth("in", self.spaces[inner], "wan")
        nat.veth("wan", self.spaces[outer], "wan")
        nat.address("in", "10.98.0.254/24")
        nat.address("wan", f"10.99.0.{last}/24")
        self.spaces[inner].address("wan", f"10.98.0.{last}/24")
        self.spaces[inner].route("default", via="10.98.0.254")
        self.spaces[outer].address("wan", f"10.99.0.{3 - last}/24")
        inwards = f"iifname wan udp dport {{ 500, 4500 }} dnat to 10.98.0.{last}" if forward else ""
        self.nft(
            "nat",
            f"""table ip lab_nat {{
              chain out {{
                type nat hook postrouting priority srcnat;
                oifname wan meta l4proto udp masquerade to :20000-60000
                oifname wan masquerade
              }}
              chain in {{
                type nat hook prerouting priority dstnat;
                {inwards}
              }}
            }}""",
        )


def set_addresses(space: Namespace, ifname: str, *cidrs: str) -> None:
    """Give a device addresses with their prefix lengths."""
    for cidr in cidrs:
        space.address(ifname, cidr)


def _forwarding(space: Namespace) -> None:
    space.sysctl("net.ipv4.ip_forward", 1)
    space.sysctl("net.ipv6.conf.all.forwarding", 1)
    for which in ("all", "default"):
        space.sysctl(f"net.ipv4.conf.{which}.rp_filter", 0)
        space.sysctl(f"net.ipv4.conf.{which}.promote_secondaries", 1)


def _program(name: str) -> str:
    return find(name) or name
