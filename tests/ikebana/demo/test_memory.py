"""The demonstration in one process."""

import io

from ikebana.demo.config import MOON, SUN
from ikebana.demo.memory import MemoryNet, demonstrate
from ikebana.demo.show import Screen
from ikebana.demo.wire import Kind


def test_all_of_it_works() -> None:
    stream = io.StringIO()
    assert demonstrate(Screen(stream), 0.05)
    told = stream.getvalue()
    for part in ("│ IKE_SA_INIT 0 [", "●", "moon-host → 10.2.0.2: seq 5", "Mbit/s", "only IKE and"):
        assert part in told
    assert all(len(line) <= 80 for line in told.splitlines())


def test_hosts_reach_each_other_only_through_the_tunnel() -> None:
    net = MemoryNet()
    assert [echo.ms for echo in net.pings(MOON, SUN, 1)] == [None]
    net.gateways[MOON].up()
    net.deliver()
    assert all(echo.ms is not None for echo in net.pings(SUN, MOON, 3))
    assert net.tally.counts == {Kind.IKE: 2, Kind.IKE_NAT: 2, Kind.ESP: 6}
