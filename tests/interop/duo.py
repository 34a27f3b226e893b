"""Our gateway A and a strongSwan B, each with a host behind it, and the words to tell of them.

host ca == our gateway ga == wan == strongSwan gb == host cb
"""

import itertools
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from ikebana.control.client import Client
from ikebana.control.view import ConnectionView, StepMessage, StepResult
from tests.lab.ikebana import Gateway
from tests.lab.needs import find
from tests.lab.strongswan import StrongSwan
from tests.lab.topology import Lab, LabError, wait_for

PSK: Final = "labsecret"
IKE: Final = "aes128-sha256-x25519"
ESP: Final = "aes128gcm16"
HOST_A, HOST_B = "10.1.0.2", "10.2.0.2"
HOST_A6, HOST_B6 = "fd01::2", "fd02::2"
PATIENT: Final = {"try_timeout_s": 30, "first_s": 0.2}
"""Settings under ``retry`` for a wire that loses."""
QUICK_DPD: Final = {"interval_s": 1, "timeout_s": 10}

_OTHER: Final = {"ga": "gb", "gb": "ga"}
_NUMBER: Final = {"ga": 1, "gb": 2}
_RUNNING: Final = itertools.count()


def gateway_toml(
    lab: Lab,
    *connections: str,
    side: str = "ga",
    six: bool = False,
    limits: dict[str, Any] | None = None,
    lab_keys: dict[str, Any] | None = None,
    **fields: Any,
) -> str:
    """Return a configuration file; ``fields`` are more keys of [gateway], None to leave one out."""
    head = {"name": side, "addresses": [lab.outer(side, six=six)]} | fields
    parts = ["[gateway]", *_keys(head)]
    if limits:
        parts += ["[gateway.limits]", *_keys(limits)]
    if lab_keys:
        parts += ["[gateway.lab]", *_keys(lab_keys)]
    return "\n".join([*parts, *connections, ""])


def connection_toml(
    lab: Lab,
    name: str = "net",
    *,
    side: str = "ga",
    six: bool = False,
    inner_six: bool = False,
    ike: str | list[str] = IKE,
    esp: str | list[str] = ESP,
    dpd: dict[str, Any] | None = None,
    retry: dict[str, Any] | None = None,
    lifetime_s: int | None = None,
    ike_keys: dict[str, Any] | None = None,
    ipsec: dict[str, Any] | None = None,
    packets: dict[str, Any] | None = None,
    xauth: dict[str, Any] | None = None,
    address: dict[str, Any] | None = None,
    **fields: Any,
) -> str:
    """Return a connection, the twin of strongSwan's usual one; ``fields`` are its other keys.

    ``lifetime_s`` is that of the child and of the IKE SA; ``ike_keys``, ``ipsec``, ``packets``,
    ``xauth`` and ``address`` are more keys of these tables.  None leaves a key out.
    """
    peer = _OTHER[side]
    here, there = _NUMBER[side], _NUMBER[peer]
    inner = "fd0{}::/64" if inner_six else "10.{}.0.0/24"
    keys = {
        "name": name,
        "peer": lab.public(peer, six=six),
        "local_id": f"{side}.lab",
        "remote_id": f"{peer}.lab",
        "psk": PSK,
        "initiation": "passive",
        "local_subnets": [inner.format(here)],
        "remote_subnets": [inner.format(there)],
    } | fields
    tables = {
        "ike": {"proposals": [ike] if isinstance(ike, str) else ike, "lifetime_s": lifetime_s}
        | (ike_keys or {}),
        "ipsec": {"proposals": [esp] if isinstance(esp, str) else esp, "lifetime_s": lifetime_s}
        | (ipsec or {}),
        "packets": packets or {},
        "xauth": xauth,
        "address": address,
        "dpd": dpd or {},
        "retry": retry or {},
    }
    parts = ["[[connection]]", *_keys(keys)]
    for table, values in tables.items():
        if values is not None:
            parts += [f"[connection.{table}]", *_keys(values)]
    return "\n".join(parts)


class Duo:
    """Both ends; ``ours`` runs with ``connections``, ``swan`` waits for :meth:`Duo.peer`."""

    def __init__(
        self,
        lab: Lab,
        *connections: str,
        argv: tuple[str, ...] = (),
        options: tuple[str, ...] = (),
        peer: type[StrongSwan] = StrongSwan,
        **gateway: Any,
    ) -> None:
        self.lab = lab
        self._gateway = gateway
        self.swan = peer(lab, "gb", options)
        self.ours = Gateway(lab, "ga", gateway_toml(lab, *connections, **gateway), *argv)
        self.client = Client(str(self.ours.control))

    def peer(self, name: str = "net", **settings: Any) -> None:
        """Give strongSwan its usual connection, and nothing else."""
        self.swan.load(self.swan.connection(name, **settings))

    def configure(self, *connections: str) -> None:
        """Replace our connections."""
        self.ours.write(gateway_toml(self.lab, *connections, **self._gateway))
        self.client.reload()

    def see(self, name: str = "net") -> ConnectionView:
        """Return the status of one of our connections."""
        return self.client.status(name).connections[0]

    def up(self, name: str = "net", patience: float = 20) -> list[StepMessage]:
        """Bring a connection up from our side; return the messages that went by."""
        steps = list(self.client.up(name, patience))
        result = steps[-1]
        assert isinstance(result, StepResult)
        assert result.ok, "\n".join(result.lines)
        return [step for step in steps if isinstance(step, StepMessage)]

    def peer_up(self, name: str = "net") -> str:
        """Let strongSwan bring its connection up; return charon's account of it."""
        done, account = self.swan.initiate(name)
        assert done, account
        return account

    def wait_connected(self, name: str = "net", seconds: float = 30) -> ConnectionView:
        """Wait until both ends have the tunnel; return our view of it."""
        wait_for(lambda: self.see(name).state == "connected", seconds, f"{name} connected")
        wait_for(self.swan.established, 5, "strongSwan's tunnel")
        return self.see(name)

    def wait_reason(self, code: str, name: str = "net", seconds: float = 10) -> ConnectionView:
        """Wait until our status gives this reason; return the view that does."""
        wait_for(lambda: self.see(name).reason_code == code, seconds, f"reason {code}")
        return self.see(name)


