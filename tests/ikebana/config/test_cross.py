import time

import pytest

from tests.ikebana.config.sample import KEY, named, problem, problems

ROOT = "connection"


def _policy(name: str, local: str, remote: str) -> str:
    peer = f"10.99.{len(name)}.{ord(name[-1])}"
    return named(
        name, peer,
        f'routing_mode = "policy"\nlocal_subnets = ["{local}"]\nremote_subnets = ["{remote}"]',
    )  # fmt: skip


EXISTING = (
    _policy("a", "10.0.0.0/24", "192.168.0.0/24")
    + _policy("b", "10.0.0.0/24", "192.168.1.0/24")
    + _policy("c", "10.0.1.0/24", "192.168.2.0/24")
    + _policy("d", "10.0.2.0/24", "192.168.2.0/24")
)


def test_a_mapping_that_intersects_on_both_sides_is_rejected() -> None:
    """S3-5, the worked example."""
    assert problems(EXISTING) == ()
    found = problem(EXISTING + _policy("e", "10.0.0.0/24", "192.168.1.0/24"))
    assert found.path == f"{ROOT}[4].remote_subnets"
    assert found.message.startswith("mapping_conflict: 'b' has 10.0.0.0/24 - 192.168.1.0/24")


def test_a_mapping_that_intersects_on_one_side_is_accepted() -> None:
    """S3-5, the worked example."""
    assert problems(EXISTING + _policy("e", "10.0.1.0/24", "192.168.1.0/24")) == ()


def test_a_wider_network_conflicts_too() -> None:
    found = problem(EXISTING + _policy("e", "10.0.0.0/16", "192.168.2.128/25"))
    assert "'c'" in found.message


def _with_rules(name: str, *rules: tuple[str, str], lines: str = "") -> str:
    text = named(name, f"10.99.{len(name)}.{ord(name[-1])}", 'routing_mode = "policy"\n')
    return text + "".join(
        f'[[connection.spd_policies]]\nlocal_cidrs = ["{local}"]\nremote_cidrs = ["{remote}"]\n'
        f"{lines}"
        for local, remote in rules
    )


RULES = (
    ("10.0.0.0/24", "192.168.0.0/24"),
    ("10.0.0.0/24", "192.168.1.0/24"),
    ("10.0.1.0/24", "192.168.2.0/24"),
    ("10.0.2.0/24", "192.168.2.0/24"),
)


def test_rules_of_one_connection_must_not_conflict_either() -> None:
    """S3-5, the worked example inside one connection."""
    assert problems(_with_rules("a", *RULES, ("10.0.1.0/24", "192.168.1.0/24"))) == ()
    found = problem(_with_rules("a", *RULES, ("10.0.0.0/24", "192.168.1.0/24")))
    assert found.path == f"{ROOT}[0].spd_policies[4].remote_cidrs"
    assert found.message == (
        "mapping_conflict: this connection has 10.0.0.0/24 - 192.168.1.0/24 already"
    )


def test_rules_of_two_connections_must_not_conflict() -> None:
    """S3-5."""
    other = _with_rules("b", ("10.0.3.0/24", "192.168.2.0/24"), ("10.0.2.0/25", "192.168.0.0/16"))
    found = problem(_with_rules("a", *RULES) + other)
    assert found.path == f"{ROOT}[1].spd_policies[1].remote_cidrs"
    assert found.message.startswith("mapping_conflict: 'a' has 10.0.2.0/24 - 192.168.2.0/24")


def test_mappings_of_different_ports_do_not_conflict() -> None:
    one = _with_rules("a", RULES[0], lines="protocol = 6\nremote_ports = [443]\n")
    two = _with_rules("b", RULES[0], lines='protocol = 6\nremote_ports = ["1-442"]\n')
    udp = _with_rules("c", RULES[0], lines="protocol = 17\n")
    assert problems(one + two + udp) == ()
    every = problem(one + two + udp + _with_rules("d", RULES[0]))
    assert every.message.startswith("mapping_conflict: 'a'")


def test_a_network_inside_another_one_is_a_conflict_of_its_own_rule() -> None:
    lines = 'routing_mode = "policy"\nlocal_subnets = ["10.0.0.0/8", "10.1.0.0/16"]\n'
    found = problem(named("a", "10.99.0.2", lines + 'remote_subnets = ["192.168.0.0/24"]'))
    assert found.path == f"{ROOT}[0].remote_subnets"
    assert "this connection has 10.0.0.0/8 - 192.168.0.0/24" in found.message


def test_names_are_unique_without_regard_to_case() -> None:
    one = named("Straße", "10.0.0.1", 'remote_subnets = ["10.1.0.0/24"]')
    found = problem(one + named("STRASSE", "10.0.0.2", 'remote_subnets = ["10.2.0.0/24"]'))
    assert (found.path, found.line) == (f"{ROOT}[1].name", 7)
    assert found.message.startswith("name_taken")


