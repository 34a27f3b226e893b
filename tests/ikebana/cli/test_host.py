"""Looking at this very host."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from ikebana.cli.host import PORTS, look
from tests.ikebana.control.fake import FakeDaemon, served
from tests.lab.needs import require
from tundev.namespaces import Namespaces


@pytest.fixture
def alone() -> Iterator[None]:
    require()
    with Namespaces(f"doctor{os.getpid()}") as spaces, spaces.add("host").enter():
        yield


def test_a_daemon_that_runs_is_asked(tmp_path: Path) -> None:
    with served(FakeDaemon(), tmp_path / "s") as path:
        found = look(path).daemon
    assert found is not None
    assert (found.name, found.worker.pid) == ("moon", 4243)


def test_no_daemon_is_no_error(tmp_path: Path) -> None:
    found = look(str(tmp_path / "nobody"))
    assert found.daemon is None
    assert found.kernel
    assert 0 < found.seal_us < 10_000
    assert [port.number for port in found.ports] == [*PORTS]


@pytest.mark.usefixtures("alone")
def test_a_root_sees_it_all(tmp_path: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taker:
        taker.bind(("127.0.0.1", 4500))
        found = look(str(tmp_path / "nobody"))
    assert found.tun_error == 0
    assert found.offloads
    assert found.gso
    assert found.gro
    ike, nat = found.ports
    assert (ike.holder, ike.is_known) == ("", True)
    assert str(os.getpid()) in nat.holder
