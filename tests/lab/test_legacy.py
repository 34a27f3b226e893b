"""Two strongSwans speak IKEv1 through the lab: what our own gateway will have to do."""

import pytest

from tests.lab.legacy import legacy
from tests.lab.needs import require
from tests.lab.strongswan import StrongSwan
from tests.lab.topology import Lab, wait_for

pytestmark = pytest.mark.lab
IKE, ESP = "aes128-sha256-modp2048", "aes128gcm16"


def test_aggressive_mode_behind_a_nat() -> None:
    require("nft", "ping", "charon-systemd", "swanctl")
    with Lab(nat="a") as lab:
        b, a = StrongSwan(lab, "gb"), StrongSwan(lab, "ga")
        a.load(legacy(a, aggressive=True, ike=IKE, esp=ESP))
        b.load(legacy(b, aggressive=True, ike=IKE, esp=ESP, remote="%any"))
        done, account = a.initiate()
        assert done, account
        assert "AGGRESSIVE request" in account
        wait_for(lambda: lab.ping("ca", "10.2.0.2", 1) == 0, 5, "a ping")


@pytest.mark.parametrize("push", [False, True])
def test_a_user_is_given_an_address(lab: Lab, push: bool) -> None:
    b, a = StrongSwan(lab, "gb"), StrongSwan(lab, "ga")
    server = legacy(b, xauth="server", config="server", push=push, ike=IKE, esp=ESP)
    client = legacy(a, xauth="client", config="client", push=push, ike=IKE, esp=ESP)
    b.load(server)
    a.load(client)
    done, account = a.initiate()
    assert done, account
    assert ("CPS(ADDR" in account) == push
    assert "[10.3.0.1]" in a.list_sas()
    wait_for(lambda: lab.ping("ga", "10.2.0.2", 1) == 0, 5, "a ping from the address")


def test_a_wrong_password(lab: Lab) -> None:
    b, a = StrongSwan(lab, "gb"), StrongSwan(lab, "ga")
    b.load(legacy(b, xauth="server", ike=IKE, esp=ESP))
    a.load(legacy(a, xauth="client", password="forgotten", ike=IKE, esp=ESP))  # noqa: S106
    done, account = a.initiate(timeout=5)
    assert not done, account
    assert "XAuth authentication of 'carol'" in b.log
