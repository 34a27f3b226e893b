"""The lab itself: addresses, loss, translation, and nothing left over."""

import select

import pytest

from tests.lab.needs import require
from tests.lab.topology import Lab, LabError, wait_for
from tundev.namespaces import exists
from tundev.udp import open_udp, receive, send

pytestmark = pytest.mark.lab


def test_neighbours_answer_and_nobody_else(lab: Lab) -> None:
    for name, target in [
        ("ca", "10.1.0.1"),
        ("ca", "fd01::1"),
        ("ga", "10.99.0.2"),
        ("ga", "fd99::2"),
        ("cb", "10.2.0.1"),
        ("cb", "fd02::1"),
    ]:
        assert lab.ping(name, target) == 0
    assert lab.ping("ca", "10.2.0.2", 1) == 1


def test_loss_takes_about_its_share_and_goes_again(lab: Lab) -> None:
    lab.loss(20)  # both ways: 36 % of the pings
    assert 100 < lab.ping("ga", "10.99.0.2", 400, 0.002) < 190
    lab.loss(0)
    assert lab.ping("ga", "10.99.0.2", 50, 0.002) == 0


@pytest.mark.parametrize("side", ["a", "b"])
def test_a_nat_hides_addresses_and_ports(side: str) -> None:
    require("nft", "ping")
    inner, outer = ("ga", "gb") if side == "a" else ("gb", "ga")
    with Lab(nat="a" if side == "a" else "b") as lab:
        assert lab.outer(inner).startswith("10.98.0.")
        with (
            lab[inner].enter(),
            open_udp(lab.outer(inner), 500, 0) as client,
            lab[outer].enter(),
            open_udp(lab.outer(outer), 500, 0) as server,
        ):
            assert send(client, b"x", "", (lab.public(outer), 500))
            assert select.select([server], [], [], 2)[0]
            got = receive(server)
            assert got is not None
            address, port = got[1]
            assert address == lab.public(inner)
            assert 20000 <= port <= 60000
        assert lab.ping(outer, lab.outer(inner), 1) == 1


def test_a_nat_can_forward_the_ports_of_ike() -> None:
    require("nft")
    with (
        Lab(nat="b", forward=True) as lab,
        lab["ga"].enter(),
        open_udp("10.99.0.1", 0, 0) as client,
        lab["gb"].enter(),
        open_udp("10.98.0.2", 4500, 0) as server,
    ):
        assert send(client, b"x", "", ("10.99.0.2", 4500))
        wait_for(lambda: receive(server), 2, "a datagram")


def test_a_capture_holds_what_passed(lab: Lab) -> None:
    capture = lab.capture("gb", "wan", "icmp")
    assert lab.ping("ga", "10.99.0.2") == 0
    wait_for(lambda: capture.path.stat().st_size >= 24 + 6 * (16 + 98), 3, "six packets")
    assert capture.stop().read_bytes()[:4] in {b"\xd4\xc3\xb2\xa1", b"\x4d\x3c\xb2\xa1"}


def test_processes_end_with_the_lab() -> None:
    require()
    with Lab() as lab:
        process = lab.spawn("ca", ["sleep", "100"], lab.folder / "sleep.log")
        folder, name = lab.folder, lab["ca"].name
        assert exists(name)
    assert process.returncode is not None
    assert not folder.exists()
    assert not exists(name)


def test_a_failed_command_tells_its_words(lab: Lab) -> None:
    with pytest.raises(LabError, match="no such file"):
        lab.check("ca", ["sh", "-c", "echo no such file >&2; exit 3"])
    assert lab.run("ca", ["cat"], "given") == (0, "given", "")


def test_a_slow_command_is_ended(lab: Lab) -> None:
    with pytest.raises(LabError, match="not within"):
        lab.run("ca", ["sleep", "50"], timeout=0.05)