def hosts_talk(lab: Lab, *, inner_six: bool = False, count: int = 5) -> None:
    """Ping from each host to the other, nothing lost."""
    a, b = (HOST_A6, HOST_B6) if inner_six else (HOST_A, HOST_B)
    lost = lab.ping("ca", b, count, 0.01), lab.ping("cb", a, count, 0.01)
    assert lost == (0, 0), f"lost from A and from B, of {count}: {lost}"


def wait_for_ping(lab: Lab, seconds: float = 30, name: str = "ca", target: str = HOST_B) -> None:
    """Wait until a ping comes back."""
    wait_for(lambda: lab.ping(name, target, 1) == 0, seconds, f"a ping from {name} to {target}")


def swan_sas(swan: StrongSwan) -> int:
    """Return how many IKE SAs strongSwan has established."""
    return swan.list_sas().count(", ESTABLISHED, ")


@contextmanager
def only_tunnelled(lab: Lab, wanted: str = "udp port 4500 or udp port 500") -> Iterator[None]:
    """Assert that nothing but this passes on the wire meanwhile (neighbour discovery apart)."""
    quiet = "arp or ip6 multicast or (icmp6 and ip6[40] >= 133 and ip6[40] <= 143)"
    wire = lab.capture("gb", "wan", f"not ({wanted}) and not ({quiet})")
    yield
    strangers = packets(wire.stop())
    assert not strangers, "\n".join(strangers)


def packets(pcap: Path, *filters: str) -> list[str]:
    """Return tcpdump's lines for a capture."""
    argv = [find("tcpdump") or "tcpdump", "-n", "-v", "-r", str(pcap), *filters]
    found = subprocess.run(argv, capture_output=True, text=True, check=True)  # noqa: S603 - no shell
    return found.stdout.splitlines()


@contextmanager
def deaf(lab: Lab, name: str, what: str) -> Iterator[Callable[[], None]]:
    """Let a gateway lose arriving packets that match nft expression ``what``.

    Yields what ends it early.
    """
    table = "table inet lab_deaf"

    def listen() -> None:
        lab.nft(name, f"{table} {{}}\ndelete {table}")

    hook = "type filter hook prerouting priority raw"
    lab.nft(name, f"{table} {{\nchain arriving {{\n{hook};\n{what}\n}}\n}}")
    try:
        yield listen
    finally:
        listen()


NEW_REQUESTS: Final = "iifname wan udp dport 500 @th,128,64 0 drop"
"""What :func:`deaf` takes for IKE_SA_INIT requests: the responder's SPI is zero."""


class Running:
    """An ``ikebana`` command of ours that goes on while the story does."""

    def __init__(self, duo: Duo, *argv: str) -> None:
        self._duo = duo
        self._path = duo.lab.folder / f"{argv[0]}-{next(_RUNNING)}.log"
        self._process = duo.lab.spawn(
            "ga",
            [sys.executable, "-m", "ikebana", *argv, "--control", str(duo.ours.control)],
            self._path,
            {"PYTHONPATH": str(Path(__file__).parents[2]), "PYTHONUNBUFFERED": "1"},
        )

    @property
    def text(self) -> str:
        """What it has printed."""
        return self._path.read_text()

    def wait_for(self, text: str, seconds: float = 15) -> None:
        """Wait until it has printed this."""
        try:
            wait_for(lambda: text in self.text, seconds, text)
        except LabError as error:
            raise LabError(f"{error}\n{self.text}") from error

    def end(self, seconds: float = 20) -> int:
        """Wait for its end; return its exit code."""
        return self._process.wait(seconds)

    def stop(self) -> None:
        """End it by SIGTERM."""
        self._process.terminate()
        self._process.wait(10)


def _keys(values: dict[str, Any]) -> list[str]:
    return [f"{key} = {_value(value)}" for key, value in values.items() if value is not None]


def _value(value: Any) -> str:
    match value:
        case bool():
            return str(value).lower()
        case str():
            return f'"{value}"'
        case list() | tuple():
            return f"[{', '.join(map(_value, value))}]"
        case dict():
            return "{ " + ", ".join(_keys(value)) + " }"
        case _:
            return str(value)
