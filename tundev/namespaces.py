"""Network namespaces, the wires between them, and the processes in them.

Everything is made through one :class:`Namespaces`, whose names share a prefix and which, as a
context manager, leaves nothing behind: it ends by pid the processes it started, then removes its
namespaces and with them their devices.  That covers exceptions and Ctrl-C (KeyboardInterrupt);
for SIGTERM the program must turn the signal into an exception.  Needs root.
"""

import contextlib
import ctypes
import ipaddress
import os
import signal
import subprocess
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final, Self

from pyroute2 import IPRoute, netns

_CLONE_NEWNET: Final = 0x40000000
_RUN: Final = Path("/run/netns")
_IFA_F_NODAD: Final = 0x02
_PATIENCE: Final = 5.0
_ENDS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_LIBC: Final = ctypes.CDLL(None, use_errno=True)


class NamespaceError(OSError):
    """A namespace could not be made or entered; the text says what to do."""


@contextlib.contextmanager
def enter(name: str) -> Iterator[None]:
    """Put this thread into network namespace ``name``, and back.

    Sockets keep the namespace they were opened in, and processes that of the thread that starts
    them.  Never ``await`` inside: other tasks would run in the namespace, too.
    """
    with (
        open("/proc/thread-self/ns/net", "rb") as home,
        _open(name) as there,
    ):
        _setns(there.fileno())
        try:
            yield
        finally:
            _setns(home.fileno())


class Namespace:
    """One named network namespace with its loopback up."""

    def __init__(self, name: str) -> None:
        self.name = name
        try:
            netns.create(name)
        except OSError as error:
            raise NamespaceError(
                error.errno,
                f"cannot make network namespace {name}: {error.strerror} "
                "(needs root with CAP_SYS_ADMIN; `ip netns del` removes a leftover)",
            ) from error
        try:
            with self.enter():
                self._netlink = IPRoute()
            self.up("lo")
            for key in ("accept_dad", "dad_transmits", "router_solicitations"):
                with contextlib.suppress(FileNotFoundError):  # a host without IPv6
                    self.sysctl(f"net.ipv6.conf.default.{key}", 0)
        except BaseException:
            netns.remove(name)
            raise

    def enter(self) -> contextlib.AbstractContextManager[None]:
        """Put this thread into the namespace (see :func:`enter`)."""
        return enter(self.name)

    def remove(self) -> None:
        """Remove the namespace; its devices go with the last process in it."""
        self._netlink.close()
        with contextlib.suppress(FileNotFoundError):
            netns.remove(self.name)

    def run(self, argv: Sequence[str], **options: Any) -> "subprocess.Popen[bytes]":
        """Start a process in the namespace; ``options`` are :class:`subprocess.Popen`'s."""
        with self.enter():
            return subprocess.Popen(argv, **options)  # noqa: S603 -- the caller's own argv, no shell

    def up(self, ifname: str, mtu: int = 0) -> None:
        """Bring a device up, and set its MTU in octets unless 0."""
        settings: dict[str, Any] = {"mtu": mtu} if mtu else {}
        self._netlink.link("set", index=self._index(ifname), state="up", **settings)

    def address(self, ifname: str, cidr: str) -> None:
        """Add an address with its prefix length; IPv6 without duplicate detection's wait."""
        interface = ipaddress.ip_interface(cidr)
        extra = {"flags": _IFA_F_NODAD} if interface.version == 6 else {}
        self._netlink.addr(
            "add",
            index=self._index(ifname),
            address=str(interface.ip),
            prefixlen=interface.network.prefixlen,
            **extra,
        )

    def route(self, prefix: str, via: str = "", dev: str = "") -> None:
        """Add a route by gateway, device or both."""
        way: dict[str, Any] = {"gateway": via} if via else {}
        if dev:
            way["oif"] = self._index(dev)
        self._netlink.route("add", dst=prefix, **way)

    def sysctl(self, key: str, value: int | str) -> None:
        """Set a ``net.`` parameter of the namespace, dots between the parts."""
        with self.enter():
            Path("/proc/sys", *key.split(".")).write_text(str(value))

    def counters(self, ifname: str) -> dict[str, int]:
        """Return a device's counters (``rx_packets``, ``tx_bytes``, ...) since it was made."""
        (link,) = self._netlink.get_links(self._index(ifname))
        return dict(link.get_attr("IFLA_STATS64"))

    def _index(self, ifname: str) -> int:
        found = self._netlink.link_lookup(ifname=ifname)
        if not found:
            raise NamespaceError(0, f"{self.name} has no device {ifname}")
        return int(found[0])

    def veth(self, ifname: str, peer: "Namespace", peer_ifname: str) -> None:
        """Lay a wire from ``ifname`` here to ``peer_ifname`` in ``peer``, and bring it up.

        Addresses come after that: on a device that is down, or whose other end is, IPv6 waits a
        second or two before it answers.
        """
        far = {"ifname": peer_ifname, "net_ns_fd": peer.name}
        self._netlink.link("add", ifname=ifname, kind="veth", peer=far)
        self.up(ifname)
        peer.up(peer_ifname)


