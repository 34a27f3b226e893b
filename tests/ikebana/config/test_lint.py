import os
from pathlib import Path

import pytest

from ikebana.config.load import load, parse
from ikebana.config.problems import ConfigProblem
from ikebana.config.psk import Sources
from tests.ikebana.config.sample import CONNECTION, KEY, config

ROOT = "connection[0]"


def _warnings(lines: str) -> tuple[ConfigProblem, ...]:
    return config(CONNECTION + lines).warnings()


def test_a_sound_connection_draws_no_warning() -> None:
    assert _warnings("") == ()


def test_weak_algorithms_work_and_are_named_with_what_to_use_instead() -> None:
    found = _warnings('ike.proposals = ["aes128-sha256-x25519",\n"3des-md5-modp1024"]')
    assert {(one.path, one.line) for one in found} == {(f"{ROOT}.ike.proposals[1]", 6)}
    assert [(one.message, one.hint) for one in found] == [
        ("3des is weak cryptography", "use aes256 instead"),
        ("md5 is broken cryptography", "use sha256 instead"),
        ("modp1024 is weak cryptography", "use modp2048 instead"),
    ]


def test_a_single_field_is_named_and_so_is_the_preset() -> None:
    (des,) = _warnings('ipsec.encryption = "des"')
    assert des.path == f"{ROOT}.ipsec.encryption"
    preset = _warnings('crypto_preset = "cloud_compat"')
    assert {one.path for one in preset} == {f"{ROOT}.crypto_preset"}
    assert {one.message.split()[0] for one in preset} == {"sha1", "modp1024"}


def test_what_iana_has_not_numbered_is_named_as_non_standard() -> None:
    ids = "[gateway]\nprivate_ids = { sm4gcm16 = 65001, prfsm3 = 65002 }\n"
    lines = 'ike.proposals = ["sm4gcm16-prfsm3-x25519"]\nipsec.encryption = "sm4gcm16"\n'
    found = config(ids + CONNECTION + lines).warnings()
    assert [one.path for one in found] == [
        f"{ROOT}.ike.proposals[0]", f"{ROOT}.ike.proposals[0]", f"{ROOT}.ipsec.encryption",
    ]  # fmt: skip
    assert found[1].message == "prfsm3 is non-standard; no independent peer was available"


@pytest.mark.parametrize(
    ("psk", "said"),
    [("short", "5 octets"), ("password1", "entropy"), ("a b" + KEY, "without spaces")],
)
def test_a_weak_key_is_warned_of_and_not_shown(psk: str, said: str) -> None:
    text = f'[[connection]]\nname = "a"\npeer = "10.0.0.1"\npsk = "{psk}"\n'
    (found,) = config(text).warnings()
    assert (found.path, found.line) == (f"{ROOT}.psk", 4)
    assert said in found.message
    assert psk not in str(found)


def test_a_key_that_everybody_can_read_is_warned_of(tmp_path: Path) -> None:
    file = tmp_path / "gateway.toml"
    file.write_text(CONNECTION)
    file.chmod(0o644)
    (found,) = load(file).warnings()
    assert "every user" in found.message
    file.chmod(0o600)
    assert load(file).warnings() == ()


def test_a_key_file_that_everybody_can_read_is_warned_of(tmp_path: Path) -> None:
    (tmp_path / "net.psk").write_text(KEY)
    text = b'[[connection]]\nname = "a"\npeer = "10.0.0.1"\npsk = { file = "net.psk" }\n'
    for mode, count in ((0o644, 1), (0o600, 0)):
        os.chmod(tmp_path / "net.psk", mode)
        found = parse(text, Sources(tmp_path), is_exposed=True).warnings()
        assert len(found) == count


def test_a_password_that_everybody_can_read_is_warned_of(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("secret")
    (tmp_path / "a.txt").chmod(0o644)
    (tmp_path / "net.psk").write_text(KEY)
    (tmp_path / "net.psk").chmod(0o600)
    text = (
        '[[user]]\nname = "a"\npassword = { file = "a.txt" }\n'
        '[[user]]\nname = "b"\npassword = "inline"\n'
        '[[connection]]\nname = "a"\npeer = "10.0.0.1"\npsk = { file = "net.psk" }\n'
        'ike.version = "ikev1"\nxauth = { role = "client", user = "c", password = "inline" }\n'
    )
    found = parse(text.encode(), Sources(tmp_path), is_exposed=True).warnings()
    told = {one.path: one.message for one in found}
    assert told["user[0].password"] == "every user of this host can read the password file"
    assert "the password stands in a file" in told["user[1].password"]
    assert "the password stands in a file" in told[f"{ROOT}.xauth.password"]
    assert len(parse(text.encode(), Sources(tmp_path)).warnings()) == 2


def test_what_is_for_tests_or_hides_nothing_is_warned_of() -> None:
    """S4-19: ESP is recommended."""
    text = "[gateway.lab]\nallow_short_lifetimes = true\n" + CONNECTION
    lab, ah = config(text + 'nat_traversal = false\nipsec.protocol = "ah"').warnings()
    assert (lab.path, lab.line) == ("gateway.lab.allow_short_lifetimes", 2)
    assert (ah.path, ah.line) == (f"{ROOT}.ipsec.protocol", 8)
    assert "does not encrypt" in ah.message
