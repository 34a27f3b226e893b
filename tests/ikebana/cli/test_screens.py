"""The screens, character for character, and what hostile views may not do."""

from dataclasses import replace

import pytest

from ikebana.cli.paint import Paint
from ikebana.cli.screens import amount, details, log_line, moment, overview, span
from ikebana.control.view import (
    ChildView,
    ConnectionState,
    ConnectionView,
    GatewayView,
    Level,
    LogLine,
    MappingView,
    StatusView,
    WorkerView,
)
from tests.ikebana.control.fake import BAD, HOSTILE, NET

NOW = 1_700_003_700.0
GATEWAY = GatewayView("moon", "0.1.0", 4242, 1_700_000_000.0, worker=WorkerView(4243, 1))


def test_overview_is_a_line_a_connection_and_its_reason() -> None:
    assert overview(StatusView(GATEWAY, (NET, BAD)), NOW) == [
        "moon: ikebana 0.1.0, pid 4242, up 1h01m, worker restarted 1x",
        "  NAME           STATE               PEER            AGE    REKEY  IN b/s OUT",
        "● net            connected           10.99.0.2       1h02m  22h46m 1.50M  0",
        "▲ tokyo          phase1_failed       198.51.100.7    -      -      0      0",
        "    ↳ PSK_MISMATCH: the pre-shared keys differ · tried 41x · next in 7s",
    ]


def test_packets_and_what_was_dropped_are_told_once_there_are_some() -> None:
    worker = WorkerView(4243, 0, 1_200_000, 90, 10, 20)
    busy = replace(GATEWAY, worker=worker, drops={"policy": 0, "replay": 3, "no_sa": 12})
    lines = overview(StatusView(busy, (NET,)), NOW)
    assert lines[:2] == [
        "moon: ikebana 0.1.0, pid 4242, up 1h01m",
        "1.20M packets in, 90 out; dropped: no_sa 12, replay 3",
    ]
    quiet = overview(StatusView(replace(busy, drops={}), (NET,)), NOW)
    assert quiet[1] == "1.20M packets in, 90 out"
    lines = overview(StatusView(busy, (NET,) * 50), NOW, height=23)
    assert len(lines) <= 23


def test_what_iana_has_not_numbered_is_labelled() -> None:
    sm4 = replace(NET, ike="sm4-sm3-prfsm3-x25519", esp="sm4-sm3")
    lines = details(StatusView(GATEWAY, (sm4,)), width=100)
    assert "  note:     sm4, sm3, prfsm3: non-standard; no independent peer was available" in lines
    assert not any("note:" in line for line in details(StatusView(GATEWAY, (NET,))))


def test_ikev1_wears_its_badge_and_the_peer_its_name() -> None:
    old = replace(
        NET,
        version="ikev1",
        badges=("legacy",),
        vendor="strongSwan 5.9.8",
        user="alice",
        inner_address="10.9.0.7",
    )
    lines = details(StatusView(GATEWAY, (old,)))
    assert lines[2] == "  peer:     strongSwan 5.9.8"
    assert "  version:  IKEv1 legacy" in lines
    assert "  user:     alice" in lines
    assert "  inner:    10.9.0.7" in lines
    assert overview(StatusView(GATEWAY, (old,)), NOW)[-1] == "    ↳ IKEv1 legacy"
    assert not any("IKEv" in line for line in details(StatusView(GATEWAY, (NET,))))


def test_mappings_are_counted_where_some_are_down() -> None:
    some = replace(NET, state=ConnectionState.PARTIALLY_CONNECTED, mappings_up=1, mappings_total=2)
    status = StatusView(GATEWAY, (some, NET))
    assert overview(status, NOW, width=100)[1:] == [
        "  NAME           STATE                     PEER            AGE    REKEY  IN b/s OUT",
        "● net            partially_connected (1/2) 10.99.0.2       1h02m  22h46m 1.50M  0",
        "● net            connected                 10.99.0.2       1h02m  22h46m 1.50M  0",
    ]
    assert overview(status, NOW)[2:] == [
        "● net            partially_connected 10.99.0.2       1h02m  22h46m 1.50M  0",
        "    ↳ 1 of 2 mappings up",
        "● net            connected           10.99.0.2       1h02m  22h46m 1.50M  0",
    ]
    assert details(StatusView(GATEWAY, (some,)))[0] == "● net: partially_connected (1/2)"


def test_several_children_take_a_line_each() -> None:
    other = ChildView(
        0xC0FFEE03, 0xC0FFEE04, "aes128gcm16", ("10.1.0.0/24[6]",), ("10.3.0.0/24[6/443]",),
        rekey_in_s=3300.0, octets_in=1000, octets_out=2_500_000,
    )  # fmt: skip
    view = replace(NET, children=(*NET.children, other))
    assert details(StatusView(GATEWAY, (view,)))[-3:] == [
        "  child in out      rekey  in     out    networks",
        "  c0ffee01 c0ffee02 -      0B     0B     10.1.0.0/24 === 10.2.0.0/24",
        "  c0ffee03 c0ffee04 55m00s 1.00kB 2.50MB 10.1.0.0/24[6] === 10.3.0.0/24[6/443]",
    ]