def test_two_connections_a_responder_cannot_tell_apart_are_refused() -> None:
    one = named("a", "10.0.0.1", 'remote_subnets = ["10.1.0.0/24"]')
    found = problem(one + named("b", "10.0.0.1", 'remote_subnets = ["10.2.0.0/24"]'))
    assert (found.path, found.line) == (f"{ROOT}[1].peer", 8)
    assert found.message.startswith("ambiguous_peer: 'a'")
    other = 'remote_subnets = ["10.2.0.0/24"]\nremote_id = "other.lab"'
    assert problems(one + named("b", "10.0.0.1", other)) == ()


def test_a_default_identity_spelt_out_is_the_same_identity() -> None:
    one = named("a", "10.0.0.1", 'remote_subnets = ["10.1.0.0/24"]')
    spelt = 'remote_subnets = ["10.2.0.0/24"]\nremote_id = "10.0.0.1"'
    assert problem(one + named("b", "10.0.0.1", spelt)).message.startswith("ambiguous_peer")


def test_two_peers_anywhere_are_told_apart_by_their_identities() -> None:
    one = named("a", "any", 'remote_id = "a"\nremote_subnets = ["10.1.0.0/24"]')
    assert (
        problems(one + named("b", "any", 'remote_id = "b"\nremote_subnets = ["10.2.0.0/24"]')) == ()
    )
    same = named("b", "::", 'remote_id = "A"\nremote_subnets = ["10.2.0.0/24"]')
    assert problem(one + same).path == f"{ROOT}[1].peer"


def test_in_destination_mode_a_network_is_routed_once() -> None:
    one = named("a", "10.0.0.1", 'remote_subnets = ["10.1.0.0/24"]')
    found = problem(one + named("b", "10.0.0.2", 'remote_subnets = ["10.3.0.0/24", "10.1.0.0/24"]'))
    assert found.path == f"{ROOT}[1].remote_subnets[1]"
    assert found.message.startswith("route_conflict: 'a' routes 10.1.0.0/24")
    wider = named("b", "10.0.0.2", 'remote_subnets = ["10.0.0.0/8"]')
    assert problems(one + wider) == ()
    disabled = named("b", "10.0.0.2", 'enabled = false\nremote_subnets = ["10.1.0.0/24"]')
    assert problems(one + disabled) == ()


@pytest.mark.parametrize(
    ("lines", "path"),
    [
        ('local_address = "10.9.9.9"', "local_address"),
        ("", None),
    ],
)
def test_a_local_address_is_one_of_the_gateways(lines: str, path: str | None) -> None:
    found = problems('[gateway]\naddresses = ["10.99.0.1"]\n' + named("a", "10.0.0.1", lines))
    assert [one.path for one in found] == ([f"{ROOT}[0].{path}"] if path else [])


@pytest.mark.parametrize("peer", ["10.99.0.1", "2001:db8::1"])
def test_a_peer_is_another_host_that_can_be_reached(peer: str) -> None:
    found = problem('[gateway]\naddresses = ["10.99.0.1"]\n' + named("a", peer))
    assert (found.path, found.line) == (f"{ROOT}[0].peer", 5)


def test_quotas_hold_and_may_be_raised() -> None:
    many = "".join(
        named(f"c{at}", f"10.0.0.{at + 1}", f'remote_subnets = ["10.{at}.0.0/24"]')
        for at in range(21)
    )
    found = problem(many)
    assert (found.path, found.line) == (f"{ROOT}[20]", 101)
    assert "tunnels_per_gateway" in found.hint
    assert problems("[gateway.quotas]\ntunnels_per_gateway = 21\n" + many) == ()


def test_a_peer_has_a_quota_of_its_own() -> None:
    many = "".join(
        named(f"c{at}", "10.0.0.1", f'remote_id = "r{at}"\nremote_subnets = ["10.{at}.0.0/24"]')
        for at in range(21)
    )
    found = problem("[gateway.quotas]\ntunnels_per_gateway = 100\n" + many)
    assert (found.path, found.hint) == (
        f"{ROOT}[20].peer",
        "raise gateway.quotas.tunnels_per_peer",
    )


def test_a_connection_has_at_most_twenty_networks_a_side() -> None:
    nets = ", ".join(f'"10.{at}.0.0/16"' for at in range(21))
    found = problem(named("a", "10.0.0.1", f"local_subnets = [{nets}]"))
    assert found.path == f"{ROOT}[0].local_subnets"
    raised = "[gateway.quotas]\nsegments_per_tunnel = 21\n"
    assert problems(raised + named("a", "10.0.0.1", f"local_subnets = [{nets}]")) == ()


def test_a_gateway_has_at_most_two_hundred_mappings() -> None:
    """S3-4."""
    local = ", ".join(f'"10.{at}.0.0/16"' for at in range(15))
    remote = ", ".join(f'"172.16.{at}.0/24"' for at in range(14))
    lines = f'routing_mode = "policy"\nlocal_subnets = [{local}]\nremote_subnets = [{remote}]'
    found = problem(named("a", "10.0.0.1", lines))
    assert "200 mappings" in found.message


