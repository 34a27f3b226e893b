"""The kernel peer: it boots, it is a strongSwan like the other, and nothing of it is left."""

from pathlib import Path

import pytest

from tests.lab.kernel_peer import KernelPeer, require_kernel_peer
from tests.lab.strongswan import StrongSwan
from tests.lab.topology import Lab

pytestmark = pytest.mark.lab


@pytest.fixture
def peer(lab: Lab) -> KernelPeer:
    require_kernel_peer()
    return KernelPeer(lab)


def test_it_answers_in_the_place_of_the_gateway(lab: Lab, peer: KernelPeer) -> None:
    assert lab.ping("ga", "10.99.0.2") == 0
    assert lab.ping("ga", "fd99::2") == 0
    assert lab.ping("cb", "10.2.0.1") == 0
    assert "esp4" in peer.machine.check("cat /proc/modules")


def test_two_of_them_could_be_one_of_each(lab: Lab, peer: KernelPeer) -> None:
    peer.load(peer.connection())
    other = StrongSwan(lab, "ga")
    other.load(other.connection())
    done, account = other.initiate()
    assert done, account
    assert peer.established()
    assert lab.ping("ca", "10.2.0.2") == 0
    assert other.terminate()[0]
    peer.kill()
    peer.restart()
    assert other.initiate()[0]


def test_nothing_of_it_is_left() -> None:
    require_kernel_peer()
    with Lab() as lab:
        peer = KernelPeer(lab)
        family = {peer.pid, *_offspring(peer.pid)}
        folder = str(lab.folder)
    left = [pid for pid in family if Path(f"/proc/{pid}").exists()]
    assert not left
    assert not [one for one in Path("/proc").glob("[0-9]*/cmdline") if folder in _text(one)]


def _offspring(pid: int) -> list[int]:
    found = [pid]
    for one in found:
        for task in Path(f"/proc/{one}/task").glob("*/children"):
            found += [int(child) for child in task.read_text().split()]
    return found


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:  # ended meanwhile
        return ""
