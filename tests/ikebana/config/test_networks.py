from ipaddress import ip_network

import pytest

from ikebana.config.networks import SpdPolicy, children_of, on_both_sides
from policy.selectors import TrafficSelector
from tests.ikebana.config.sample import CONNECTION, config, connection_problem, problems

POLICY = 'routing_mode = "policy"\n'
RULE = '[[connection.spd_policies]]\nlocal_cidrs = ["10.1.0.0/24"]\n'


def _rules(lines: str) -> tuple[SpdPolicy, ...]:
    (one,) = config(CONNECTION + POLICY + lines).connections
    return one.rules


def _shown(lines: str, *, per_mapping: bool = False) -> list[str]:
    return [str(child) for child in children_of(_rules(lines), per_mapping=per_mapping)]


TWO = (
    RULE
    + 'remote_cidrs = ["10.2.0.0/24", "10.3.0.0/24"]\n'
    + RULE.replace("10.1.0", "10.4.0")
    + 'remote_cidrs = ["10.2.0.0/24"]\n'
)


def test_a_rule_of_one_local_and_two_remote_networks_is_two_mappings() -> None:
    """S3-2."""
    rule = _rules(TWO)[0]
    assert [f"{a} {b}" for a, b in rule.mappings] == [
        "10.1.0.0/24 10.2.0.0/24",
        "10.1.0.0/24 10.3.0.0/24",
    ]
    assert rule.size == 2


def test_each_rule_is_a_child_or_each_of_its_mappings_in_order() -> None:
    """S3-3."""
    assert _shown(TWO) == [
        "10.1.0.0/24 === 10.2.0.0/24, 10.3.0.0/24",
        "10.4.0.0/24 === 10.2.0.0/24",
    ]
    assert _shown(TWO, per_mapping=True) == [
        "10.1.0.0/24 === 10.2.0.0/24",
        "10.1.0.0/24 === 10.3.0.0/24",
        "10.4.0.0/24 === 10.2.0.0/24",
    ]


def test_only_networks_of_one_ip_version_are_paired() -> None:
    lines = (
        '[[connection.spd_policies]]\nlocal_cidrs = ["10.1.0.0/24", "fd01::/64"]\n'
        'remote_cidrs = ["10.2.0.0/24", "fd02::/64"]\n'
    )
    assert _shown(lines, per_mapping=True) == [
        "10.1.0.0/24 === 10.2.0.0/24",
        "fd01::/64 === fd02::/64",
    ]
    assert _rules(lines)[0].size == 2


def test_ports_and_protocols_become_selectors() -> None:
    lines = (
        RULE + 'remote_cidrs = ["10.2.0.0/24"]\nprotocol = "TCP"\nlocal_ports = ["1000-2000"]\n'
        'remote_ports = [443, "80"]\n'
    )
    (child,) = children_of(_rules(lines), per_mapping=False)
    assert [str(ts) for ts in child.local_ts] == ["10.1.0.0/24[tcp/1000-2000]"]
    assert [str(ts) for ts in child.remote_ts] == ["10.2.0.0/24[tcp/443]", "10.2.0.0/24[tcp/80]"]


@pytest.mark.parametrize(
    ("lines", "ports"),
    [
        ("", (0, 65535)),
        ("icmp_type = 8", (0x0800, 0x08FF)),
        ("icmp_type = 3\nicmp_code = 4", (0x0304, 0x0304)),
    ],
)
def test_icmp_type_and_code_stand_in_the_ports_place(lines: str, ports: tuple[int, int]) -> None:
    rule = f'{RULE}remote_cidrs = ["10.2.0.0/24"]\nprotocol = "icmp"\n{lines}'
    (child,) = children_of(_rules(rule), per_mapping=False)
    for (one,) in (child.local_ts, child.remote_ts):
        assert (one.protocol, one.start_port, one.end_port) == (1, *ports)


@pytest.mark.parametrize("word", ['"udp"', '"17"', "17"])
def test_a_protocol_has_a_name_and_a_number(word: str) -> None:
    (rule,) = _rules(RULE + f'remote_cidrs = ["10.2.0.0/24"]\nprotocol = {word}')
    assert rule.protocol == 17


