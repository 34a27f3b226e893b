"""Both IP versions outside and inside, networks of all shapes, and peers from anywhere."""

from collections.abc import Callable

import pytest

from tests.interop.duo import (
    HOST_A,
    HOST_A6,
    HOST_B6,
    Duo,
    connection_toml,
    hosts_talk,
    only_tunnelled,
    wait_for_ping,
)
from tests.lab.topology import Lab

pytestmark = pytest.mark.lab
Start = Callable[..., Duo]


@pytest.mark.parametrize("starter", ["we", "peer"])
@pytest.mark.parametrize(
    ("six", "inner_six"),
    [(True, False), (False, True), (True, True)],
    ids=["4 in 6", "6 in 4", "6 in 6"],
)
def test_ip_versions_outside_and_inside(
    lab: Lab, duo: Start, six: bool, inner_six: bool, starter: str
) -> None:
    pair = duo(connection_toml(lab, six=six, inner_six=inner_six), six=six)
    pair.peer(six=six, inner_six=inner_six)
    with only_tunnelled(lab):
        pair.up() if starter == "we" else pair.peer_up()
        hosts_talk(lab, inner_six=inner_six)
    assert (":" in pair.see().peer) == six


@pytest.mark.parametrize("starter", ["we", "peer"])
def test_several_networks_of_both_versions_share_a_child(
    lab: Lab, duo: Start, starter: str
) -> None:
    ours, theirs = ["10.1.0.0/25", "10.1.3.0/24", "fd01::/64"], ["10.2.0.0/24", "fd02::/64"]
    pair = duo(connection_toml(lab, local_subnets=ours, remote_subnets=theirs))
    pair.peer(local_ts=",".join(theirs), remote_ts=",".join(ours))
    pair.up() if starter == "we" else pair.peer_up()
    hosts_talk(lab)
    hosts_talk(lab, inner_six=True)
    (child,) = pair.see().children
    assert set(child.local_ts) == set(ours)
    assert set(child.remote_ts) == set(theirs)
    assert not pair.see().narrowed


def test_the_peer_narrows_what_we_ask_for(lab: Lab, duo: Start) -> None:
    pair = duo(connection_toml(lab, local_subnets=["10.1.0.0/16"], remote_subnets=["10.2.0.0/16"]))
    pair.peer()
    pair.up()
    hosts_talk(lab)
    view = pair.see()
    assert view.narrowed
    assert [*view.children[0].local_ts, *view.children[0].remote_ts] == [
        "10.1.0.0/24",
        "10.2.0.0/24",
    ]
    assert "TS_NARROWED" in pair.ours.log


def test_we_narrow_what_the_peer_asks_for(lab: Lab, duo: Start) -> None:
    pair = duo(connection_toml(lab))
    pair.peer(local_ts="10.0.0.0/8", remote_ts="10.1.0.0/16")
    pair.peer_up()
    hosts_talk(lab)
    child = pair.see().children[0]
    assert (child.local_ts, child.remote_ts) == (("10.1.0.0/24",), ("10.2.0.0/24",))


def test_a_peer_from_anywhere_is_known_by_its_identity(lab: Lab, duo: Start) -> None:
    pair = duo(connection_toml(lab, peer="any"))
    pair.peer()
    pair.peer_up()
    hosts_talk(lab)
    assert (pair.see().peer, pair.see().peer_id) == ("10.99.0.2", "gb.lab")


def test_a_gateway_without_addresses_listens_on_all(lab: Lab, duo: Start) -> None:
    pair = duo(connection_toml(lab), addresses=None)
    pair.peer()
    pair.up()
    hosts_talk(lab)
    pair.client.down("net")
    pair.up()
    wait_for_ping(lab)


def test_identities_may_be_addresses_mail_or_names(lab: Lab, duo: Start) -> None:
    pair = duo(connection_toml(lab, local_id="10.99.0.1", remote_id="admin@gb.lab"))
    pair.peer(local_id="admin@gb.lab", remote_id="10.99.0.1")
    pair.up()
    hosts_talk(lab)
    pair.client.down("net")
    pair.configure(connection_toml(lab, "fresh", local_id="fd99::1", remote_id="fd99::2"))
    pair.peer("fresh", local_id="fd99::2", remote_id="fd99::1")
    pair.peer_up("fresh")
    hosts_talk(lab)


def test_only_what_the_selectors_name_passes(lab: Lab, duo: Start) -> None:
    lab["cb"].address("lan", "10.2.0.9/24")
    pair = duo(connection_toml(lab, remote_subnets=["10.2.0.0/29"]))
    pair.peer(local_ts="10.2.0.0/29")
    pair.up()
    hosts_talk(lab)
    assert lab.ping("ca", "10.2.0.9", 2) == 2
    assert lab.ping("ca", HOST_B6, 1) == 1
    assert lab.ping("cb", HOST_A6, 1) == 1
    assert lab.ping("cb", HOST_A, 2) == 0
