"""A real strongSwan in a gateway's namespace: IKE by charon, ESP in userspace.

Its userspace ESP (kernel-libipsec) is tunnel mode in UDP only: it pretends to be behind a NAT, so
that a peer must follow it to port 4500.  With a kernel of its own (tests/lab/kernel_peer.py) the
same charon does all the rest.
"""

import os
import socket
import struct
from collections.abc import Iterable
from pathlib import Path
from typing import Final, Protocol

from tests.lab.needs import find
from tests.lab.topology import Lab, LabError, wait_for
from tundev.namespaces import end

_PLUGINS: Final = (
    "random nonce openssl aes des gcm ccm ctr chapoly hmac cmac xcbc md5 sha1 sha2 "
    "mgf1 gmp curve25519 kdf fips-prf pem pkcs1 pkcs8 x509 pubkey constraints revocation "
    "kernel-netlink socket-default vici updown attr eap-identity eap-mschapv2 eap-md5 eap-tls "
    "xauth-generic unity"
)
_FOLDERS: Final = ("x509", "x509ca", "x509crl", "pubkey", "private", "rsa", "ecdsa", "pkcs8")
_IDS: Final = {"ga": "ga.lab", "gb": "gb.lab"}
_NETS: Final = {"ga": "10.1.0.0/24", "gb": "10.2.0.0/24"}
_NETS6: Final = {"ga": "fd01::/64", "gb": "fd02::/64"}

COOKIES: Final = "cookie_threshold = 1"
"""The option with which one half-open IKE SA is enough for cookies."""


class Home(Protocol):
    """Where a charon and its swanctl run."""

    @property
    def plugins(self) -> str:
        """Which plugins it needs there, before all others."""

    @property
    def vici(self) -> str:
        """The path of its socket, seen from there."""

    @property
    def pid(self) -> int:
        """The process whose CPU time is that of the peer."""

    def start(self, argv: list[str], log: Path, env: dict[str, str]) -> None:
        """Start charon; returns at once."""

    def is_running(self) -> bool:
        """Tell whether it has not ended."""

    def is_listening(self) -> bool:
        """Tell whether its socket is there."""

    def stop(self) -> None:
        """End charon by SIGTERM."""

    def kill(self) -> None:
        """End charon by SIGKILL."""

    def run(self, argv: list[str], env: dict[str, str]) -> tuple[int, str]:
        """Run swanctl to its end; return its exit code and its output."""


class InNamespace:
    """A charon as a process of this host, in a gateway's namespace."""

    plugins = "kernel-libipsec"

    def __init__(self, lab: Lab, name: str) -> None:
        self._lab = lab
        self._name = name
        self._vici = lab.folder / f"vici-{name}"

    @property
    def vici(self) -> str:
        """The path of its socket."""
        return str(self._vici)

    @property
    def pid(self) -> int:
        """Charon's process id."""
        return self._process.pid

    def start(self, argv: list[str], log: Path, env: dict[str, str]) -> None:
        """Start charon in the namespace."""
        self._vici.unlink(missing_ok=True)
        self._process = self._lab.spawn(self._name, argv, log, env)

    def is_running(self) -> bool:
        """Tell whether the process lives."""
        return self._process.poll() is None

    def is_listening(self) -> bool:
        """Tell whether its socket is there."""
        return self._vici.exists()

    def stop(self) -> None:
        """End it in good order, if it still runs."""
        end(self._process)

    def kill(self) -> None:
        """End it at once."""
        self._process.kill()
        self._process.wait()

    def run(self, argv: list[str], env: dict[str, str]) -> tuple[int, str]:
        """Run a command in the namespace."""
        code, output, errors = self._lab.run(self._name, argv, env=env)
        return code, output + errors


