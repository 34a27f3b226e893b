import pytest

from tests.ikebana.config.sample import (
    CONNECTION,
    config,
    connection_problem,
    named,
    problem,
    problems,
)

ROOT = "connection[0]"
POLICY = 'routing_mode = "policy"\n'
RULE = (
    '[[connection.spd_policies]]\nlocal_cidrs = ["10.1.0.0/24"]\nremote_cidrs = ["10.2.0.0/24"]\n'
)
SUBNETS = 'local_subnets = ["10.1.0.0/24"]\nremote_subnets = ["10.2.0.0/24"]\n'
TRANSPORT = 'ipsec.mode = "transport"\n'


@pytest.mark.parametrize(
    ("lines", "path", "said"),
    [
        (RULE, "spd_policies", "only in policy mode"),
        ("spd_policies = []\n", "spd_policies", "the list is empty"),
        ('ipsec.protocol = "ah"\n', "ipsec.protocol", "does not pass a NAT"),
        (TRANSPORT + "mobike = true\n", "mobike", "needs ipsec.mode"),
        (TRANSPORT + 'local_subnets = ["10.1.0.1/32"]\n', "remote_subnets", "required beside"),
        (TRANSPORT + 'remote_subnets = ["10.1.0.1/32"]\n', "local_subnets", "required beside"),
        (
            TRANSPORT + 'local_subnets = ["10.1.0.1/32"]\nremote_subnets = ["0.0.0.0/0"]\n',
            "remote_subnets[0]",
            "between two hosts",
        ),
        (
            TRANSPORT + 'local_subnets = ["::/0"]\nremote_subnets = ["fd02::1/128"]\n',
            "local_subnets[0]",
            "between two hosts",
        ),
        (
            POLICY + RULE.replace("10.2.0.0/24", "10.1.0.128/25"),
            "spd_policies[0].remote_cidrs[0]",
            "overlaps the local network 10.1.0.0/24",
        ),
    ],
)
def test_what_does_not_fit_together_is_refused(lines: str, path: str, said: str) -> None:
    found = connection_problem(lines)
    assert found.path == f"{ROOT}.{path}"
    assert said in found.message
    assert found.hint


def test_rules_exclude_the_plain_lists() -> None:
    found = problems(CONNECTION + POLICY + SUBNETS + RULE)
    assert [(one.path, one.message) for one in found] == [
        (f"{ROOT}.local_subnets", "excluded by spd_policies"),
        (f"{ROOT}.remote_subnets", "excluded by spd_policies"),
    ]


def test_rules_are_enough_in_policy_mode() -> None:
    assert problems(CONNECTION + POLICY + RULE) == ()


def test_ah_wants_no_nat_traversal_and_no_cipher() -> None:
    """S4-19."""
    ah = 'nat_traversal = false\nipsec.protocol = "ah"\n'
    (one,) = config(CONNECTION + ah).connections
    assert (one.mobike, one.ipsec.protocol) == (False, "ah")
    found = connection_problem(ah + 'ipsec.encryption = "aes128"')
    assert (found.path, found.message) == (f"{ROOT}.ipsec.encryption", "AH does not encrypt")


def test_transport_mode_is_between_the_ends_unless_said_otherwise() -> None:
    for mode in ("", POLICY):
        (one,) = config(CONNECTION + TRANSPORT + mode).connections
        assert one.is_between_ends
        assert not one.mobike
    assert problems(CONNECTION + TRANSPORT + SUBNETS) == ()


@pytest.mark.parametrize("field", ["close_action", "dpd.action"])
def test_nothing_is_held_for_a_peer_that_may_be_anywhere(field: str) -> None:
    found = problem(named("road", "any", f'remote_id = "x"\n{field} = "hold"'))
    assert (found.path, found.message.split(":")[0]) == (f"{ROOT}.{field}", "peer_address_unknown")
    assert problems(named("road", "10.99.0.2", f'initiation = "passive"\n{field} = "hold"')) == ()


def test_transport_mode_with_peers_anywhere_needs_their_networks() -> None:
    found = problem(named("road", "any", 'remote_id = "x"\n' + TRANSPORT))
    assert (found.path, found.message) == (
        f"{ROOT}.remote_subnets",
        'required in transport mode with peer = "any"',
    )
    lines = 'remote_id = "x"\nlocal_subnets = ["10.1.0.1/32"]\nremote_subnets = ["10.2.0.0/24"]\n'
    assert problems(named("road", "any", lines + TRANSPORT)) == ()


def test_a_passive_peer_may_move_too() -> None:
    (one,) = config(CONNECTION + 'initiation = "passive"').connections
    assert one.mobike
