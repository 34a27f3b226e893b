"""What IKEv1 cannot do, and what only it does."""

import pytest

from ikebana.config.compile import compile_tunnel
from ikebana.config.gateway import Gateway
from ikecore.profile import IkeVersion, Phase1Mode
from ikecore.proposals import describe
from tests.ikebana.config.sample import CONNECTION, config, connection_problem, problems

OLD = 'ike.version = "ikev1"\n'
NETS = 'local_subnets = ["10.1.0.0/24"]\nremote_subnets = ["10.2.0.0/24"]\n'
PASSIVE = 'initiation = "passive"\n'
AGGRESSIVE = 'ike.mode = "aggressive"\nike.dh_group = 14\n'


def warnings(lines: str) -> list[tuple[str, str]]:
    found = config(CONNECTION + lines).warnings()
    return [(one.path.removeprefix("connection[0]."), one.message) for one in found]


# -- versions and modes ---------------------------------------------------------------------------
def test_ikev1_is_taken_as_it_is_and_wears_its_badge() -> None:
    (one,) = config(CONNECTION + OLD).connections
    plan = compile_tunnel(one, Gateway.model_validate({}))
    assert (plan.version, plan.legacy.mode) == (IkeVersion.IKEV1, Phase1Mode.MAIN)
    assert not plan.mobike
    assert warnings(OLD) == [("ike.version", "legacy: IKEv1 is historic (RFC 9395)")]
    assert warnings("") == []


def test_any_is_for_a_connection_that_the_peer_begins() -> None:
    found = connection_problem('ike.version = "any"\n')
    assert (found.path, found.line) == ("connection[0].ike.version", 5)
    assert 'initiation = "passive"' in found.hint
    assert problems(CONNECTION + 'ike.version = "any"\n' + PASSIVE) == ()
    assert warnings('ike.version = "any"\n' + PASSIVE)[0][0] == "ike.version"


@pytest.mark.parametrize("field", ['mode = "main"', "allow_aggressive_psk = true"])
def test_what_is_ikev1s_alone_is_refused_with_ikev2(field: str) -> None:
    found = connection_problem(f"ike.{field}\n")
    assert found.message == 'only with ike.version = "ikev1"'


@pytest.mark.parametrize(
    "line",
    [
        "mobike = true", 'childless = "never"', "ike.window = 4", "ike.auth_lifetime_s = 3600",
        "ike.reauth = true", "ipsec.fragments_also = true",
    ],
)  # fmt: skip
def test_what_ikev1_has_not_is_refused_when_it_is_given(line: str) -> None:
    found = connection_problem(OLD + line)
    assert found.path == f"connection[0].{line.split(' ')[0]}"
    assert found.hint == "leave it out"


# -- aggressive mode ------------------------------------------------------------------------------
def test_aggressive_mode_begins_and_warns() -> None:
    told = dict(warnings(OLD + AGGRESSIVE))
    assert "to who listens" in told["ike.mode"]
    (one,) = config(CONNECTION + OLD + AGGRESSIVE).connections
    assert compile_tunnel(one, Gateway.model_validate({})).legacy.mode is Phase1Mode.AGGRESSIVE


def test_a_peer_may_begin_aggressive_mode_only_where_that_is_allowed() -> None:
    found = connection_problem(OLD + AGGRESSIVE + PASSIVE)
    assert found.path == "connection[0].ike.mode"
    assert "allow_aggressive_psk = true" in found.hint
    allowed = OLD + AGGRESSIVE + PASSIVE + "ike.allow_aggressive_psk = true\n"
    told = dict(warnings(allowed))
    assert told["ike.allow_aggressive_psk"].startswith("dangerous: whoever sends one datagram")
    in_main = connection_problem(OLD + "ike.allow_aggressive_psk = true")
    assert in_main.message == "the mode is main"


def test_aggressive_mode_takes_exactly_one_group_and_one_for_pfs() -> None:  # S3-15
    found = connection_problem(OLD + 'ike.mode = "aggressive"')
    assert found.path == "connection[0].ike"
    assert "4 groups (ecp256, ecp384, modp3072, modp2048)" in found.message
    assert found.hint == "such as ike.dh_group = 14"
    lines = 'ipsec.proposals = ["aes128-sha1-modp2048", "aes128-sha1-modp1024"]'
    esp = connection_problem(OLD + AGGRESSIVE + lines)
    assert (esp.path, esp.hint) == ("connection[0].ipsec.proposals", "such as ipsec.pfs = 14")
    assert problems(CONNECTION + OLD + AGGRESSIVE + "ipsec.pfs = 5") == ()


# -- algorithms -----------------------------------------------------------------------------------
def test_modern_is_what_ikev1_can_say() -> None:
    (one,) = config(CONNECTION + OLD).connections
    plan = compile_tunnel(one, Gateway.model_validate({}))
    (ike,) = map(describe, plan.ike_proposals)
    assert ike == (
        "aes256-aes128-sha256-sha384-sha512-prfsha256-prfsha384-prfsha512"
        "-ecp256-ecp384-modp3072-modp2048"
    )
    assert list(map(describe, plan.esp_proposals)) == [
        "aes256gcm16-aes128gcm16",
        "aes256-aes128-sha256-sha384-sha512",
    ]


