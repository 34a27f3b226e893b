import pytest

from ikebana.config.compile import compile_config
from policy.flow import Flow
from policy.selectors import OPAQUE, TrafficSelector
from policy.spd import Action, Policy, Spd
from tests.ikebana.config.sample import CONNECTION, config, named, problem, problems

NETS = 'local_subnets = ["10.1.0.0/24"]\nremote_subnets = ["10.2.0.0/24"]\n'


def policies(*tables: str) -> str:
    return "".join(f"[[gateway.policies]]\n{table}\n" for table in tables)


def compiled(*tables: str) -> tuple[Policy, ...]:
    return compile_config(config(policies(*tables))).policies


def flow(source: str, target: str, protocol: int = 6, ports: tuple[int, int] = (4000, 80)) -> Flow:
    ends = [TrafficSelector.from_cidr(one) for one in (source, target)]
    return Flow(ends[0].version, protocol, ends[0].start, ends[1].start, *ports)


def test_policies_stand_in_the_order_of_the_file_with_their_names() -> None:
    found = compiled(
        'action = "discard"\nremote = ["10.2.0.0/24"]\nprotocol = "tcp"\nremote_ports = [25]',
        'name = "printers"\naction = "bypass"\nremote = ["10.2.0.0/24"]',
    )
    assert [(one.name, one.action, one.tunnel) for one in found] == [
        ("policy 1", Action.DISCARD, ""),
        ("printers", Action.BYPASS, ""),
    ]
    spd = Spd(found)
    assert spd.find(flow("10.1.0.1", "10.2.0.1", ports=(9, 25))).action is Action.DISCARD
    assert spd.find(flow("10.1.0.1", "10.2.0.1", ports=(9, 26))).action is Action.BYPASS
    assert spd.find(flow("10.1.0.1", "10.3.0.1")).action is Action.DISCARD  # nobody's


def test_without_addresses_all_of_both_ip_versions_are_meant() -> None:
    spd = Spd(compiled('action = "bypass"\nprotocol = "udp"\nremote_ports = [53]'))
    for source, target in (("10.1.0.1", "9.9.9.9"), ("fd01::1", "2620:fe::9")):
        assert spd.find(flow(source, target, 17, (4000, 53))).action is Action.BYPASS
        assert spd.find(flow(source, target, 17, (4000, 54))).name == "default"


def test_a_range_of_addresses_ends_where_it_says() -> None:
    spd = Spd(compiled('action = "bypass"\nlocal = ["10.1.0.5-10.1.0.9"]\nremote = ["10.2.0.7"]'))
    inside = [spd.find(flow(f"10.1.0.{n}", "10.2.0.7")).name != "default" for n in (4, 5, 9, 10)]
    assert inside == [False, True, True, False]
    assert spd.find(flow("10.1.0.5", "10.2.0.8")).name == "default"


def test_a_range_of_ports_is_matched_on_its_own_side() -> None:
    spd = Spd(compiled('action = "bypass"\nprotocol = "tcp"\nlocal_ports = ["1000-2000"]'))
    hits = {n: spd.find(flow("10.1.0.1", "10.2.0.1", 6, (n, 1500))).name for n in (999, 1000, 2001)}
    assert hits == {999: "default", 1000: "policy 1", 2001: "default"}
    assert spd.find(flow("10.1.0.1", "10.2.0.1", 6, (OPAQUE, OPAQUE))).name == "default"


def test_an_icmp_type_and_its_code_are_matched() -> None:
    spd = Spd(compiled('action = "discard"\nprotocol = "icmp"\nicmp_type = 3\nicmp_code = 4'))
    hits = [
        spd.find(flow("10.1.0.1", "10.2.0.1", 1, (number, number))).name == "policy 1"
        for number in (3 << 8 | 3, 3 << 8 | 4, 8 << 8)
    ]
    assert hits == [False, True, False]


