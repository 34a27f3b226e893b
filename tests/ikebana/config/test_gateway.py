import pytest

from tests.ikebana.config.sample import GATEWAY, config, problem


def test_nothing_needs_to_be_said_of_the_gateway() -> None:
    gateway = config("").gateway
    assert (gateway.addresses, gateway.port, gateway.nat_port) == ((), 500, 4500)


def test_what_is_said_is_taken() -> None:
    gateway = config(
        GATEWAY + 'addresses = ["10.99.0.1", "2001:DB8::1"]\nport = 15500\nnat_port = 14500\n'
        'mtu = 1400\ntun_name = "ike-0"\nrouting_table = 77\nmark = 0x10\n'
        "[gateway.limits]\nhalf_open = 7\nhalf_open_timeout_s = 2\n"
        "[gateway.quotas]\ntunnels_per_gateway = 500\n"
    ).gateway
    assert gateway.addresses == ("10.99.0.1", "2001:db8::1")
    assert (gateway.mtu, gateway.tun_name, gateway.routing_table) == (1400, "ike-0", 77)
    assert (gateway.limits.half_open, gateway.quotas.tunnels_per_gateway) == (7, 500)


@pytest.mark.parametrize(
    ("line", "key"),
    [
        ("port = 0", "port"),
        ("port = 65536", "port"),
        ("port = true", "port"),
        ('port = "500"', "port"),
        ("port = 500.0", "port"),
        ("nat_port = 500", "nat_port"),
        ("mtu = 100", "mtu"),
        ('tun_name = "a/b"', "tun_name"),
        ('tun_name = ""', "tun_name"),
        ('tun_name = "sixteen-letters!"', "tun_name"),
        ('tun_name = ".."', "tun_name"),
        ("routing_table = 254", "routing_table"),
        ("mark = 0", "mark"),
        ("addresses = []", "addresses"),
        ('addresses = ["10.0.0.1", "10.0.0.1"]', "addresses"),
        ("limits = 3", "limits"),
        ("limits.half_open = 0", "limits.half_open"),
        ("limits.cookie_lifetime_s = nan", "limits.cookie_lifetime_s"),
        ("quotas.tunnels_per_peer = 19", "quotas.tunnels_per_peer"),
        ("remarks = 7", "remarks"),
        ("bandwidth_mbps = 100", "bandwidth_mbps"),
        ("prot = 1", "prot"),
    ],
)
def test_what_is_out_of_range_is_refused_at_its_line(line: str, key: str) -> None:
    found = problem(GATEWAY + line)
    assert (found.path, found.line) == (f"gateway.{key}", 3)


def test_a_bound_names_the_nearest_accepted_value() -> None:
    assert problem(GATEWAY + "mtu = 100").hint == "the nearest accepted is 576"


def test_the_laboratory_is_closed_unless_somebody_opens_it() -> None:
    assert not config(GATEWAY).gateway.lab.allow_short_lifetimes
    found = problem(GATEWAY + "[gateway.lab]\nallow_short_lifetime = true\n")
    assert (found.path, found.hint) == (
        "gateway.lab.allow_short_lifetime",
        "did you mean allow_short_lifetimes?",
    )


def test_offloads_are_used_unless_somebody_turns_them_off() -> None:
    gateway = config(GATEWAY).gateway
    assert (gateway.offload, gateway.lab.vectors) == ("auto", True)
    off = config(GATEWAY + 'offload = "off"\n[gateway.lab]\nvectors = false\n').gateway
    assert (off.offload, off.lab.vectors) == ("off", False)
    assert problem(GATEWAY + 'offload = "on"\n').path == "gateway.offload"
