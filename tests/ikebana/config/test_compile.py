from ipaddress import ip_network

import pytest

from ikebana.config.compile import Plan, Tries, TunnelPlan, compile_config, psk_of
from ikebana.config.connection import CloseAction, DpdAction, Initiation
from ikecore.child import ChildLimits, Mode
from ikecore.identities import Identity
from ikecore.profile import ANY, Childless, Profile, Uniqueness
from ikecore.retry import RetryPlan
from policy.selectors import TrafficSelector
from tests.ikebana.config.sample import CONNECTION, GATEWAY, KEY, config, named

US, PEER = "10.99.0.1", "10.99.0.2"


def _plan(text: str) -> Plan:
    return compile_config(config(text))


def _tunnel(lines: str = "", gateway: str = "") -> TunnelPlan:
    (found,) = _plan(gateway + CONNECTION + lines).tunnels
    return found


def test_the_profile_says_what_the_file_says() -> None:
    tunnel = _tunnel(
        'local_id = "ga.lab"\nremote_id = "gb.lab"\nlocal_subnets = ["10.1.0.0/24"]\n'
        'remote_subnets = ["10.2.0.0/24"]\nforce_encap = true\n'
        'ike.proposals = ["aes128-sha256-x25519"]\nike.lifetime_s = 0\nipsec.lifetime_s = 180\n'
        'dpd.interval_s = 3\ndpd.timeout_s = 10\ndpd.action = "none"\n'
        "retry.try_timeout_s = 5\nretry.first_s = 1\nretry.factor = 2\nretry.count = 7\n"
    )
    profile = tunnel.profile(US, frozenset({PEER}))
    assert (profile.local_id, profile.remote_id) == (
        Identity.parse("ga.lab"),
        Identity.parse("gb.lab"),
    )
    assert profile.local_ts == (TrafficSelector.from_cidr("10.1.0.0/24"),)
    assert profile.remote_ts == (TrafficSelector.from_cidr("10.2.0.0/24"),)
    assert (profile.remote, profile.local) == (frozenset({PEER}), ANY)
    assert (profile.ike_lifetime, profile.child_lifetime) == (0.0, 180.0)
    assert (profile.dpd_interval, profile.dpd_timeout, profile.keep_on_timeout) == (3.0, 10.0, True)
    assert (profile.try_timeout, profile.retry) == (5.0, RetryPlan(first=1.0, factor=2.0))
    assert (profile.force_encap, profile.nat_traversal, profile.dpd) == (True, True, True)
    assert (tunnel.dpd_action, tunnel.tries.count) == (DpdAction.NONE, 7)
    assert tunnel.local_subnets == (ip_network("10.1.0.0/24"),)


def test_defaults_are_those_of_the_model() -> None:
    tunnel = _tunnel()
    profile = tunnel.profile(US, frozenset({PEER}))
    assert (profile.ike_lifetime, profile.child_lifetime) == (86400.0, 3600.0)
    assert profile.retry == RetryPlan()
    assert (tunnel.initiation, tunnel.enabled) == (Initiation.ACTIVE, True)
    assert not profile.keep_on_timeout
    cloud = _tunnel('crypto_preset = "cloud_compat"').profile(US, frozenset({PEER}))
    assert cloud.child_lifetime == 86400.0


def test_an_identity_left_out_is_the_address_of_its_end() -> None:
    profile = _tunnel().profile(US, frozenset({PEER}))
    assert profile.local_id == Identity.of_address(US)
    assert profile.remote_id == Identity.of_address(PEER)


def test_of_several_addresses_the_one_tried_is_the_identity() -> None:
    addresses = frozenset({"10.0.0.9", "10.0.0.10", "2001:db8::1"})
    tunnel = _tunnel()
    assert tunnel.profile(US, addresses, "10.0.0.10").remote_id == Identity.of_address("10.0.0.10")
    assert tunnel.profile(US, addresses).remote_id == Identity.of_address("10.0.0.9")
    ours = tunnel.profile("2001:db8::9", addresses)
    assert ours.remote_id == Identity.of_address("2001:db8::1")


def test_a_peer_without_address_has_no_default_identity() -> None:
    with pytest.raises(ValueError, match="no address"):
        _tunnel().profile(US, ANY)


