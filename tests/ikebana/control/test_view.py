"""The stable JSON: names that clients rely upon."""

import json

import pytest

from ikebana.control.codec import Undecodable
from ikebana.control.view import (
    ChildView,
    ConnectionState,
    ConnectionView,
    GatewayView,
    Level,
    LogLine,
    Outcome,
    StatusView,
    step_from_json,
)

from .fake import BAD, NET, REFUSED, RENEWED, STEPS


def test_states_are_exactly_the_models() -> None:
    assert [str(state) for state in ConnectionState] == [
        "disabled", "idle", "connecting_phase1", "connecting_phase2", "connected",
        "partially_connected", "rekeying", "phase1_failed", "phase2_failed", "down",
    ]  # fmt: skip


def test_up_and_failed_states_are_told_apart() -> None:
    assert [s for s in ConnectionState if s.is_up] == [
        "connected",
        "partially_connected",
        "rekeying",
    ]
    assert [s for s in ConnectionState if s.is_failed] == ["phase1_failed", "phase2_failed"]


def test_status_survives_json() -> None:
    status = StatusView(GatewayView("moon", warnings=("weak",)), (NET, BAD))
    assert StatusView.from_json(json.loads(json.dumps(status.to_json()))) == status


def test_json_names_are_stable() -> None:
    assert list(ConnectionView("net", ConnectionState.IDLE).to_json()) == [
        "name", "state", "peer", "peer_id", "local_id", "ike", "esp", "age_s", "rekey_in_s",
        "packets_in", "packets_out", "octets_in", "octets_out", "rate_in_bps", "rate_out_bps",
        "reason_code", "reason", "reason_since", "tries", "next_try_in_s", "nat", "encapsulation",
        "mappings_up", "mappings_total", "narrowed", "initiator_spi", "responder_spi", "children",
        "drops", "mode", "last_change", "last_change_at",
        "mappings", "version", "badges", "vendor", "user", "inner_address",
    ]  # fmt: skip
    assert list(ChildView(1, 2).to_json()) == [
        "inbound_spi", "outbound_spi", "esp", "local_ts", "remote_ts", "age_s", "rekey_in_s",
        "packets_in", "packets_out", "octets_in", "octets_out", "mode", "protocol", "drops",
    ]  # fmt: skip
    assert list(GatewayView("moon").to_json()) == [
        "name", "version", "pid", "started", "listening", "worker", "drops", "half_open",
        "warnings",
    ]  # fmt: skip
    assert LogLine(1.5, "net", Level.INFO, "up").to_json() == {
        "at": 1.5, "connection": "net", "level": "info", "text": "up", "code": "",
    }  # fmt: skip


def test_an_outcome_survives_json_and_its_names_are_stable() -> None:
    raw = json.loads(json.dumps(RENEWED.to_json()))
    assert list(raw) == ["ok", "state", "changes", "code", "lines", "timed_out"]
    assert raw["changes"] == [{"what": "child", "old": "c0ffee01", "new": "5e6f7a8b", "ms": 12.4}]
    assert Outcome.from_json(raw) == RENEWED


def test_steps_say_their_event_first_or_last_but_always() -> None:
    for step in (*STEPS, *REFUSED):
        raw = json.loads(json.dumps(step.to_json()))
        assert raw["event"] in ("step", "message", "result")
        assert step_from_json(raw) == step


@pytest.mark.parametrize("raw", [None, [], {}, {"event": "step"}, {"event": "boom"}, {"event": []}])
def test_odd_step_is_undecodable(raw: object) -> None:
    with pytest.raises(Undecodable):
        step_from_json(raw)
