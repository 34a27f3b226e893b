"""Namespaces come, are joined, and go without a trace."""

import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.lab.needs import require
from tundev.namespaces import Namespace, NamespaceError, Namespaces, end, enter, exists, run, veth


def home() -> str:
    return os.readlink("/proc/thread-self/ns/net")


def test_two_of_them_talk_over_a_wire(spaces: Namespaces) -> None:
    a, b = spaces.add("a"), spaces.add("b")
    veth(a, "left", b, "right")
    for space, ifname, last in ((a, "left", 1), (b, "right", 2)):
        space.address(ifname, f"10.0.0.{last}/24")
        space.address(ifname, f"fd00::{last}/64")
    a.route("10.9.0.0/16", via="10.0.0.2", dev="left")
    b.address("lo", "10.9.0.1/32")
    for address in ("10.0.0.2", "fd00::2", "10.9.0.1"):
        ping = ["ping", "-q", "-c1", "-W2", address]
        assert spaces.run("a", ping, stdout=subprocess.DEVNULL).wait() == 0
    assert a.counters("left")["tx_packets"] >= 3


def test_entering_is_for_this_thread_and_for_a_while(inside: Namespace) -> None:
    there = home()
    with enter(inside.name):
        assert home() == there
    process = run(inside.name, ["readlink", "/proc/self/ns/net"], stdout=subprocess.PIPE)
    assert process.communicate()[0].decode().strip() == there


def test_an_exception_leads_home(spaces: Namespaces) -> None:
    before = home()
    space = spaces.add("a")
    with pytest.raises(KeyError), space.enter():
        raise KeyError(home())
    assert home() == before


def test_parameters_are_the_namespaces_own(spaces: Namespaces) -> None:
    space = spaces.add("a")
    host = Path("/proc/sys/net/ipv4/conf/all/rp_filter").read_text()
    space.sysctl("net.ipv4.conf.all.rp_filter", 2)
    with space.enter():
        assert Path("/proc/sys/net/ipv4/conf/all/rp_filter").read_text() == "2\n"
    assert Path("/proc/sys/net/ipv4/conf/all/rp_filter").read_text() == host


def test_a_failure_leaves_nothing_behind() -> None:
    require()
    prefix = f"tundevx{os.getpid()}"
    made = Namespaces(prefix)
    made.add("a")
    process = made.run("a", ["sleep", "100"])
    with pytest.raises(KeyError), made:
        raise KeyError
    assert process.returncode == -signal.SIGTERM
    assert not exists(f"{prefix}-a")
    assert "a" not in made


def test_an_interrupt_leaves_nothing_behind() -> None:
    require()
    prefix = f"tundevi{os.getpid()}"
    program = f"""
import sys
from tundev.namespaces import Namespaces
with Namespaces({prefix!r}) as made:
    made.add("a")
    process = made.run("a", ["sh", "-c", "echo ready; sleep 100"])
    process.wait()
"""
    child = subprocess.Popen(  # noqa: S603 -- our own interpreter and text
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert child.stdout is not None
    assert child.stdout.readline() == b"ready\n"
    assert exists(f"{prefix}-a")
    child.send_signal(signal.SIGINT)
    _, errors = child.communicate(timeout=30)
    assert b"KeyboardInterrupt" in errors
    assert not exists(f"{prefix}-a")


def test_a_deaf_process_is_killed() -> None:
    process = subprocess.Popen(
        ["/bin/sh", "-c", "trap '' TERM; echo ready; read x"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    process.stdout.readline()
    assert end(process, patience=0.05) == -signal.SIGKILL
    process.communicate()


def test_a_name_is_used_once(spaces: Namespaces) -> None:
    spaces.add("a")
    with pytest.raises(NamespaceError, match="ip netns del"):
        Namespace(spaces["a"].name)
    assert exists(spaces["a"].name)


def test_an_unknown_namespace_cannot_be_entered() -> None:
    with pytest.raises(NamespaceError, match="cannot enter"), enter("tundev-nosuch"):
        pass


def test_an_unknown_device_is_an_error(spaces: Namespaces) -> None:
    with pytest.raises(NamespaceError, match="no device"):
        spaces.add("a").up("eth7")


class _Heard(Exception):
    """The first of the signals."""


def test_signals_while_a_process_starts_lose_no_process_and_keep_their_turn() -> None:
    require()
    heard: list[int] = []

    def note(number: int, _frame: object) -> None:
        heard.append(number)
        if len(heard) == 1:
            raise _Heard

    def hurry() -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            os.kill(parent, number)

    parent = os.getpid()
    before = {one: signal.signal(one, note) for one in (signal.SIGINT, signal.SIGTERM)}
    listening, said = os.pipe()
    try:
        with Namespaces(f"tundevd{parent}") as made:
            made.add("a")
            with pytest.raises(_Heard):
                made.run("a", ["sleep", "100"], stdout=said, preexec_fn=hurry)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    os.close(said)
    assert heard == [signal.SIGINT, signal.SIGTERM]
    assert select.select([listening], [], [], 20)[0]  # its end closes the last other writer
    os.close(listening)