@pytest.mark.parametrize(
    ("lines", "field", "said", "hint"),
    [
        ('protocol = "tpc"', "protocol", "not a protocol", "did you mean tcp?"),
        ("protocol = 0", "protocol", "not a protocol", 'such as "tcp"'),
        ("protocol = 256", "protocol", "not a protocol", 'such as "tcp"'),
        ("protocol = true", "protocol", "not a protocol", 'such as "tcp"'),
        ('protocol = "²"', "protocol", "not a protocol", 'such as "tcp"'),
        ('remote_ports = ["443"]', "remote_ports", "only some protocols", 'protocol = "tcp"'),
        ("local_ports = []", "local_ports", "the list is empty", "leave the key out"),
        (
            'protocol = 6\nlocal_ports = "443"',
            "local_ports",
            "must be a list",
            "put it in brackets",
        ),
        ('protocol = 6\nlocal_ports = ["x"]', "local_ports[0]", "neither a port", "1000-2000"),
        ('protocol = 6\nlocal_ports = ["1-2-3"]', "local_ports[0]", "neither a port", "1000-2000"),
        ("protocol = 6\nlocal_ports = [-1]", "local_ports[0]", "neither a port", "1000-2000"),
        ("protocol = 6\nlocal_ports = [true]", "local_ports[0]", "neither a port", "1000-2000"),
        ("protocol = 6\nlocal_ports = [65536]", "local_ports[0]", "at most 65535", "nearest"),
        ('protocol = 6\nlocal_ports = ["9-7"]', "local_ports[0]", "ends before", '"7-9"?'),
        ('protocol = 6\nlocal_ports = ["1-9", 7]', "local_ports", "1-9 and 7 overlap", "once"),
        ("icmp_type = 8", "icmp_type", "only ICMP has types", 'protocol = "icmp"'),
        ("icmp_type = 256\nprotocol = 1", "icmp_type", "at most 255", "nearest"),
        ('protocol = "icmp"\nicmp_code = 0', "icmp_code", "belongs to a type", "add icmp_type"),
        ('protocol = "icmpv6"', "protocol", "is IPv6's", 'protocol = "icmp"'),
        ("local_cidr = []", "local_cidr", "unknown key", "did you mean local_cidrs?"),
    ],
)
def test_a_rule_that_cannot_be_is_refused_with_its_path(
    lines: str, field: str, said: str, hint: str
) -> None:
    found = connection_problem(POLICY + RULE + 'remote_cidrs = ["10.2.0.0/24"]\n' + lines)
    assert found.path == f"connection[0].spd_policies[0].{field}"
    assert said in found.message
    assert hint in found.hint
    assert 6 <= found.line <= 10


def test_a_rule_names_both_sides_of_one_ip_version() -> None:
    found = connection_problem(POLICY + RULE)
    assert (found.path, found.message) == (
        "connection[0].spd_policies[0].remote_cidrs",
        "is missing",
    )
    other = connection_problem(POLICY + RULE + 'remote_cidrs = ["fd02::/64"]')
    assert other.path == "connection[0].spd_policies[0].remote_cidrs"


def test_one_side_of_a_rule_is_no_more_selectors_than_an_sa_takes() -> None:
    nets = ", ".join(f'"10.{at}.0.0/16"' for at in range(10, 20))
    ports = ", ".join(f'"{at}"' for at in range(7))
    lines = f"remote_cidrs = [{nets}]\nprotocol = 6\nremote_ports = [{ports}]"
    found = connection_problem(POLICY + RULE + lines)
    assert (found.path, found.hint) == (
        "connection[0].spd_policies[0].remote_ports",
        "write several rules",
    )


def test_rules_meet_where_protocols_and_ports_do() -> None:
    def rule(lines: str) -> SpdPolicy:
        (found,) = _rules(RULE + 'remote_cidrs = ["10.2.0.0/24"]\n' + lines)
        return found

    anything, tcp = rule(""), rule("protocol = 6")
    https, high = rule("protocol = 6\nremote_ports = [443]"), rule(
        'protocol = 6\nremote_ports = ["400-65535"]'
    )  # fmt: skip
    http, udp = (
        rule("protocol = 6\nremote_ports = [80]"),
        rule("protocol = 17\nremote_ports = [80]"),
    )
    assert anything.meets(udp)
    assert tcp.meets(https)
    assert https.meets(high)
    assert not https.meets(http)
    assert not http.meets(udp)
    assert not rule("protocol = 1\nicmp_type = 8").meets(rule("protocol = 1\nicmp_type = 0"))


def test_a_network_on_both_sides_is_found_in_whichever_rule() -> None:
    """S4-16."""
    rules = [
        SpdPolicy.model_construct(
            local_cidrs=tuple(map(ip_network, local)), remote_cidrs=tuple(map(ip_network, remote))
        )
        for local, remote in (
            (("10.0.0.0/8", "10.9.0.0/16", "fd00::/8"), ("192.168.0.0/24",)),
            (("172.16.0.0/16",), ("11.0.0.0/8", "10.255.0.0/16", "fd00:1::/64", "0.0.0.0/0")),
        )
    ]
    found = [(at, index, str(a), str(b)) for at, index, a, b in on_both_sides(rules)]
    assert found == [
        (1, 1, "10.255.0.0/16", "10.0.0.0/8"),
        (1, 2, "fd00:1::/64", "fd00::/8"),
        (1, 3, "0.0.0.0/0", "172.16.0.0/16"),
    ]


def test_plain_lists_are_one_rule() -> None:
    (rule,) = _rules('local_subnets = ["10.1.0.0/24"]\nremote_subnets = ["10.2.0.0/24"]')
    assert rule.child().local_ts == (TrafficSelector.from_cidr("10.1.0.0/24"),)


def test_two_thousand_rules_are_read_and_more_refused() -> None:
    rules = "".join(
        f'[[connection.spd_policies]]\nlocal_cidrs = ["10.0.0.0/24"]\n'
        f'remote_cidrs = ["172.{at // 250}.{at % 250}.0/24"]\n'
        for at in range(2000)
    )
    quota = "[gateway.quotas]\nmappings_per_gateway = 2000\n"
    assert problems(quota + CONNECTION + POLICY + rules) == ()
    (found,) = problems(quota + CONNECTION + POLICY + rules + RULE)
    assert found.path == "connection[0].spd_policies"