def test_a_child_for_each_mapping_is_counted_in_destination_mode_too() -> None:
    """S3-4."""
    local = ", ".join(f'"10.{at}.0.0/16"' for at in range(15))
    remote = ", ".join(f'"172.16.{at}.0/24"' for at in range(14))
    lines = f"local_subnets = [{local}]\nremote_subnets = [{remote}]\n"
    assert problems(named("a", "10.0.0.1", lines)) == ()
    found = problem(named("a", "10.0.0.1", lines + "per_mapping_sa = true"))
    assert (found.path, found.message) == (
        f"{ROOT}[0].remote_subnets",
        "more than 200 mappings in all",
    )


def test_a_rule_has_at_most_twenty_networks_a_side() -> None:
    """S4-15."""
    nets = [f"10.{at}.0.0/16" for at in range(21)]
    found = problem(_with_rules("a", ("192.168.0.0/24", '", "'.join(nets))))
    assert found.path == f"{ROOT}[0].spd_policies[0].remote_cidrs"
    assert problems(_with_rules("a", ("192.168.0.0/24", '", "'.join(nets[1:])))) == ()


def test_hosts_in_transport_mode_are_routed_once() -> None:
    def one(name: str) -> str:
        return named(name, "10.99.0.2", f'remote_id = "{name}"\nipsec.mode = "transport"')

    found = problem(one("a") + one("b"))
    assert found.path == f"{ROOT}[1].peer"
    assert found.message.startswith("route_conflict: 'a' routes 10.99.0.2/32")
    other = named("b", "10.99.0.3", 'ipsec.mode = "transport"')
    assert problems(one("a") + other) == ()


def test_two_thousand_mappings_are_compared_in_a_moment() -> None:
    text = "[gateway.quotas]\nmappings_per_gateway = 2000\ntunnels_per_gateway = 2000\n"
    text += "".join(
        named(
            f"c{at}", f"10.99.{at // 250}.{at % 250 + 1}",
            f'routing_mode = "policy"\nlocal_subnets = ["10.0.0.0/24"]\n'
            f'remote_subnets = ["172.{at // 250}.{at % 250}.0/24"]',
        )
        for at in range(2000)
    )  # fmt: skip
    begun = time.process_time()
    assert problems(text) == ()
    assert time.process_time() - begun < 20


def _routed(name: str, local: str, remote: str, lines: str = "") -> str:
    peer = f"10.99.{len(name)}.{ord(name[-1])}"
    nets = f'local_subnets = ["{local}"]\nremote_subnets = ["{remote}"]\n'
    return named(name, peer, nets + lines)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (_routed("a", "10.0.0.0/24", "10.2.0.0/16"), _routed("b", "10.0.0.0/24", "10.2.3.0/24")),
        (_routed("a", "10.0.0.0/8", "10.2.0.0/24"), _policy("b", "10.0.0.0/24", "10.2.0.0/24")),
        (_policy("a", "10.1.0.0/16", "10.2.0.0/16"), _routed("b", "10.1.0.0/24", "10.2.9.0/24")),
    ],
)
def test_a_mapping_of_which_an_earlier_connection_takes_all_is_rejected(
    first: str, second: str
) -> None:
    found = problem(first + second)
    assert found.path == f"{ROOT}[1].remote_subnets"
    assert found.message.startswith("mapping_conflict: 'a' comes before and has ")
    assert "put this connection before it" in found.hint
    assert problems(first.replace("peer =", "enabled = false\npeer =") + second) == ()


def test_the_narrower_of_two_networks_comes_first() -> None:
    narrow = _routed("a", "10.0.0.0/24", "10.2.3.0/24")
    assert problems(narrow + _routed("b", "10.0.0.0/24", "10.2.0.0/16")) == ()


def test_tunnels_with_the_same_remote_network_are_kept_apart_by_their_local_ones() -> None:
    one = _policy("a", "10.0.0.0/24", "192.168.0.0/24")
    assert problems(one + _policy("b", "10.0.1.0/24", "192.168.0.0/24")) == ()


# -- IKEv1's keys ---------------------------------------------------------------------------------
def _old(name: str, peer: str, key: str, lines: str = "") -> str:
    text = named(name, peer, f'ike.version = "ikev1"\nremote_subnets = ["{lines}"]')
    return text.replace(KEY, key)


def test_main_mode_finds_one_key_for_the_peers_that_may_be_anywhere() -> None:
    ids = ('remote_id = "a.example"\n', 'remote_id = "b.example"\n')
    one = _old("a", "any", KEY, "10.1.0.0/24") + ids[0]
    same = one + _old("b", "any", KEY, "10.2.0.0/24") + ids[1]
    assert problems(same) == ()
    other = _old("b", "any", KEY[::-1], "10.2.0.0/24") + ids[1]
    (found,) = problems(one + other)
    assert found.path == "connection[1].psk"
    assert found.message.startswith("ambiguous_peer: 'a' has another PSK for the same addresses")
    here = 'local_address = "10.0.0.{}"\n'
    assert problems(one + here.format(1) + other + here.format(2)) == ()
    aggressive = 'ike.mode = "aggressive"\nike.dh_group = 14\nike.allow_aggressive_psk = true\n'
    assert problems(one + other + aggressive) == ()