class StrongSwan:
    """One charon; ``options`` are more lines of strongswan.conf's charon section."""

    def __init__(
        self,
        lab: Lab,
        name: str,
        options: Iterable[str] = (),
        *,
        log_level: int = 1,
        home: Home | None = None,
    ) -> None:
        self._lab = lab
        self.name = name
        self._home: Home = home or InNamespace(lab, name)
        self._folder = lab.folder / f"swan-{name}"
        self._log = self._folder / "charon.log"
        self._conf = self._folder / "strongswan.conf"
        self._swanctl_conf = self._folder / "swanctl" / "swanctl.conf"
        for folder in _FOLDERS:
            (self._folder / "swanctl" / folder).mkdir(parents=True)
        self._conf.write_text(self._settings(options, log_level))
        self._start()

    # ---- configuration ----

    def connection(
        self,
        name: str = "net",
        *,
        version: int = 2,
        local: str = "",
        remote: str = "",
        local_id: str = "",
        remote_id: str = "",
        psk: str = "labsecret",
        ike: str = "aes128-sha256-x25519",
        esp: str = "aes128gcm16",
        local_ts: str = "",
        remote_ts: str = "",
        six: bool = False,
        inner_six: bool = False,
        lines: Iterable[str] = (),
        child_lines: Iterable[str] = (),
    ) -> str:
        """Return the usual swanctl.conf for this side: PSK, one child, all the rest by argument.

        ``six`` puts IPv6 outside, ``inner_six`` inside; ``lines`` and ``child_lines`` are more
        lines of the connection and the child.
        """
        me, peer = self.name, "gb" if self.name == "ga" else "ga"
        nets = _NETS6 if inner_six else _NETS
        more = "\n    ".join(lines)
        child = "\n      ".join(child_lines)
        return f"""connections {{
  {name} {{
    version = {version}
    local_addrs = {local or self._lab.outer(me, six=six)}
    remote_addrs = {remote or self._lab.public(peer, six=six)}
    proposals = {ike}
    {more}
    local {{
      auth = psk
      id = {local_id or _IDS[me]}
    }}
    remote {{
      auth = psk
      id = {remote_id or _IDS[peer]}
    }}
    children {{ {name} {{
      local_ts = {local_ts or nets[me]}
      remote_ts = {remote_ts or nets[peer]}
      esp_proposals = {esp}
      {child}
    }} }}
  }}
}}
secrets {{ ike-{name} {{
  secret = "{psk}"
}} }}
"""

    def load(self, text: str) -> None:
        """Replace all connections and secrets by those in ``text`` (swanctl.conf)."""
        self._swanctl_conf.write_text(text)
        code, output = self.swanctl("--load-all", "--file", str(self._swanctl_conf))
        if code:
            raise LabError(f"swanctl --load-all in {self.name}: {output}")

    # ---- doing ----

    def initiate(self, child: str = "net", timeout: int = 20) -> tuple[bool, str]:
        """Bring a child up; return whether it came up, and charon's account of it."""
        code, output = self.swanctl("--initiate", "--child", child, "--timeout", str(timeout))
        return code == 0, output

    def terminate(self, ike: str = "net") -> tuple[bool, str]:
        """Delete an IKE SA and its children."""
        code, output = self.swanctl("--terminate", "--ike", ike, "--timeout", "10")
        return code == 0, output

    def list_sas(self) -> str:
        """Return ``swanctl --list-sas``."""
        return self.swanctl("--list-sas")[1]

    def swanctl(self, *argv: str) -> tuple[int, str]:
        """Run swanctl against this charon; return its exit code and all its output."""
        where = ["--uri", f"unix://{self._home.vici}"]
        return self._home.run([find("swanctl") or "swanctl", *argv, *where], self._environment())

    def demand_cookies(self) -> None:
        """Make charon ask for cookies for 30 s; needs the option :data:`COOKIES`."""
        peer = "gb" if self.name == "ga" else "ga"
        with (
            self._lab[peer].enter(),
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock,
        ):
            sock.settimeout(5)
            sock.bind((self._lab.outer(peer), 0))
            sock.sendto(half_open_request(), (self._lab.public(self.name), 500))
            sock.recv(2000)

    def established(self) -> bool:
        """Tell whether there is an IKE SA with an installed child."""
        sas = self.list_sas()
        return "ESTABLISHED" in sas and "INSTALLED" in sas

    @property
    def log(self) -> str:
        """All that charon has logged so far."""
        return self._log.read_text(errors="replace")

    @property
    def pid(self) -> int:
        """Charon's process id, for its CPU time."""
        return self._home.pid

    # ---- life ----

    def stop(self) -> None:
        """End it in good order: it deletes its SAs."""
        self._home.stop()

    def kill(self) -> None:
        """End it by SIGKILL: its peer hears nothing."""
        self._home.kill()

    def restart(self) -> None:
        """Start it again after :meth:`kill` or :meth:`stop`, with the configuration it had."""
        self._home.stop()
        self._start()
        if self._swanctl_conf.exists():
            self.load(self._swanctl_conf.read_text())

    def _start(self) -> None:
        # no --version or the like here: charon-systemd starts whatever it is given
        argv = [find("charon-systemd") or "charon-systemd"]
        self._home.start(argv, self._log, self._environment())
        try:
            wait_for(self._answers, 15, f"charon in {self.name}")
        except LabError as error:
            raise LabError(f"{error}\n{self.log}") from error

    def _answers(self) -> bool:
        if not self._home.is_running():
            raise LabError(f"charon in {self.name} ended:\n{self.log}")
        return self._home.is_listening() and self.swanctl("--stats")[0] == 0

    def _environment(self) -> dict[str, str]:
        return {
            "STRONGSWAN_CONF": str(self._conf),
            "SWANCTL_DIR": str(self._folder / "swanctl"),
            "PATH": os.environ.get("PATH", "") + ":/usr/sbin:/sbin",
        }

    def _settings(self, options: Iterable[str], log_level: int) -> str:
        more = "\n  ".join(options)
        return f"""charon-systemd {{
  load = {self._home.plugins} {_PLUGINS}
  plugins {{
    vici {{
      socket = unix://{self._home.vici}
    }}
  }}
  i_dont_care_about_security_and_use_aggressive_mode_psk = yes
  {more}
  filelog {{
    stderr {{
      default = {log_level}
    }}
  }}
}}
swanctl {{
  load = random openssl pem pkcs1 pkcs8 x509 pubkey
}}
"""