class Namespaces:
    """All namespaces and processes of one laboratory or demonstration."""

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix
        self._spaces: dict[str, Namespace] = {}
        self._processes: list[subprocess.Popen[bytes]] = []

    def add(self, name: str) -> Namespace:
        """Make namespace ``PREFIX-NAME``."""
        space = Namespace(f"{self.prefix}-{name}")
        self._spaces[name] = space
        return space

    def __getitem__(self, name: str) -> Namespace:
        return self._spaces[name]

    def __contains__(self, name: str) -> bool:
        return name in self._spaces

    def run(self, name: str, argv: Sequence[str], **options: Any) -> "subprocess.Popen[bytes]":
        """Start a process in namespace ``name`` that is ended with the whole.

        It leads a process group of its own: a terminal's Ctrl-C reaches only us, and what it
        starts in turn is ended with it.
        """
        options.setdefault("start_new_session", True)
        with _deferred():
            process = self._spaces[name].run(argv, **options)
            self._processes.append(process)
        return process

    def close(self) -> None:
        """End the processes, last first, and remove the namespaces; a second Ctrl-C waits."""
        with _uninterrupted():
            while self._processes:
                end(self._processes.pop())
            while self._spaces:
                _, space = self._spaces.popitem()
                space.remove()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def veth(ns1: Namespace, if1: str, ns2: Namespace, if2: str) -> None:
    """Lay a wire between two namespaces and bring it up (see :meth:`Namespace.veth`)."""
    ns1.veth(if1, ns2, if2)


def run(name: str, argv: Sequence[str], **options: Any) -> "subprocess.Popen[bytes]":
    """Start a process in namespace ``name``; whoever calls ends it."""
    with enter(name):
        return subprocess.Popen(argv, **options)  # noqa: S603 -- the caller's own argv, no shell


def end(process: "subprocess.Popen[bytes]", patience: float = _PATIENCE) -> int:
    """End a process: SIGTERM, then after ``patience`` seconds SIGKILL; return its exit code.

    Of a process that leads a session of its own, what is left of its group is killed, too.
    """
    if process.returncode is not None:  # already waited for: its number may be somebody else's
        return process.returncode
    leads = os.getsid(process.pid) == process.pid
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(patience)
        except subprocess.TimeoutExpired:
            process.kill()
    if leads:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    return process.wait()


def exists(name: str) -> bool:
    """Tell whether network namespace ``name`` is there."""
    return (_RUN / name).exists()


def _open(name: str) -> Any:
    try:
        return (_RUN / name).open("rb")
    except OSError as error:
        raise NamespaceError(
            error.errno, f"cannot enter network namespace {name}: {error.strerror}"
        ) from error


def _setns(descriptor: int) -> None:
    if _LIBC.setns(descriptor, _CLONE_NEWNET):
        number = ctypes.get_errno()
        raise NamespaceError(number, f"setns: {os.strerror(number)} (needs CAP_SYS_ADMIN)")


@contextlib.contextmanager
def _deferred() -> Iterator[None]:
    """Let the signals that ask for the end come through afterwards, each in its turn.

    What was started is known then to whoever ends it.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []
    before = {one: signal.signal(one, lambda number, _frame: came.append(number)) for one in _ENDS}
    try:
        yield
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)
    with contextlib.ExitStack() as turn:
        for number in reversed(came):
            turn.callback(signal.raise_signal, number)


@contextlib.contextmanager
def _uninterrupted() -> Iterator[None]:
    """Hold Ctrl-C back while cleaning up (only the main thread gets it)."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