def test_a_peer_anywhere_may_come_from_anywhere() -> None:
    (tunnel,) = _plan(named("road", "any", 'remote_id = "phone.lab"')).tunnels
    assert tunnel.is_any_peer
    profile = tunnel.profile(US, ANY)
    assert profile.admits(US, "203.0.113.9")
    assert profile.remote_id == Identity.parse("phone.lab")


def test_our_address_is_the_configured_one_of_the_peers_version() -> None:
    def route(remote: str) -> str:
        return f"route to {remote}"

    gateway = GATEWAY + 'addresses = ["2001:db8::1", "10.99.0.1", "10.99.0.3"]\n'
    tunnel = _tunnel(gateway=gateway)
    assert tunnel.local_for(PEER, route) == "10.99.0.1"
    assert tunnel.local_for("2001:db8::2", route) == "2001:db8::1"
    assert tunnel.profile(US, ANY, PEER).local == {"2001:db8::1", "10.99.0.1", "10.99.0.3"}
    chosen = _tunnel('local_address = "10.99.0.3"', gateway)
    assert chosen.local_for(PEER, route) == "10.99.0.3"
    assert chosen.profile(US, ANY, PEER).local == {"10.99.0.3"}
    assert _tunnel().local_for(PEER, route) == f"route to {PEER}"


def test_only_what_changed_differs() -> None:
    two = CONNECTION + 'remote_subnets = ["10.2.0.0/24"]\n' + named(
        "other", "10.99.0.3", 'remote_subnets = ["10.3.0.0/24"]'
    )  # fmt: skip
    before, after = _plan(two).tunnels, _plan(two.replace("10.3.0.0", "10.4.0.0")).tunnels
    assert before == _plan(two).tunnels
    assert before[0] == after[0]
    assert before[1] != after[1]


def test_words_for_people_change_nothing_and_a_key_does() -> None:
    assert _tunnel() == _tunnel('remarks = "to the lab"\nlabels = { a = "b" }')
    (other,) = _plan(CONNECTION.replace(KEY, KEY[::-1])).tunnels
    assert _tunnel() != other


def test_the_key_is_given_to_who_asks_and_shows_nowhere() -> None:
    (one,) = config(CONNECTION).connections
    assert psk_of(one).reveal() == KEY.encode()
    assert KEY not in repr(_plan(CONNECTION))


def _ends(plan: TunnelPlan, remote: frozenset[str] = ANY, tried: str = "") -> list[str]:
    return [str(child) for child in plan.children_at(US, remote, tried)]


def test_every_mapping_has_a_child_of_its_own_when_wanted() -> None:
    """S3-3."""
    nets = 'local_subnets = ["10.1.0.0/24", "fd01::/64"]\n' + (
        'remote_subnets = ["10.2.0.0/24", "10.3.0.0/24", "fd02::/64"]\n'
    )
    one = _tunnel(nets)
    assert _ends(one) == [
        "10.1.0.0/24, fd01::/64 === 10.2.0.0/24, 10.3.0.0/24, fd02::/64",
    ]
    each = _tunnel(nets + "per_mapping_sa = true")
    assert _ends(each) == [
        "10.1.0.0/24 === 10.2.0.0/24",
        "10.1.0.0/24 === 10.3.0.0/24",
        "fd01::/64 === fd02::/64",
    ]
    assert each.profile(US, frozenset({PEER})).children == each.children
    assert (each.local_subnets, each.remote_subnets) == (one.local_subnets, one.remote_subnets)


def test_rules_are_children_and_their_networks_are_routed_once() -> None:
    rule = '[[connection.spd_policies]]\nlocal_cidrs = ["10.1.0.0/24"]\n'
    plan = _tunnel(
        'routing_mode = "policy"\n'
        + (rule + 'remote_cidrs = ["10.2.0.0/24"]\nprotocol = "tcp"\n')
        + (rule + 'remote_cidrs = ["10.2.0.0/24", "10.3.0.0/24"]\nprotocol = "udp"\n')
    )
    assert _ends(plan) == [
        "10.1.0.0/24[tcp] === 10.2.0.0/24[tcp]",
        "10.1.0.0/24[udp] === 10.2.0.0/24[udp], 10.3.0.0/24[udp]",
    ]
    assert plan.local_subnets == (ip_network("10.1.0.0/24"),)
    assert plan.remote_subnets == (ip_network("10.2.0.0/24"), ip_network("10.3.0.0/24"))


