"""How packets are wrapped, as the file says it."""

import pytest

from ikebana.config.compile import compile_config
from ikebana.config.treatment import PacketSettings
from policy.treatment import PLAIN, WHOLE_PATH, DontFragment, Treatment
from tests.ikebana.config.sample import CONNECTION, config, connection_problem, problems

ROOT = "connection[0].packets"
AH = 'nat_traversal = false\nipsec.protocol = "ah"\nipsec.integrity = "sha256"\n'


def _treatment(lines: str = "") -> Treatment:
    (tunnel,) = compile_config(config(CONNECTION + lines)).tunnels
    return tunnel.treatment


def test_without_a_word_packets_are_wrapped_as_ever() -> None:
    assert _treatment() == PacketSettings().treatment == PLAIN


def test_what_the_file_says_reaches_the_packet_path() -> None:
    said = 'dscp = 46\ndf = "copy"\nttl = 1\nreplay_window = 4096\ntfc = 128\ndummy_s = 5\n'
    wanted = Treatment(46, DontFragment.COPY, 1, 4096, 128, 5)
    assert _treatment(f"[connection.packets]\n{said}") == wanted


def test_words_stand_for_what_has_no_number() -> None:
    said = 'dscp = "copy"\nttl = "system"\nreplay_window = "off"\ntfc = "mtu"\n'
    found = _treatment(f"[connection.packets]\n{said}")
    assert found == Treatment(replay_window=0, tfc=WHOLE_PATH)


@pytest.mark.parametrize(
    "line", ["dscp = 0", "ttl = 255", "replay_window = 32", "replay_window = 0", "tfc = 4"]
)
def test_the_edges_are_in(line: str) -> None:
    assert not problems(f"{CONNECTION}packets.{line}\n")


@pytest.mark.parametrize(
    ("line", "field", "hint"),
    [
        ("dscp = 64", "dscp", "0 to 63"),
        ("dscp = -1", "dscp", "0 to 63"),
        ("dscp = true", "dscp", "0 to 63"),
        ('dscp = "ef"', "dscp", '"copy"'),
        ("dscp = 1.0", "dscp", '"copy"'),
        ("ttl = 0", "ttl", '"system"'),
        ("ttl = 256", "ttl", "1 to 255"),
        ("replay_window = 31", "replay_window", '32 to 4096, or "off"'),
        ("replay_window = 4097", "replay_window", "4096"),
        ("replay_window = false", "replay_window", '"off"'),
        ("tfc = 3", "tfc", "4 to 65535"),
        ("tfc = 65536", "tfc", '"mtu"'),
        ('df = "maybe"', "df", ""),
        ("dummy_s = 3601", "dummy_s", "3600"),
    ],
)
def test_anything_else_is_refused_with_what_would_do(line: str, field: str, hint: str) -> None:
    found = connection_problem(f"packets.{line}\n")
    assert (found.path, found.line) == (f"{ROOT}.{field}", 5)
    assert found.message
    assert hint in found.hint


@pytest.mark.parametrize(
    ("lines", "field"),
    [
        ('ipsec.mode = "transport"\npackets.tfc = "mtu"\n', "tfc"),
        (AH + "packets.tfc = 64\n", "tfc"),
        (AH + "packets.dummy_s = 1\n", "dummy_s"),
    ],
)
def test_padding_needs_a_length_inside(lines: str, field: str) -> None:
    found = connection_problem(lines)
    assert found.path == f"{ROOT}.{field}"
    assert found.hint


def test_a_window_that_is_off_is_warned_of() -> None:
    (found,) = config(CONNECTION + 'packets.replay_window = "off"\n').warnings()
    assert found.path == f"{ROOT}.replay_window"
    assert "replays" in found.message