def test_mappings_that_are_not_up_come_first() -> None:
    """S3-4: two hundred fit on a screen."""
    many = [MappingView("10.1.0.0/24", f"10.2.{n}.0/24", "up", 0xC0FFEE01, 2) for n in range(200)]
    many[150] = MappingView("10.1.0.0/24", "10.2.150.0/24", "trap")
    lines = details(StatusView(GatewayView("moon"), (replace(NET, mappings=tuple(many)),)))
    at = lines.index("  mapping      child in  in     out    networks")
    assert lines[at + 1] == ("  trap         -         0B     0B     10.1.0.0/24 === 10.2.150.0/24")
    assert lines[at + 2].startswith("  up           c0ffee01  0B ")
    assert lines[at + 17] == "  … and 184 more, 184 of them up: ikebana status net -o json"


def test_one_mapping_that_is_up_is_told_by_its_child() -> None:
    one = MappingView("10.1.0.0/24", "10.2.0.0/24", "up", 1, 2)
    text = "\n".join(details(StatusView(GatewayView("moon"), (replace(NET, mappings=(one,)),))))
    assert "networks" not in text


def test_the_last_change_is_told() -> None:
    text = "child 1a2b3c4d -> 5e6f7a8b, soft limit, 12 ms"
    view = replace(NET, last_change=text, last_change_at=NOW, mode="transport", encapsulation="ah")
    lines = details(StatusView(GATEWAY, (view,)))
    at = lines.index(f"  last change {moment(NOW)}:")
    assert lines[at + 1] == f"    {text}"
    assert "  mode:     transport" in lines
    assert "  path:     AH (protocol 51), NAT: none" in lines


def test_many_connections_still_fit_and_the_troubled_come_first() -> None:
    many = [replace(NET, name=f"net{i}") for i in range(100)]
    lines = overview(StatusView(GATEWAY, (*many, BAD)), NOW, height=23)
    assert len(lines) <= 23
    assert lines[2].startswith("▲ tokyo")
    assert lines[-1] == "  … and 82 more: ikebana status NAME"


def test_no_connections_is_said() -> None:
    assert overview(StatusView(GATEWAY), NOW)[-1] == "  no connections"


def test_warnings_of_the_gateway_are_shown() -> None:
    gateway = replace(GATEWAY, warnings=("net: des is broken",))
    assert overview(StatusView(gateway), NOW)[2] == "! net: des is broken"


def test_details_fit_a_screen() -> None:
    lines = details(StatusView(GATEWAY, (NET,)))
    assert lines == [
        "● net: connected",
        "  peer:     10.99.0.2 (gb.lab)",
        "  local id: ga.lab",
        "  IKE SA:   aes128-sha256-x25519  0102030405060708_i 1112131415161718_r",
        "  age:      1h02m",
        "  rekey in: 22h46m",
        "  path:     ESP (protocol 50), NAT: none",
        "  mappings: 1 of 1 up",
        "  in:       10 packets, 1.00kB, 1.50Mbit/s",
        "  out:      11 packets, 2.50MB, 0bit/s",
        "  drops:    replay 3",
        "  child c0ffee01_i c0ffee02_o aes128gcm16",
        "    10.1.0.0/24 === 10.2.0.0/24",
        "    age 12s, in 0B, out 0B",
    ]


def test_details_of_a_failure_have_the_whole_diagnosis() -> None:
    lines = details(StatusView(GATEWAY, (BAD,)))
    assert lines[-3].endswith(": PSK_MISMATCH")
    assert lines[-2:] == [f"    {line}" for line in BAD.reason]


@pytest.mark.parametrize("width", [40, 80, 120])
def test_foreign_text_neither_moves_the_cursor_nor_leaves_the_screen(width: int) -> None:
    view = ConnectionView(
        HOSTILE * 9, ConnectionState.DOWN, HOSTILE, HOSTILE, HOSTILE, HOSTILE, HOSTILE,
        reason_code=HOSTILE, reason=(HOSTILE,), nat=HOSTILE,
    )  # fmt: skip
    status = StatusView(replace(GATEWAY, name=HOSTILE, warnings=(HOSTILE,)), (view,))
    for line in (*overview(status, NOW, width=width), *details(status, width=width)):
        assert line.isprintable()
    assert log_line(LogLine(0.0, HOSTILE, Level.INFO, HOSTILE, HOSTILE)).isprintable()


def test_colour_does_not_change_the_text() -> None:
    status = StatusView(GATEWAY, (NET, BAD))
    painted = "\n".join(overview(status, NOW, Paint(True)))
    for code in ("31", "32", "2", "1"):
        painted = painted.replace(f"\x1b[{code}m", "")
    assert painted.replace("\x1b[0m", "") == "\n".join(overview(status, NOW))


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(None, "-"), (-1, "0s"), (59.9, "59s"), (60, "1m00s"), (3600, "1h00m"), (86400 * 3.2, "3d04h"),
     (1e9, "11574d")],
)  # fmt: skip
def test_spans_take_six_characters(seconds: float | None, shown: str) -> None:
    assert span(seconds) == shown
    assert len(shown) <= 6


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0, "0"),
        (999, "999"),
        (999.6, "1.00k"),
        (12e3, "12.0k"),
        (123_456_789, "123M"),
        (5e15, "5000T"),
    ],
)
def test_amounts_take_three_digits(value: float, shown: str) -> None:
    assert amount(value) == shown


def test_moment_out_of_any_calendar_is_a_question_mark() -> None:
    assert moment(1e300) == "?"