def test_transport_mode_is_between_the_addresses_of_the_ends() -> None:
    plan = _tunnel('ipsec.mode = "transport"')
    assert (plan.mode, plan.children, plan.remote_subnets) == (
        Mode.TRANSPORT,
        (),
        (ip_network(f"{PEER}/32"),),
    )
    assert _ends(plan, frozenset({PEER})) == [f"{US}/32 === {PEER}/32"]
    assert plan.profile(US, frozenset({PEER})).children == plan.children_at(US, frozenset({PEER}))
    (named_peer,) = _plan(named("a", "sun.lab", 'ipsec.mode = "transport"')).tunnels
    assert named_peer.remote_subnets == ()
    addresses = frozenset({"10.0.0.9", "10.0.0.10"})
    assert _ends(named_peer, addresses, "10.0.0.10") == [f"{US}/32 === 10.0.0.10/32"]
    assert _ends(named_peer, addresses | {"2001:db8::1"}) == [
        f"{US}/32 === 10.0.0.9/32, 10.0.0.10/32"
    ]
    for nowhere in (ANY, frozenset({"2001:db8::1"})):
        with pytest.raises(ValueError, match="no address"):
            named_peer.children_at(US, nowhere)
    with pytest.raises(ValueError, match="no address"):
        named_peer.children_at("", addresses)


def test_the_profile_says_how_the_sas_live() -> None:
    tunnel = _tunnel(
        "ike.reauth = true\nike.auth_lifetime_s = 60\nike.fragmentation = false\n"
        "ike.window = 16\nipsec.lifetime_kb = 2560\nipsec.lifetime_packets = 1000\n"
        "ipsec.fragments_also = true\nmobike = false\n"
        'childless = "prefer"\nuniqueness = "keep"\nclose_action = "clear"\n'
    )
    profile = tunnel.profile(US, frozenset({PEER}))
    assert (profile.reauth, profile.auth_lifetime, profile.fragmentation) == (True, 60.0, False)
    assert (profile.window, profile.mobike, profile.later_fragments) == (16, False, True)
    assert profile.child_limits == ChildLimits(hard_octets=2560 * 1024, hard_packets=1000)
    assert (profile.childless, profile.uniqueness) == (Childless.PREFER, Uniqueness.KEEP)
    assert tunnel.close_action is CloseAction.CLEAR


def test_how_the_sas_live_is_the_cores_own_default_when_nothing_is_said() -> None:
    tunnel = _tunnel()
    found = tunnel.profile(US, frozenset({PEER}))
    bare = Profile(
        found.name, found.remote_id, found.ike_proposals, found.esp_proposals, found.children,
        found.local_id, found.remote,
    )  # fmt: skip
    assert found == bare


def test_the_gateways_plan_says_what_the_file_says() -> None:
    plan = _plan(
        GATEWAY
        + "port = 15500\nmtu = 1400\n[gateway.limits]\nhalf_open = 7\ncookie_lifetime_s = 9\n"
    ).gateway
    assert (plan.name, plan.addresses, plan.port, plan.mtu) == ("moon", (), 15500, 1400)
    assert (plan.limits.half_open, plan.limits.cookie_lifetime) == (7, 9.0)
    assert (plan.offload, plan.vectors) == (True, True)


def test_packets_go_one_by_one_and_without_numpy_where_the_file_says_so() -> None:
    plan = _plan(GATEWAY + 'offload = "off"\n[gateway.lab]\nvectors = false\n').gateway
    assert (plan.offload, plan.vectors) == (False, False)


def test_three_retries_follow_the_first_try_then_one_every_interval() -> None:
    tries = Tries()
    assert [tries.wait(failures) for failures in (1, 2, 3, 4, 5)] == [2.0, 2.0, 2.0, 12.0, 12.0]
    assert [tries.is_failed(failures) for failures in (1, 3, 4)] == [False, False, True]
