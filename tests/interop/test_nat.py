"""A NAT in between: who stands behind it starts, and the other end follows."""

import pytest

from tests.interop.duo import (
    HOST_A,
    QUICK_DPD,
    Duo,
    connection_toml,
    hosts_talk,
    only_tunnelled,
    packets,
    wait_for_ping,
)
from tests.lab.needs import require
from tests.lab.topology import Lab

pytestmark = pytest.mark.lab
NEEDS = ("nft", "tcpdump", "ping", "charon-systemd", "swanctl")


def test_we_are_behind_it_and_start() -> None:
    require(*NEEDS)
    with Lab(nat="a") as lab:
        pair = Duo(lab, connection_toml(lab))
        pair.peer(remote="%any")
        with only_tunnelled(lab):
            pair.up()
            hosts_talk(lab)
        assert pair.see().nat in ("here", "both")  # its ESP pretends one on its own side, too
        assert "remote host is behind NAT" in pair.swan.log
        sas = pair.swan.list_sas()
        assert "10.99.0.1[4500]" not in sas  # the NAT changed the port, and it has followed


def test_the_peer_is_behind_it_and_starts() -> None:
    require(*NEEDS)
    with Lab(nat="b") as lab:
        pair = Duo(lab, connection_toml(lab, peer="any"))
        pair.peer()
        with only_tunnelled(lab, "udp"):
            pair.peer_up()
            hosts_talk(lab)
        assert pair.see().nat == "there"
        assert "local host is behind NAT" in pair.swan.log


def test_the_peer_behind_it_can_be_given_by_the_nats_address() -> None:
    require(*NEEDS)
    with Lab(nat="b", forward=True) as lab:
        pair = Duo(lab, connection_toml(lab))
        pair.peer()
        pair.up()
        hosts_talk(lab)
        assert pair.see().nat == "there"


def test_the_nats_address_changes_and_we_follow() -> None:
    require(*NEEDS)
    with Lab(nat="b") as lab:
        pair = Duo(lab, connection_toml(lab, peer="any", dpd=QUICK_DPD))
        pair.peer()
        pair.peer_up()
        hosts_talk(lab)
        before = pair.see()
        move = ("add 10.99.0.7/24", "del 10.99.0.2/24", "replace 10.99.0.7/24")
        for step in move:  # the translations go with the old address
            lab.check("nat", ["ip", "address", *step.split(), "dev", "wan"])
        wire = lab.capture("ga", "wan", "dst 10.99.0.7")
        wait_for_ping(lab, 20, "cb", HOST_A)
        hosts_talk(lab)
        assert len(packets(wire.stop())) >= 10
        assert pair.see().initiator_spi == before.initiator_spi
