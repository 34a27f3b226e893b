"""The sockets of the gateway: UDP 500 and 4500, raw ESP and AH, opened once and kept."""

import contextlib
from collections.abc import Iterator, Sequence
from socket import socket
from typing import Final

from policy.path import Path
from tundev import raw, udp

EVERYWHERE: Final = ("0.0.0.0", "::")  # noqa: S104 - a gateway listens on all addresses
_MARKER: Final = bytes(4)  # RFC 3948 section 2.2
_BATCH: Final = 32


class Sockets:
    """Open on construction; raise :exc:`~tundev.udp.CannotListen` or RawError, nothing left open.

    The worker gets ``nat``, ``esp`` and ``ah`` and alone reads them; the daemon reads ``ike`` and
    sends IKE on either.  Without raw sockets, ``with_esp`` False, only UDP carries packets, and
    root is not needed.
    """

    def __init__(
        self,
        addresses: Sequence[str],
        mark: int,
        port: int = 500,
        nat_port: int = 4500,
        *,
        with_esp: bool = True,
    ) -> None:
        self._port = port
        self._nat_port = nat_port
        self.ike: dict[str, socket] = {}
        self.nat: dict[str, socket] = {}
        self.esp: dict[int, socket] = {}
        self.ah: dict[int, socket] = {}
        try:
            for address in addresses or _usable():
                self.ike[address] = udp.open_udp(address, port, mark)
                self.nat[address] = udp.open_udp(address, nat_port, mark)
                version = 6 if ":" in address else 4
                if with_esp and version not in self.esp:
                    self.esp[version] = raw.open_esp(6 if version == 6 else 4, mark, errors=True)
                    self.ah[version] = raw.open_ah(6 if version == 6 else 4, mark, errors=True)
        except OSError:
            self.close()
            raise

    @property
    def listening(self) -> tuple[str, ...]:
        """Return what is listened on, for people."""
        named = (f"[{a}]" if ":" in a else a for a in self.ike)
        return tuple(f"{a}:{port}" for a in named for port in (self._port, self._nat_port))

    def send(self, data: bytes, path: Path) -> bool:
        """Send an IKE datagram along ``path``; tell whether the kernel took it."""
        local = path.local[0]
        sockets = self.nat if path.encapsulated else self.ike
        sock = sockets.get(local) or sockets.get(EVERYWHERE[":" in local])
        if sock is None:
            return False
        return udp.send(sock, _MARKER + data if path.encapsulated else data, local, path.remote)

    def send_keepalive(self, path: Path) -> None:
        """Send the one octet that keeps a NAT's mapping (RFC 3948 section 2.3)."""
        sock = self.nat.get(path.local[0]) or self.nat.get(EVERYWHERE[":" in path.local[0]])
        if sock is not None:
            udp.send(sock, b"\xff", path.local[0], path.remote)

    def receive(self, sock: socket) -> Iterator[tuple[bytes, Path]]:
        """Yield what waits on one of the ``ike`` sockets."""
        for data, remote, local in udp.receive_batch(sock, _BATCH):
            yield data, Path((local, self._port), remote)

    def close(self) -> None:
        """Close them all."""
        both = (*self.esp.values(), *self.ah.values())
        for sock in (*self.ike.values(), *self.nat.values(), *both):
            with contextlib.suppress(OSError):
                sock.close()


def _usable() -> tuple[str, ...]:
    """Return the wildcards this host can bind."""
    try:
        udp.open_udp("::1", 0, 0).close()
    except OSError:
        return EVERYWHERE[:1]
    return EVERYWHERE