@pytest.mark.parametrize(
    ("line", "path", "word"),
    [
        ('ike.encryption = "aes256gcm16"', "ike.encryption", "aes256gcm16"),
        ('ike.encryption = "aes256ctr"', "ike.encryption", "aes256ctr"),
        ('ike.integrity = "aesxcbc"', "ike.integrity", "aesxcbc"),
        ("ike.dh_group = 31", "ike.dh_group", "x25519"),
        ('ike.prf = "sha512"', "ike.prf", "prfsha512"),
        ('ike.proposals = ["aes128-sha256-x448"]', "ike.proposals[0]", "x448"),
        ('ipsec.encryption = "chacha20poly1305"', "ipsec.encryption", "chacha20poly1305"),
        ('ipsec.proposals = ["aes128-aescmac"]', "ipsec.proposals[0]", "aescmac"),
        ("ipsec.pfs = 32", "ipsec.pfs", "x448"),
    ],
)
def test_what_ikev1_has_no_number_for_is_refused_where_it_stands(
    line: str, path: str, word: str
) -> None:
    found = connection_problem(OLD + line)
    assert found.path == f"connection[0].{path}"
    assert found.message == f"{word}: IKEv1 has no number for it"
    assert found.hint


def test_the_prf_of_the_hash_may_be_spelled_out() -> None:
    assert problems(CONNECTION + OLD + 'ike.proposals = ["aes128-sha256-prfsha256-modp2048"]') == ()


def test_any_needs_something_that_both_versions_can_say() -> None:
    lines = 'ike.version = "any"\n' + PASSIVE
    found = connection_problem(lines + 'ike.proposals = ["aes256gcm16-sha256-modp2048"]')
    assert found.path == "connection[0].ike.proposals"
    found = connection_problem(lines + 'ipsec.encryption = "chacha20poly1305"')
    assert found.path == "connection[0].ipsec"
    assert problems(CONNECTION + lines + 'ike.proposals = ["aes128-sha256-x25519-ecp256"]') == ()


# -- networks -------------------------------------------------------------------------------------
def test_without_networks_a_child_carries_all_of_ipv4() -> None:
    (one,) = config(CONNECTION + OLD).connections
    (child,) = compile_tunnel(one, Gateway.model_validate({})).children
    assert str(child) == "0.0.0.0/0 === 0.0.0.0/0"


@pytest.mark.parametrize("side", ["local", "remote"])
def test_several_networks_need_a_child_for_each_pair(side: str) -> None:  # S0-6, S3-3
    lines = OLD + f'{side}_subnets = ["10.1.0.0/24", "10.3.0.0/24"]\n'
    found = connection_problem(lines)
    assert found.path == f"connection[0].{side}_subnets"
    assert found.hint.startswith("per_mapping_sa = true")
    (one,) = config(CONNECTION + lines + "per_mapping_sa = true").connections
    assert len(compile_tunnel(one, Gateway.model_validate({})).children) == 2


def test_a_rule_with_several_networks_needs_the_same() -> None:
    lines = OLD + (
        'routing_mode = "policy"\n[[connection.spd_policies]]\nlocal_cidrs = ["10.1.0.0/24"]\n'
        'remote_cidrs = ["10.2.0.0/24", "10.3.0.0/24"]\n'
    )
    assert connection_problem(lines).path == "connection[0].spd_policies[0].remote_cidrs"


@pytest.mark.parametrize(
    ("line", "field"),
    [
        ('protocol = "tcp"\nlocal_ports = ["80", "443"]', "local_ports"),
        ('protocol = "tcp"\nremote_ports = ["80-90"]', "remote_ports"),
        ('protocol = "icmp"\nicmp_type = 8', "icmp_type"),
    ],
)
def test_ikev1_names_one_port_and_no_icmp_types(line: str, field: str) -> None:
    lines = OLD + (
        'routing_mode = "policy"\n[[connection.spd_policies]]\nlocal_cidrs = ["10.1.0.0/24"]\n'
        f'remote_cidrs = ["10.2.0.0/24"]\n{line}\n'
    )
    assert connection_problem(lines).path == f"connection[0].spd_policies[0].{field}"


# -- identities -----------------------------------------------------------------------------------
def test_a_name_in_main_mode_is_warned_of_for_the_psk_goes_by_address() -> None:  # S0-15
    told = warnings(OLD + 'local_id = "moon.example"')
    assert told[1][0] == "local_id"
    assert "found by the peer's address" in told[1][1]
    assert len(warnings(OLD + 'local_id = "192.0.2.1"')) == 1
    names = [path for path, _ in warnings(OLD + AGGRESSIVE + 'local_id = "moon.example"')]
    assert "local_id" not in names


def test_a_subnet_is_an_identity_of_ikev1_alone() -> None:
    lines = 'remote_id = "subnet:10.2.0.0/24"\n'
    assert problems(CONNECTION + OLD + lines) == ()
    assert connection_problem(lines).message == 'only with ike.version = "ikev1"'
