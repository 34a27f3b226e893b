"""Two strongSwans through the lab: what our own gateway will have to do."""

import pytest

from tests.lab.needs import require
from tests.lab.strongswan import COOKIES, StrongSwan
from tests.lab.topology import Lab, wait_for

pytestmark = pytest.mark.lab


def test_two_of_them_make_a_tunnel(lab: Lab) -> None:
    b, a = StrongSwan(lab, "gb"), StrongSwan(lab, "ga")
    b.load(b.connection())
    a.load(a.connection())
    wire = lab.capture("gb", "wan", "icmp")
    done, account = a.initiate()
    assert done, account
    assert "CURVE_25519" in account
    assert "AES_GCM_16_128" in account
    assert a.established()
    assert b.established()
    wait_for(lambda: lab.ping("ca", "10.2.0.2", 1) == 0, 5, "a ping")
    assert lab.ping("cb", "10.1.0.2", 3) == 0
    assert "INSTALLED, TUNNEL-in-UDP" in b.list_sas()
    assert wire.stop().stat().st_size == 24  # a pcap header: nothing passed in clear
    assert a.terminate()[0]
    wait_for(lambda: not b.established(), 5, "the deletion")


def test_ipv6_outside_and_inside(lab: Lab) -> None:
    b, a = StrongSwan(lab, "gb"), StrongSwan(lab, "ga")
    for swan in (b, a):
        swan.load(swan.connection(six=True, inner_six=True, esp="aes256-sha256,chacha20poly1305"))
    done, account = a.initiate()
    assert done, account
    wait_for(lambda: lab.ping("ca", "fd02::2", 1) == 0, 5, "a ping")


def test_different_secrets_fail_with_a_reason(lab: Lab) -> None:
    b, a = StrongSwan(lab, "gb"), StrongSwan(lab, "ga")
    b.load(b.connection(psk="another"))
    a.load(a.connection())
    done, account = a.initiate(timeout=5)
    assert not done
    assert "AUTHENTICATION_FAILED" in account
    assert "MAC mismatched" in b.log


def test_it_can_be_made_to_ask_for_cookies(lab: Lab) -> None:
    b, a = StrongSwan(lab, "gb", [COOKIES]), StrongSwan(lab, "ga")
    b.load(b.connection())
    a.load(a.connection())
    b.demand_cookies()
    done, account = a.initiate()
    assert done, account
    assert "N(COOKIE)" in account


def test_it_dies_and_returns(lab: Lab) -> None:
    b, a = StrongSwan(lab, "gb"), StrongSwan(lab, "ga")
    b.load(b.connection())
    a.load(a.connection())
    assert a.initiate()[0]
    a.kill()
    assert b.established()  # it has heard nothing
    a.restart()
    done, account = a.initiate()
    assert done, account
    wait_for(lambda: lab.ping("ca", "10.2.0.2", 1) == 0, 5, "a ping")


@pytest.mark.parametrize("side", ["a", "b"])
def test_one_side_behind_a_nat(side: str) -> None:
    require("nft", "ping", "charon-systemd", "swanctl")
    inner, outer = ("ga", "gb") if side == "a" else ("gb", "ga")
    with Lab(nat="a" if side == "a" else "b") as lab:
        hidden, open_one = StrongSwan(lab, inner), StrongSwan(lab, outer)
        hidden.load(hidden.connection())
        open_one.load(open_one.connection(remote="%any"))
        done, account = hidden.initiate()
        assert done, account
        assert "local host is behind NAT" in account
        wait_for(lambda: lab.ping("ca", "10.2.0.2", 1) == 0, 5, "a ping")
