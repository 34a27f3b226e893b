import os
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ikebana.config.connection import DpdAction, Initiation
from ikebana.config.load import LARGEST, load, parse
from ikebana.config.problems import ConfigErrors, ConfigProblem
from tests.ikebana.config.sample import CONNECTION, GATEWAY, KEY, problem, problems

SHORT_FORM = """\
[gateway]
name = "moon"
addresses = ["10.99.0.1"]             # listen here
[[connection]]
name = "net"
peer = "10.99.0.2"                    # IP, host name, or "any"
local_id = "ga.lab"
remote_id = "gb.lab"
psk = { file = "net.psk" }
initiation = "active"
local_subnets = ["10.1.0.0/24"]
remote_subnets = ["10.2.0.0/24"]
[connection.ike]
version = "ikev2"
proposals = ["aes128-sha256-x25519"]
lifetime_s = 86400
[connection.ipsec]
proposals = ["aes128gcm16"]
lifetime_s = 3600
[connection.dpd]
interval_s = 8
timeout_s = 30
action = "restart"
"""


def _never_else(content: bytes) -> None:
    """Read octets: a configuration or problems fit to print, and no other exception."""
    found: tuple[ConfigProblem, ...] = ()
    try:
        parse(content)
    except ConfigErrors as why:
        found = why.problems
    assert all(str(one).isprintable() for one in found)


def test_every_line_of_the_short_form_means_what_it_says(tmp_path: Path) -> None:
    (tmp_path / "net.psk").write_text(KEY + "\n")
    (tmp_path / "net.psk").chmod(0o600)
    (tmp_path / "moon.toml").write_text(SHORT_FORM)
    found = load(tmp_path / "moon.toml")
    assert found.warnings() == ()
    assert (found.gateway.name, found.gateway.addresses) == ("moon", ("10.99.0.1",))
    (one,) = found.connections
    assert (one.name, one.peer, one.local_id, one.remote_id) == (
        "net", "10.99.0.2", "ga.lab", "gb.lab",
    )  # fmt: skip
    assert one.psk.secret.reveal() == KEY.encode()
    assert one.initiation is Initiation.ACTIVE
    assert [str(net) for net in one.local_subnets] == ["10.1.0.0/24"]
    assert [str(net) for net in one.remote_subnets] == ["10.2.0.0/24"]
    assert (one.ike.version, one.ike.proposals) == ("ikev2", ("aes128-sha256-x25519",))
    assert (one.ike.lifetime_s, one.ipsec.lifetime_s) == (86400, 3600)
    assert one.ipsec.proposals == ("aes128gcm16",)
    assert (one.dpd.interval_s, one.dpd.timeout_s) == (8, 30)
    assert one.dpd.action is DpdAction.RESTART


def test_all_problems_come_at_once_in_the_files_order() -> None:
    found = problems(
        """\
[gatewya]
[gateway]
port = 70000
[[connection]]
name = "a/b"
peer = "10.0.0.1"
[[connection]]
name = "ok"
peer = "10.0.0.2"
psk = "x"
[connection.ike]
proposals = ["aes128-sha256-x25519", "aes196-sha1"]
lifetime_s = 30
"""
    )
    assert [(one.line, one.path) for one in found] == [
        (1, "gatewya"),
        (3, "gateway.port"),
        (4, "connection[0].psk"),
        (5, "connection[0].name"),
        (12, "connection[1].ike.proposals[1]"),
        (13, "connection[1].ike.lifetime_s"),
    ]
    assert all(one.hint for one in found)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('a = "x', 1), ("\n\n= 3", 3), ("[gateway]\nname = moon", 2), ("[gateway]\n[gateway]", 2),
        ("a = 1\na = 2", 2), ("a = '\x00'", 1), ("[a\x1b[2J]", 1), ("a = [1,\n2", 2), ("a", 1),
        ("a = 2024-13-45", 1),
    ],
)  # fmt: skip
def test_what_is_not_toml_is_refused_at_its_line(text: str, line: int) -> None:
    found = problem(text)
    assert found.line == line
    assert found.message.startswith("not TOML")
    assert str(found).isprintable()


def test_what_is_not_utf8_is_refused_at_its_line() -> None:
    with pytest.raises(ConfigErrors) as caught:
        parse(b"[gateway]\nname = '\xff'")
    assert caught.value.problems[0].line == 2


def test_a_byte_order_mark_and_dos_line_ends_are_taken() -> None:
    assert parse(b"\xef\xbb\xbf" + GATEWAY.replace("\n", "\r\n").encode()).gateway.name == "moon"


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("[connection]", "connection"), ("connection = 3", "connection"),
        ("connection = [3]", "connection[0]"), ("[[gateway]]\n[[gateway]]", "gateway"),
        ("gateway = 3", "gateway"), ("[[customer_gateway]]", "customer_gateway"),
        ("[conection]", "conection"),
    ],
)  # fmt: skip
def test_a_table_of_the_wrong_shape_is_refused(text: str, path: str) -> None:
    found = problem(text)
    assert (found.path, found.line) == (path, 1)


