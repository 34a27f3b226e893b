"""The two ends of a scenario behind one face: our gateway, and whatever the peer is."""

import re
from typing import Final, Protocol

from ikebana.control.client import Client
from ikebana.control.view import ConnectionView, StepResult
from tests.lab.ikebana import Gateway
from tests.lab.kernel_peer import KernelPeer
from tests.lab.strongswan import StrongSwan
from tests.lab.topology import Lab

NAME: Final = "net"
"""The connection of every scenario."""
Spis = frozenset[tuple[int, int]]

_IKE: Final = re.compile(r"^\S+: #\d+, ESTABLISHED, IKEv\d, (\w+)_i\*? (\w+)_r", re.MULTILINE)
_CHILD: Final = re.compile(
    r"^  \S+: #\d+, reqid \d+, (\w+),.*?(?=^  \S|\Z)", re.MULTILINE | re.DOTALL
)
_IN: Final = re.compile(r"^    in  (\w+)", re.MULTILINE)
_OUT: Final = re.compile(r"^    out (\w+)", re.MULTILINE)
_CONFIGURED: Final = re.compile(r"^  (\S+): (?:TUNNEL|TRANSPORT)", re.MULTILINE)


class Side(Protocol):
    """What a scenario asks of an end."""

    address: str
    """The IPv4 address of its wan device."""

    @property
    def log(self) -> str:
        """All that it has logged."""

    def up(self) -> None:
        """Bring the connection up, all its children."""

    def rekey(self, kind: str) -> None:
        """Begin to rekey the children ("child") or the IKE SA ("ike")."""

    def reauth(self) -> None:
        """Begin to authenticate anew."""

    def delete(self, kind: str) -> None:
        """Delete the children or the IKE SA."""

    def kill(self) -> None:
        """End it without a word."""

    def restart(self) -> None:
        """Start it again."""

    def ip(self, *argv: str) -> None:
        """Run ``ip`` where its network is."""

    def children(self) -> Spis:
        """Return the inbound and outbound SPIs of its children in use."""

    def ikes(self) -> frozenset[tuple[str, str]]:
        """Return initiator's and responder's SPIs of its established IKE SAs."""


class Ours:
    """Our own gateway, as either end."""

    def __init__(self, lab: Lab, name: str, toml_text: str) -> None:
        self._lab = lab
        self._name = name
        self.address = lab.outer(name)
        self.gateway = Gateway(lab, name, toml_text)
        self.client = Client(str(self.gateway.control))

    @property
    def log(self) -> str:
        """The daemon's log."""
        return self.gateway.log

    def see(self) -> ConnectionView:
        """Return its status."""
        return self.client.status(NAME).connections[0]

    def up(self) -> None:
        """Bring the connection up; a refusal is told with its reason."""
        result = list(self.client.up(NAME, 30))[-1]
        assert isinstance(result, StepResult)
        assert result.ok, "\n".join(result.lines)

    def rekey(self, kind: str) -> None:
        """Rekey, and wait for the end."""
        outcome = self.client.rekey(NAME, 20, ike=kind == "ike")
        assert outcome.ok, "\n".join(outcome.lines)

    def reauth(self) -> None:
        """Authenticate anew, and wait for the end."""
        outcome = self.client.reauth(NAME, 20)
        assert outcome.ok, "\n".join(outcome.lines)

    def delete(self, kind: str) -> None:
        """Take the connection down."""
        assert kind == "ike", "no command of ours deletes a child alone"
        self.client.down(NAME)

    def kill(self) -> None:
        """End daemon and worker."""
        self.gateway.kill()

    def restart(self) -> None:
        """Start it again."""
        self.gateway.restart()

    def ip(self, *argv: str) -> None:
        """Run it in the namespace."""
        self._lab.check(self._name, ["ip", *argv])

    def children(self) -> Spis:
        """Return what its status shows."""
        return frozenset((one.inbound_spi, one.outbound_spi) for one in self.see().children)

    def ikes(self) -> frozenset[tuple[str, str]]:
        """Return what its status shows."""
        view = self.see()
        return frozenset({(view.initiator_spi, view.responder_spi)} if view.initiator_spi else ())


class Swan:
    """A strongSwan, with whichever ESP."""

    def __init__(self, lab: Lab, peer: StrongSwan, conf: str) -> None:
        self._lab = lab
        self.swan = peer
        self.address = lab.outer(peer.name)
        peer.load(conf)

    @property
    def log(self) -> str:
        """Charon's log."""
        return self.swan.log

    def up(self) -> None:
        """Initiate every child that is configured."""
        for child in _CONFIGURED.findall(self.swan.swanctl("--list-conns")[1]):
            done, account = self.swan.initiate(child)
            assert done, account

    def rekey(self, kind: str) -> None:
        """Ask for it; charon does not wait."""
        if kind == "ike":
            self._do("--rekey", "--ike", NAME)
        else:
            for child in _CONFIGURED.findall(self.swan.swanctl("--list-conns")[1]):
                self._do("--rekey", "--child", child)

    def reauth(self) -> None:
        """Ask for it; charon does not wait."""
        self._do("--rekey", "--ike", NAME, "--reauth")

    def delete(self, kind: str) -> None:
        """Terminate, and wait for the answer."""
        self.swan.swanctl("--terminate", f"--{kind}", NAME, "--timeout", "10")

    def kill(self) -> None:
        """End charon."""
        self.swan.kill()

    def restart(self) -> None:
        """Start it again with what it had."""
        self.swan.restart()

    def ip(self, *argv: str) -> None:
        """Run it in the namespace or machine."""
        if isinstance(self.swan, KernelPeer):
            self.swan.machine.check(" ".join(("ip", *argv)))
        else:
            self._lab.check(self.swan.name, ["ip", *argv])

    def children(self) -> Spis:
        """Return what charon calls installed."""
        found = _CHILD.finditer(self.swan.list_sas())
        return frozenset(
            (_spi(_IN, one.group(0)), _spi(_OUT, one.group(0)))
            for one in found
            if one.group(1) == "INSTALLED"
        )

    def ikes(self) -> frozenset[tuple[str, str]]:
        """Return what charon calls established."""
        return frozenset((i, r) for i, r in _IKE.findall(self.swan.list_sas()))

    def _do(self, *argv: str) -> None:
        code, output = self.swan.swanctl(*argv)
        assert code == 0, output


def _spi(pattern: re.Pattern[str], text: str) -> int:
    found = pattern.search(text)
    return int(found.group(1), 16) if found else 0