@pytest.mark.parametrize(
    ("lines", "path", "what", "hint"),
    [
        ('action = "pass"', "action", "must be one of: bypass, discard", ""),
        ('action = "bypas"', "action", "must be one of", "did you mean bypass?"),
        ("", "action", "is missing", "`bypass`"),
        ('action = "bypass"\nlocal = ["10.1.0.9-10.1.0.5"]', "local[0]", "not a range", "such as"),
        ('action = "bypass"\nlocal = ["10.1.0.1/24"]', "local[0]", "bits behind", "10.1.0.0/24"),
        ('action = "bypass"\nremote_ports = [53]', "remote_ports", "only some protocols", "tcp"),
        ('action = "bypass"\nremote = []', "remote", "empty", "leave the key out"),
        ('action = "bypass"\nports = [5]', "ports", "unknown key", ""),
        (
            'action = "bypass"\nprotocol = "udp"\nremote_ports = ["60000-65535"]',
            "remote_ports[0]",
            "1 to 65534",
            "60000-65534",
        ),
        (
            'action = "bypass"\nprotocol = "icmp"\nicmp_type = 8',
            "icmp_type",
            "cannot tell ICMP types apart",
            "leave it out",
        ),
        (
            'action = "bypass"\nlocal = ["10.1.0.0/24"]\nremote = ["fd02::/64"]',
            "remote",
            "IP version",
            "alike",
        ),
        (
            'action = "discard"\nprotocol = "icmpv6"\nlocal = ["10.1.0.0/24"]',
            "local",
            "IP version",
            "icmpv6",
        ),
    ],
)
def test_a_policy_refused_names_its_place_and_what_would_do(
    lines: str, path: str, what: str, hint: str
) -> None:
    found = problem(policies(lines))
    assert found.path == f"gateway.policies[0].{path}"
    assert what in found.message
    assert hint in found.hint or not hint


def test_more_rules_than_the_kernel_should_walk_are_refused() -> None:
    many = ", ".join(f'"10.{n}.0.0/24"' for n in range(30))
    found = problem(policies(f'action = "bypass"\nlocal = [{many}]\nremote = [{many}]'))
    assert found.path == "gateway.policies[0]"
    assert "more than 512 routing rules" in found.message


def test_a_bypass_must_not_let_through_what_an_icmp_type_discards() -> None:
    discard = 'action = "discard"\nprotocol = "icmp"\nicmp_type = 8\nremote = ["10.2.0.0/24"]'
    found = problem(policies(discard, 'action = "bypass"\nremote = ["10.2.0.0/16"]'))
    assert found.path == "gateway.policies[1]"
    assert "policies[0]" in found.message
    assert problems(policies(discard, 'action = "bypass"\nremote = ["10.3.0.0/16"]')) == ()
    udp = 'action = "bypass"\nremote = ["10.2.0.0/16"]\nprotocol = "udp"'
    assert problems(policies(discard, udp)) == ()


def test_fragments_that_pass_a_discard_by_ports_are_warned_of() -> None:
    discard = 'action = "discard"\nprotocol = "tcp"\nremote_ports = [25]'
    warnings = config(policies(discard, 'action = "bypass"\nremote = ["10.9.0.0/16"]')).warnings()
    assert [one.path for one in warnings] == ["gateway.policies[1]"]
    assert "fragments show no ports" in warnings[0].message
    other = 'action = "bypass"\nprotocol = "udp"'
    assert config(policies(discard, other)).warnings() == ()


@pytest.mark.parametrize(
    ("policy", "hits"),
    [
        ('action = "bypass"\nremote = ["10.2.0.0/16"]', True),
        ('action = "bypass"', True),
        ('action = "bypass"\nlocal = ["10.1.0.0/24"]\nremote = ["10.2.0.0/24"]', True),
        ('action = "bypass"\nremote = ["10.2.0.0/25"]', False),
        ('action = "bypass"\nprotocol = "tcp"', False),
        ('action = "discard"', False),
    ],
)
def test_a_bypass_never_takes_all_that_a_connection_protects(policy: str, hits: bool) -> None:
    found = problems(policies(policy) + CONNECTION + NETS)
    assert [one.path for one in found] == (["gateway.policies[0]"] if hits else [])
    assert all("bypass_covers_connection: all that 'net' protects" in one.message for one in found)
    assert problems(policies(policy) + CONNECTION + NETS + "enabled = false\n") == ()


def test_a_bypass_never_takes_all_that_goes_to_a_peer_in_transport_mode() -> None:
    transport = named("hosts", "10.99.0.2", 'ipsec.mode = "transport"')
    (found,) = problems(policies('action = "bypass"\nremote = ["10.99.0.0/24"]') + transport)
    assert "10.99.0.2/32" in found.message
