"""An IKEv1 connection at both ends, told once: mode, XAUTH, mode config, PFS, who starts.

Who starts is the client of XAUTH and of mode config, as people at home are.
"""

from dataclasses import dataclass
from typing import Any, Final, Literal

from tests.interop.duo import Duo, connection_toml, swan_sas
from tests.lab.legacy import PASSWORD, POOL, USER, legacy
from tests.lab.topology import Lab, wait_for

IKE: Final = "aes128-sha256-modp2048"
ESP: Final = "aes128gcm16"
PFS: Final = "-modp2048"
BANNER: Final = "Welcome to the laboratory"
DNS: Final = "10.1.0.53"


@dataclass(frozen=True)
class Terms:
    """What both ends have to agree on."""

    we_start: bool = True
    aggressive: bool = False
    xauth: bool = False
    config: Literal["", "pull", "push"] = ""
    pfs: bool = False
    ike: str = IKE
    esp: str = ESP

    def __str__(self) -> str:
        words = [
            "we start" if self.we_start else "peer starts",
            "aggressive" if self.aggressive else "main",
            "XAUTH" if self.xauth else "PSK",
            self.config,
            "PFS" if self.pfs else "",
        ]
        return ", ".join(filter(None, words))

    @property
    def transforms(self) -> str:
        """The child's proposal."""
        return self.esp + PFS * self.pfs

    def ours(self, lab: Lab, name: str = "net", **fields: Any) -> list[str]:
        """Return our connection, its users and its pools; ``fields`` as of connection_toml."""
        mode = "aggressive" if self.aggressive else "main"
        ike_keys: dict[str, Any] = {"version": "ikev1", "mode": mode}
        if self.aggressive and not self.we_start:
            ike_keys["allow_aggressive_psk"] = True
        tables: dict[str, Any] = {"ike_keys": ike_keys | fields.pop("ike_keys", {})}
        if self.we_start:
            fields = {"initiation": "on_demand"} | fields  # a client may not be passive
        role = "client" if self.we_start else "server"
        if self.xauth:
            client = {"user": USER, "password": PASSWORD} if self.we_start else {}
            tables["xauth"] = {"role": role} | client
        if self.config:
            server = {} if self.we_start else {"pool": "rooms", "method": self.config}
            tables["address"] = {"role": role} | server
            tables |= {"local_subnets" if self.we_start else "remote_subnets": None}
        parts = [connection_toml(lab, name, ike=self.ike, esp=self.transforms, **(tables | fields))]
        if self.xauth and not self.we_start:
            parts.append(f'[[user]]\nname = "{USER}"\npassword = "{PASSWORD}"')
        if self.config and not self.we_start:
            parts.append(
                f'[[pool]]\nname = "rooms"\nnetwork = "{POOL}"\ndns = ["{DNS}"]\n'
                f'subnets = ["10.1.0.0/24"]\nbanner = "{BANNER}"'
            )
        return parts

    def theirs(self, duo: Duo, name: str = "net", **settings: Any) -> str:
        """Return strongSwan's connection; ``settings`` as of its ``connection``."""
        role: Literal["server", "client"] = "server" if self.we_start else "client"
        return legacy(
            duo.swan,
            name,
            **({
                "aggressive": self.aggressive,
                "xauth": role if self.xauth else "",
                "config": role if self.config else "",
                "push": self.config == "push",
                "ike": self.ike,
                "esp": self.transforms,
            } | settings),
        )  # fmt: skip


def give(duo: Duo, terms: Terms, *, anybody: bool = False, **settings: Any) -> None:
    """Configure both ends anew; ``anybody``: who does not start does not know who will.

    ``settings`` are the peer's, as of :meth:`Terms.theirs`.
    """
    duo.configure()
    peer = {"peer": "any"} if anybody and not terms.we_start else {}
    duo.configure(*terms.ours(duo.lab, **peer))
    remote = {"remote": "%any"} if anybody and terms.we_start else {}
    duo.swan.load(terms.theirs(duo, **(remote | settings)))


def begin(duo: Duo, terms: Terms) -> None:
    """Let who starts start, and wait until both ends have the tunnel."""
    if terms.we_start:
        duo.up()
    else:
        duo.peer_up()
    duo.wait_connected(seconds=10)


def end(duo: Duo, terms: Terms) -> None:
    """Let who started end it, and wait until nothing is left of it."""
    if terms.we_start:
        duo.client.down("net")
    else:
        duo.swan.terminate()
    wait_for(lambda: duo.see().state == "down", 5, "the end here")
    wait_for(lambda: swan_sas(duo.swan) == 0, 5, "the end at the peer")
