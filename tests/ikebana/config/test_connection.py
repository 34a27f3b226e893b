import pytest

from ikebana.config.connection import CloseAction, DpdAction, Initiation, RoutingMode
from ikecore.profile import Childless, Uniqueness
from tests.ikebana.config.sample import (
    CONNECTION,
    KEY,
    config,
    connection_problem,
    named,
    problem,
    problems,
)

ROOT = "connection[0]"


def test_three_lines_are_a_connection() -> None:
    (one,) = config(CONNECTION).connections
    assert one.initiation is Initiation.ACTIVE
    assert one.routing_mode is RoutingMode.DESTINATION
    assert [str(net) for net in one.remote_subnets] == ["0.0.0.0/0", "::/0"]
    assert (one.dpd.enabled, one.dpd.interval_s, one.dpd.timeout_s) == (True, 8, 30)
    assert one.dpd.action is DpdAction.RESTART
    assert (one.retry.count, one.retry.interval_s, one.retry.try_timeout_s) == (3, 12, 10)
    assert (one.enabled, one.nat_traversal, one.force_encap) == (True, True, False)


def test_a_peer_anywhere_is_waited_for() -> None:
    (one,) = config(named("road", "any", 'remote_id = "phone"')).connections
    assert one.initiation is Initiation.PASSIVE


def test_a_peer_anywhere_must_say_who_it_is() -> None:
    found = problem(named("road", "%any"))
    assert (found.path, found.line) == (f"{ROOT}.remote_id", 1)


@pytest.mark.parametrize("initiation", ["active", "on_demand"])
def test_a_peer_anywhere_cannot_be_called(initiation: str) -> None:
    found = problem(named("road", "any", f'remote_id = "x"\ninitiation = "{initiation}"'))
    assert (found.path, found.line) == (f"{ROOT}.initiation", 6)
    assert found.message.startswith("peer_address_unknown")


@pytest.mark.parametrize(
    ("lines", "path"),
    [
        ('initiation = "activ"', "initiation"),
        ("enabled = 1", "enabled"),
        ('nat_traversal = "no"', "nat_traversal"),
        ("nat_traversal = false\nforce_encap = true", "force_encap"),
        ('routing_mode = "policy"\nlocal_subnets = ["10.1.0.0/24"]', "remote_subnets"),
        ('local_subnets = ["10.1.0.0/24"]\nremote_subnets = ["2001:db8::/64"]', "remote_subnets"),
        ('local_address = "2001:db8::1"', "local_address"),
        ('local_address = "10.99.0.2"', "peer"),
        ("labels = { a = 1 }", "labels.a"),
        ('labels = { "" = "x" }', "labels"),
        ("dpd.interval_s = 0", "dpd.interval_s"),
        ("dpd.interval_s = 3601", "dpd.interval_s"),
        ("dpd.timeout_s = 9", "dpd.timeout_s"),
        ('dpd.action = "explode"', "dpd.action"),
        ("dpd = true", "dpd"),
        ("retry.count = 0", "retry.count"),
        ("retry.try_timeout_s = 2", "retry.try_timeout_s"),
        ("retry.factor = 0.5", "retry.factor"),
        ("retry.first_s = inf", "retry.first_s"),
        ('auth_method = "cert"', "auth_method"),
        ("bgp = { enabled = true }", "bgp"),
        ('close_action = "none"', "close_action"),
        ('childless = "always"', "childless"),
        ('uniqueness = "yes"', "uniqueness"),
        ("mobike = 1", "mobike"),
        ("per_mapping_sa = 'no'", "per_mapping_sa"),
        ("spd_policies = 1", "spd_policies"),
        ("spd_policies = [1]", "spd_policies[0]"),
        ('remarks = "a\\u0000"', "remarks"),
    ],
)
def test_what_cannot_be_is_refused_with_its_path(lines: str, path: str) -> None:
    found = connection_problem(lines)
    assert found.path == f"{ROOT}.{path}"
    assert 1 <= found.line <= 6
    assert KEY not in str(found)


def test_policy_mode_wants_no_network_on_both_sides() -> None:
    sides = 'local_subnets = ["10.0.0.0/8"]\nremote_subnets = ["192.168.0.0/24", "10.2.0.0/16"]\n'
    found = connection_problem('routing_mode = "policy"\n' + sides)
    assert found.path == f"{ROOT}.remote_subnets[1]"
    assert problems(CONNECTION + sides) == ()  # in destination mode routes decide


def test_policy_mode_wants_both_sides_named() -> None:
    found = problems(CONNECTION + 'routing_mode = "policy"')
    assert [one.path for one in found] == [f"{ROOT}.local_subnets", f"{ROOT}.remote_subnets"]


@pytest.mark.parametrize(
    ("initiation", "action"),
    [
        ("active", CloseAction.RESTART),
        ("on_demand", CloseAction.HOLD),
        ("passive", CloseAction.CLEAR),
    ],
)
def test_what_follows_a_peers_delete_depends_on_who_begins(
    initiation: str, action: CloseAction
) -> None:
    (one,) = config(CONNECTION + f'initiation = "{initiation}"').connections
    assert one.close_action is action
    (said,) = config(CONNECTION + f'initiation = "{initiation}"\nclose_action = "hold"').connections
    assert said.close_action is CloseAction.HOLD


def test_the_defaults_of_an_ike_sas_life() -> None:
    (one,) = config(CONNECTION).connections
    assert (one.mobike, one.childless, one.uniqueness) == (
        True,
        Childless.ALLOW,
        Uniqueness.REPLACE,
    )
    assert (one.ike.reauth, one.ike.auth_lifetime_s) == (False, 0)
    assert (one.ike.fragmentation, one.ike.window) == (True, 1)
    assert (one.per_mapping_sa, one.spd_policies) == (False, ())
    assert (one.ipsec.lifetime_kb, one.ipsec.lifetime_packets) == (0, 0)


def test_a_connection_without_nat_traversal_does_not_move() -> None:
    (one,) = config(CONNECTION + "nat_traversal = false").connections
    assert not one.mobike


def test_a_newer_peer_anywhere_replaces_the_older() -> None:
    """S4-12."""
    (one,) = config(named("road", "%any", 'remote_id = "phone"')).connections
    assert one.uniqueness is Uniqueness.REPLACE


def test_a_connection_tells_what_its_peer_is() -> None:
    one = named("a", "10.0.0.1", 'remote_subnets = ["10.1.0.0/16"]')
    other = named("b", "sun.lab", 'remote_subnets = ["10.2.0.0/16"]')
    address, name = config(one + other).connections
    assert (address.peer_address, name.peer_address) == ("10.0.0.1", "")
