"""What the trace hears of every message."""

import pytest

from ikecore.trace import MessageTraced
from ikev1.flight import Flight
from ikev1.message import Exchange, Header, build_clear, parse_clear, parse_header
from ikev1.payloads.nonce import Nonce
from ikev1.payloads.notify import Notify
from ikev1.tracing import trace_received, trace_sent
from tests.pair.hosts import MOON

from .alone import COOKIES, PATH, Scripted, lone

HEADER = Header(*COOKIES, Exchange.MAIN, 0, encrypted=False)
PAYLOADS = (Nonce(bytes(16)), Notify(24578))


def sent(*, initiator: bool = True, hashed: bool = False) -> MessageTraced:
    traced = trace_sent(lone(initiator=initiator), HEADER, PAYLOADS, b"octets", hashed=hashed)
    assert isinstance(traced.record, MessageTraced)
    return traced.record


def received(*, initiator: bool = True) -> MessageTraced:
    datagram = build_clear(HEADER, PAYLOADS)
    message = parse_clear(datagram, parse_header(datagram))
    traced = trace_received(lone(initiator=initiator), message, PATH.reversed)
    assert isinstance(traced.record, MessageTraced)
    return traced.record


def test_a_message_that_goes_out_is_told_with_its_sa_and_way() -> None:
    record = sent()
    assert (record.connection, record.sa, record.sent) == ("net", COOKIES[0], True)
    assert (record.exchange, record.message_id) == ("MAIN", 0)
    assert record.labels == ("No", "N(INITIAL_CONTACT)")
    assert (record.raw, record.path) == (b"octets", PATH)


def test_the_hash_that_is_put_in_front_is_told() -> None:
    assert sent(hashed=True).labels == ("HASH", "No", "N(INITIAL_CONTACT)")


def test_a_message_that_comes_is_told_with_its_octets_and_way() -> None:
    record = received()
    assert not record.sent
    assert record.labels == ("No", "N(INITIAL_CONTACT)")
    assert parse_header(record.raw).exchange == Exchange.MAIN
    assert record.path.remote[0] == MOON


def test_phase_1_s_responder_answers() -> None:
    assert not sent(initiator=True).response
    assert sent(initiator=False).response
    assert received(initiator=True).response
    assert not received(initiator=False).response


@pytest.mark.parametrize("ours", [True, False])
def test_a_quick_mode_is_answered_by_whoever_did_not_begin_it(ours: bool) -> None:
    sa, header = lone(), Header(*COOKIES, Exchange.QUICK, 7, encrypted=True)
    sa.flights.add(Flight(7, Scripted(Exchange.QUICK), sa.profile.retry, 0.0, ours=ours))
    traced = trace_sent(sa, header, PAYLOADS, b"octets", hashed=True)
    assert isinstance(traced.record, MessageTraced)
    assert traced.record.response is not ours


@pytest.mark.parametrize("initiator", [True, False])
def test_what_is_told_without_an_answer_is_none(initiator: bool) -> None:
    header = Header(*COOKIES, Exchange.INFORMATIONAL, 7, encrypted=True)
    traced = trace_sent(lone(initiator=initiator), header, PAYLOADS, b"octets", hashed=True)
    assert isinstance(traced.record, MessageTraced)
    assert not traced.record.response