def log_of(folder: Path) -> str:
    """Return the text of every log in a lab's folder, for a failure's report."""
    return "\n".join(
        f"--- {path.name} ---\n{path.read_text(errors='replace')}"
        for path in sorted(folder.rglob("*.log"))
    )


def half_open_request() -> bytes:
    """Return an IKE_SA_INIT request of somebody who will never go on (RFC 7296 section 1.2).

    With ``cookie_threshold = 1`` one of them makes charon ask everybody else for a cookie for the
    next 30 s.  AES-CBC-128, HMAC-SHA2-256-128, PRF-HMAC-SHA2-256, x25519.
    """
    transforms = [
        (1, 12, bytes.fromhex("800e0080")),  # encryption, with its key length attribute
        (3, 12, b""),
        (2, 5, b""),
        (4, 31, b""),
    ]
    body = b""
    for number, (kind, name, extra) in enumerate(transforms, 1):
        last = 0 if number == len(transforms) else 3
        body += struct.pack(">BxHBxH", last, 8 + len(extra), kind, name) + extra
    proposal = struct.pack(">BxHBBBB", 0, 8 + len(body), 1, 1, 0, len(transforms)) + body
    payloads = b"".join(
        struct.pack(">BxH", following, 4 + len(content)) + content
        for following, content in (
            (34, proposal),
            (40, struct.pack(">HH", 31, 0) + os.urandom(32)),
            (0, os.urandom(32)),
        )
    )
    head = os.urandom(8) + bytes(8)
    return head + struct.pack(">BBBBII", 33, 0x20, 34, 0x08, 0, 28 + len(payloads)) + payloads
