"""Hours on a bad wire: what is renewed over and over loses no packet and leaves nothing behind."""

import pytest

from ikecore.actions import ChildEstablished, Closed, Established
from tests.ikev1.network import OTHER, Nat, Network, profile
from tests.ikev1.tunnel import MODES
from tests.pair.scene import assert_sound

ENDS = ("moon", "sun")
HOURS = 6


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("loss", [0.0, 0.05, 0.15])
@pytest.mark.parametrize("nat", [False, True], ids=["open", "NAT"])
def test_six_hours(mode: str, loss: float, nat: bool, times: int) -> None:
    moon, sun = (
        profile(
            name,
            ("aes128-sha256-ecp256",),
            legacy=MODES[mode],
            ike_lifetime=3600.0,
            child_lifetime=600.0,
            remote=frozenset(),
        )
        for name in ENDS
    )
    net = Network(moon, sun)
    if nat:
        net.nats["moon"] = Nat("198.51.100.1", {500: 500, 4500: 4500})
    net.initiate("moon")
    net.assert_connected()
    net.lose = lambda _: net.random.random() < loss
    net.delay = lambda _: 0.01 + net.random.random() * 0.2
    net.copies = lambda _: net.random.choice((1, 1, 1, 2))
    net.packet_delays = lambda _: [0.01 + net.random.random() * 0.2]
    net.stream(5.0)
    for _ in range(HOURS * 60 * times):
        net.sleep(60)
        assert all(len(host.children) <= 3 for host in net.hosts.values())
        assert all(len(net.up(name)) == 1 for name in ENDS)
    net.lose = lambda _: False
    net.sleep(100)
    net.traffic.streams.clear()
    net.sleep(5)
    assert_sound(net)
    assert net.traffic.blocked == []
    assert net.traffic.lost == []
    assert net.traffic.arrived == net.traffic.sent
    for name in ENDS:
        assert net.seen(Closed, name) == []
        assert len(net.seen(Established, OTHER[name])) in range(6 * times, 10 * times)
        assert len(net.seen(ChildEstablished, name)) in range(36 * times, 60 * times)
