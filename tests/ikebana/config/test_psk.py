import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ikebana.config.problems import ConfigErrors
from ikebana.config.psk import WEAK_BITS, entropy_bits
from suites.secret import Secret
from tests.ikebana.config.sample import KEY, config, problem, problems


def _with(psk: str) -> str:
    return f'[[connection]]\nname = "net"\npeer = "10.99.0.2"\npsk = {psk}\n'


def _octets(psk: str, folder: Path = Path(), environ: dict[str, str] | None = None) -> bytes:
    return config(_with(psk), folder, environ).connections[0].psk.secret.reveal()


@pytest.mark.parametrize(
    ("psk", "octets"),
    [
        ('"plain"', b"plain"),
        ('"ключ"', "ключ".encode()),
        ('{ hex = "00ff 7F" }', b"\x00\xff\x7f"),
        ('{ hex = "0x00ff" }', b"\x00\xff"),
        ('{ base64 = "AP9/" }', b"\x00\xff\x7f"),
        ('{ base64 = "0sAP9/" }', b"\x00\xff\x7f"),
        ('{ env = "NET_PSK" }', b"from outside"),
    ],
)
def test_a_key_is_text_or_a_reference(psk: str, octets: bytes) -> None:
    assert _octets(psk, environ={"NET_PSK": "from outside"}) == octets


@pytest.mark.parametrize(
    ("content", "octets"),
    [(b"k\n", b"k"), (b"k\r\n", b"k"), (b"k\n\n", b"k\n"), (b"k", b"k"), (b"\xff\0 ", b"\xff\0 ")],
)
def test_a_files_single_trailing_newline_is_no_part_of_the_key(
    tmp_path: Path, content: bytes, octets: bytes
) -> None:
    (tmp_path / "net.psk").write_bytes(content)
    assert _octets('{ file = "net.psk" }', tmp_path) == octets
    assert _octets(f'{{ file = "{tmp_path}/net.psk" }}', Path("/elsewhere")) == octets


@pytest.mark.parametrize(
    "psk",
    [
        '""', f'"{"x" * 257}"', "7", "{}", '{ text = "x" }', '{ file = "a", env = "b" }',
        '{ file = 7 }', '{ hex = "0g" }', '{ hex = "" }', '{ base64 = "A" }', '{ base64 = "é" }',
        '{ env = "ABSENT" }', '{ file = "absent" }', '{ file = "." }', '{ file = "a\\u0000b" }',
        '{ file = "/dev/zero" }', '["x"]', "1979-05-27", '{ hex = "é" }',
    ],
)  # fmt: skip
def test_what_is_no_key_is_refused_at_its_line(psk: str, tmp_path: Path) -> None:
    (found,) = problems(_with(psk), tmp_path)
    assert (found.path, found.line) == ("connection[0].psk", 4)
    assert found.hint


@pytest.mark.parametrize("size", [0, 257, 100_000])
def test_a_file_of_the_wrong_size_is_refused(tmp_path: Path, size: int) -> None:
    (tmp_path / "net.psk").write_bytes(b"x" * size)
    (found,) = problems(_with('{ file = "net.psk" }'), tmp_path)
    assert found.path == "connection[0].psk"


def test_a_named_pipe_does_not_block_the_reader(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "net.psk")
    (found,) = problems(_with('{ file = "net.psk" }'), tmp_path)
    assert "not a regular file" in found.message


def test_the_key_shows_nowhere() -> None:
    for psk in (f'"{KEY}"', f'{{ hex = "{KEY.encode().hex()}" }}'):
        (one,) = config(_with(psk)).connections
        for shown in (repr(one), str(one), one.model_dump_json(), repr(one.model_dump())):
            assert KEY not in shown
            assert KEY.encode().hex() not in shown


@pytest.mark.parametrize(
    "text",
    [
        _with(f'"{KEY * 10}"'),
        _with(f'{{ hex = "{KEY}" }}'),
        _with(f'{{ base64 = "{KEY}!" }}'),
        _with(f'{{ psk = "{KEY}" }}'),
        _with(f'["{KEY}"]'),
        _with(f'"{KEY}"') + f'[connection.ike]\npsk = "{KEY}"',
    ],
)
def test_a_refused_key_does_not_show_either(text: str) -> None:
    with pytest.raises(ConfigErrors) as caught:
        config(text)
    assert KEY not in str(caught.value)
    assert KEY not in repr(caught.value.problems)


def test_a_reference_is_shown_as_the_place_it_names() -> None:
    (one,) = config(_with('{ env = "A" }'), environ={"A": KEY}).connections
    assert one.model_dump(mode="json")["psk"] == {"env": "A"}


def test_a_missing_key_says_what_to_give() -> None:
    found = problem('[[connection]]\nname = "net"\npeer = "10.99.0.2"')
    assert (found.path, found.line, found.message) == ("connection[0].psk", 1, "is missing")
    assert "pre-shared key" in found.hint


@pytest.mark.parametrize(
    "weak", ["password1234", "aaaaaaaaaaaaaaaaaaaa", "abcabcabcabcabcabc", "12345678901234567890",
             "secretsecretsecret", "Summer2024"],
)  # fmt: skip
def test_a_key_that_can_be_guessed_counts_few_bits(weak: str) -> None:
    assert entropy_bits(Secret(weak.encode())) < WEAK_BITS


@pytest.mark.parametrize(
    "strong", [KEY.encode(), bytes.fromhex("8f3a11c09be4d276"), b"kV9.x_Qe2LrT7"]
)
def test_a_random_key_counts_many(strong: bytes) -> None:
    assert entropy_bits(Secret(strong)) >= WEAK_BITS


@given(st.binary(min_size=1, max_size=256))
def test_no_key_is_too_odd_to_be_estimated(value: bytes) -> None:
    assert 0 < entropy_bits(Secret(value)) <= 8 * len(value)