def test_a_file_that_cannot_be_read_is_one_problem(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    big = tmp_path / "big"
    big.write_bytes(b"#" * (LARGEST + 1))
    for path in (
        tmp_path / "absent",
        tmp_path,
        tmp_path / "pipe",
        big,
        Path("/dev/zero"),
        Path("a\0b"),
    ):
        with pytest.raises(ConfigErrors) as caught:
            load(path)
        (found,) = caught.value.problems
        assert found.hint
        assert str(found).isprintable()


def test_the_environment_given_is_the_one_looked_into(tmp_path: Path) -> None:
    file = tmp_path / "moon.toml"
    file.write_text('[[connection]]\nname="a"\npeer="10.0.0.1"\npsk={env="K"}\n')
    assert load(file, {"K": KEY}).connections[0].psk.secret.reveal() == KEY.encode()
    with pytest.raises(ConfigErrors):
        load(file, {})


@pytest.mark.parametrize(
    "text",
    [
        "x = " + "[" * 100_000,
        "x = " + "{a=" * 100_000,
        "a." * 100_000 + "a = 1",
        "x = " + "1" * 100_000,
        "x = 0x" + "f" * 100_000,
        "[[connection]]\n" * 60_000,
        "\n".join(f"[[connection.a{at}]]" for at in range(30_000)),
        "\n".join(f"k{at} = 1" for at in range(60_000)),
        CONNECTION + "\n".join(f"k{at} = 1" for at in range(60_000)),
        CONNECTION + "local_subnets = [" + "'x'," * 200_000 + "]",
        CONNECTION + "ike.proposals = [" + "'aes128'," * 100_000 + "]",
        CONNECTION + "labels = {" + ",".join(f"a{at}=''" for at in range(60_000)) + "}",
        CONNECTION + "remarks = '" + "x" * 1_000_000 + "'",
        CONNECTION + "mtu = " + "[" * 31 + "]" * 31,
        "#" * (LARGEST + 1),
        CONNECTION + "[[connection.spd_policies]]\n" * 35_000,
        CONNECTION + "[[connection.spd_policies]]\n" * 2_000,
        CONNECTION + "[[connection.spd_policies]]\nlocal_cidrs = [1]\n" * 2_000,
    ],
    ids=range(18),
)
def test_a_hostile_file_is_refused_in_bounded_time_and_words(text: str) -> None:
    begun = time.process_time()
    found = problems(text)
    assert time.process_time() - begun < 20
    assert 1 <= len(found) <= 101
    assert all(len(str(one)) < 2_000 for one in found)


@given(st.binary(max_size=300))
def test_any_octets_are_a_configuration_or_problems(content: bytes) -> None:
    _never_else(content)


@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_a_file_changed_anywhere_is_a_configuration_or_problems(data: st.DataObject) -> None:
    text = bytearray((GATEWAY + CONNECTION + SHORT_FORM.partition("remote_id")[2]).encode())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(text)))
        upto = data.draw(st.integers(at, min(len(text), at + 20)))
        text[at:upto] = data.draw(
            st.binary(max_size=8) | st.sampled_from([b"\n", b'"', b"[", b"7"])
        )
    _never_else(bytes(text))


_VALUES = st.recursive(
    st.sampled_from(['"x"', "7", "-1", "1e400", "nan", "true", "1979-05-27", "''", '"\\u0007"']),
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda many: f"[{', '.join(many)}]")
        | inner.map(lambda one: f"{{ file = {one} }}")
    ),
    max_leaves=4,
)
_WORDS = """
name peer psk local_id remote_id labels local_subnets remote_subnets routing_mode local_address
ike ike.proposals ike.encryption ike.dh_group ike.prf ike.lifetime_s ipsec.pfs ipsec.proposals
dpd.action dpd.timeout_s retry.factor crypto_preset force_encap enabled
mobike childless uniqueness close_action per_mapping_sa spd_policies nat_traversal ike.window
ike.reauth ike.auth_lifetime_s ipsec.mode ipsec.protocol ipsec.esn ipsec.lifetime_kb
"""
_RULE_WORDS = "local_cidrs remote_cidrs protocol local_ports remote_ports icmp_type icmp_code x"


@settings(max_examples=150)
@given(st.dictionaries(st.sampled_from(_WORDS.split()), _VALUES, max_size=6))
def test_any_value_for_any_key_is_a_configuration_or_problems(lines: dict[str, str]) -> None:
    text = "[[connection]]\n" + "\n".join(f"{key} = {value}" for key, value in lines.items())
    _never_else(text.encode())


@settings(max_examples=100)
@given(st.dictionaries(st.sampled_from(_RULE_WORDS.split()), _VALUES, max_size=6), st.booleans())
def test_any_value_in_a_rule_is_a_configuration_or_problems(
    lines: dict[str, str], is_whole: bool
) -> None:
    rule = {"local_cidrs": '["10.1.0.0/24"]', "remote_cidrs": '["10.2.0.0/24"]'} if is_whole else {}
    text = CONNECTION + 'routing_mode = "policy"\n[[connection.spd_policies]]\n'
    text += "\n".join(f"{key} = {value}" for key, value in (rule | lines).items())
    _never_else(text.encode())
