"""The SA itself: which messages get through to a negotiation, repeats, fragments, the queue."""

import pytest

from ikecore.actions import Action, Closed, Dropped, Failed, MoveChild, Reason, Send, Traced
from ikecore.diagnosis import Code, diagnose
from ikecore.profile import NO_CHILD
from ikecore.timetable import NEVER
from ikecore.trace import Retransmitted
from ikev1.flight import Flight
from ikev1.flights import QUICK_MODES
from ikev1.fragments import cut
from ikev1.message import Exchange, Header, build_clear, parse_header
from ikev1.nat import Nat
from ikev1.payloads.nonce import Nonce
from ikev1.payloads.notify import Notify
from ikev1.payloads.types import NotifyType
from ikev1.rules import Place
from ikev1.sa import IkeSa
from ikev1.state import State
from ikev1.vendors import Vendors
from policy.path import Path
from tests.pair.hosts import MOON, SUN
from tests.pair.network import only

from .alone import COOKIES, PATH, Scripted, established, lone, sealed, some_keys

HELLO = Notify(NotifyType.CONNECTED, b"hello")
LONG = Notify(NotifyType.CONNECTED, bytes(3000))


def give(sa: IkeSa, datagram: bytes, now: float = 1.0, path: Path = PATH) -> list[Action]:
    return sa.handle_datagram(parse_header(datagram), datagram, path, now)


def reasons(actions: list[Action]) -> list[str]:
    return [dropped.reason for dropped in only(Dropped, actions)]


def taken(actions: list[Action]) -> bool:
    return bool(only(Traced, actions)) and not reasons(actions)


def quick(message_id: int) -> bytes:
    return sealed(message_id=message_id, exchange=Exchange.QUICK)[1]


# -- what the peer begins -------------------------------------------------------------------------
def test_an_exchange_that_the_table_names_gets_its_message_under_a_checked_hash() -> None:
    sa = established()
    actions = give(sa, sealed(HELLO)[1])
    assert taken(actions)
    assert sa.heard_at == 1.0


def test_what_the_table_does_not_name_is_dropped() -> None:
    sa = established()
    assert reasons(give(sa, sealed(HELLO, exchange=Exchange.TRANSACTION)[1])) == ["unexpected"]
    sa.become(State.REPLACED, "another has its place")
    assert reasons(give(sa, sealed(HELLO)[1])) == ["unexpected"]


def test_a_wrong_hash_changes_nothing() -> None:
    sa = established()
    forged = sealed(HELLO, make_hash=lambda _: bytes(32))[1]
    assert reasons(give(sa, forged)) == ["integrity"]
    assert sa.heard_at == 0.0
    assert taken(give(sa, sealed(HELLO)[1]))  # its ID is free all the same


def test_another_key_opens_nothing() -> None:
    sa = established()
    stranger = sealed(HELLO, keys=some_keys(psk=b"guessed"))[1]
    assert reasons(give(sa, stranger)) == ["malformed"]
    assert sa.heard_at == 0.0


def test_a_message_id_is_used_once() -> None:
    sa = established()
    assert taken(give(sa, sealed(HELLO)[1]))
    assert reasons(give(sa, sealed(HELLO)[1])) == ["message_id"]
    assert reasons(give(sa, sealed(Notify(NotifyType.R_U_THERE))[1])) == ["message_id"]


def test_clear_is_no_word_of_the_peers() -> None:
    sa = established()
    header = Header(*COOKIES, Exchange.QUICK, 7, encrypted=False)
    assert reasons(give(sa, build_clear(header, (Nonce(bytes(16)),)))) == ["unexpected"]
    header = Header(*COOKIES, Exchange.INFORMATIONAL, 7, encrypted=False)
    refusal = build_clear(header, (Notify(NotifyType.NO_PROPOSAL_CHOSEN),))
    assert reasons(give(sa, refusal)) == ["unauthenticated"]
    assert sa.state is State.ESTABLISHED


def test_quick_modes_of_the_peers_under_way_are_bounded() -> None:
    sa = established()
    for number in range(1, QUICK_MODES + 1):
        flight = Flight(number, Scripted(Exchange.QUICK), sa.profile.retry, 0.0, ours=False)
        sa.flights.add(flight)
    assert reasons(give(sa, quick(99))) == ["quick_limit"]


def test_an_exchange_of_another_kind_under_an_id_in_use_is_dropped() -> None:
    sa = established()
    sa.flights.add(Flight(7, Scripted(Exchange.QUICK), sa.profile.retry, 0.0))
    assert reasons(give(sa, sealed(HELLO)[1])) == ["unexpected"]


# -- repeats --------------------------------------------------------------------------------------
def test_a_repeat_gets_the_last_message_again_from_where_it_came() -> None:
    sa = established()
    datagram = quick(7)
    give(sa, datagram)
    flight = sa.flights.get(7)
    assert flight is not None
    flight.sent = (b"our answer",)
    elsewhere = Path((MOON, 500), (SUN, 1234))
    assert give(sa, datagram, path=elsewhere) == [Send(b"our answer", elsewhere)]
    assert sa.path == PATH
    flight.negotiation = Scripted(Exchange.QUICK, answers_repeats=False)
    assert reasons(give(sa, datagram)) == ["repeat"]


def test_repeats_are_answered_by_a_closed_sa_too_and_nothing_else_is() -> None:
    sa = established()
    datagram = quick(7)
    give(sa, datagram)
    flight = sa.flights.get(7)
    assert flight is not None
    flight.sent = (b"our answer",)
    sa.close(Reason.DELETED, 2.0)
    assert give(sa, datagram) == [Send(b"our answer", PATH)]
    assert reasons(give(sa, sealed(HELLO, message_id=8)[1])) == ["closed"]


# -- fragments ------------------------------------------------------------------------------------
def test_a_message_in_fragments_is_taken_when_all_are_there() -> None:
    sa = established()
    pieces = cut(sealed(LONG)[1], 1200, 1)
    assert len(pieces) == 3
    assert give(sa, pieces[2]) == give(sa, pieces[0]) == []
    assert taken(give(sa, pieces[1]))


def test_fragments_are_not_taken_where_they_are_off() -> None:
    sa = established({"fragmentation": False})
    pieces = cut(sealed(LONG)[1], 1200, 1)
    assert [reasons(give(sa, piece)) for piece in pieces] == [["fragment"]] * 3


def test_fragments_of_nonsense_are_dropped() -> None:
    sa = established()
    whole = sealed(LONG)[1]
    other = whole[:8] + b"another!" + whole[16:]
    last = [give(sa, whole[:16] + piece[16:]) for piece in cut(other, 1200, 1)][-1]
    assert reasons(last) == ["malformed"]


def test_a_long_message_is_cut_for_who_takes_fragments() -> None:
    for takes, count in ((False, 1), (True, 3)):
        sa = established()
        sa.vendors = Vendors(fragmentation=takes)
        assert len(only(Send, sa.tell(LONG))) == count
        assert len(only(Send, sa.tell(HELLO))) == 1


# -- our exchanges --------------------------------------------------------------------------------
def test_exchanges_begin_at_once_and_quick_modes_as_far_as_there_is_room() -> None:
    sa = established()
    modes = [Scripted(Exchange.QUICK) for _ in range(QUICK_MODES + 2)]
    for one in modes:
        sa.start(one, 0.0)
    assert [bool(one.happened) for one in modes] == [True] * QUICK_MODES + [False] * 2
    assert sa.wanted(Scripted) == modes
    first = next(f for f in sa.flights if f.negotiation is modes[0])
    sa.end(first, 1.0)
    sa.go_on(1.0)
    assert sum(bool(one.happened) for one in modes) == QUICK_MODES + 1
    assert len({f.message_id for f in sa.flights}) == QUICK_MODES + 1


def test_nothing_begins_before_phase_1_is_over() -> None:
    sa, one = lone(), Scripted(Exchange.QUICK)
    assert sa.start(one, 0.0) == []
    assert one.happened == []


def test_the_queue_is_bounded() -> None:
    sa = lone()
    results = [sa.start(Scripted(Exchange.QUICK), 0.0) for _ in range(1025)]
    assert results[:1024] == [[]] * 1024
    assert reasons(results[1024]) == ["queue_full"]


def test_a_closed_sa_begins_nothing() -> None:
    sa = established()
    sa.close(Reason.DELETED, 0.0)
    assert reasons(sa.start(Scripted(Exchange.QUICK), 0.0)) == ["closed"]
    assert sa.close(Reason.DELETED, 0.0) == []


def test_what_is_not_answered_is_sent_again_and_then_given_up() -> None:
    sa, talk = established(), Scripted(Exchange.QUICK, Place.QM2)
    sa.start(talk, 0.0)
    (flight,) = list(sa.flights)
    (sent,) = only(Send, sa.say(flight, (HELLO,), 0.0))
    again = []
    while talk.happened[-1] != "waits in vain":
        now = sa.flights.due
        actions = sa.retransmit(now)
        again += [send.data for send in only(Send, actions)]
        if only(Send, actions):
            assert [type(t.record) for t in only(Traced, actions)] == [Retransmitted]
    assert now == sa.profile.try_timeout
    assert set(again) == {sent.data}
    assert len(again) == 4
    assert talk.happened == ["begins", "waits in vain"]


def test_an_exchange_that_is_over_is_forgotten_after_a_minute() -> None:
    sa = established()
    sa.start(Scripted(Exchange.QUICK), 0.0)
    (flight,) = list(sa.flights)
    sa.end(flight, 10.0)
    sa.retransmit(69.9)
    assert sa.flights.get(flight.message_id) is flight
    sa.retransmit(70.0)
    assert sa.flights.get(flight.message_id) is None


def test_each_notice_has_an_id_and_a_hash_of_its_own() -> None:
    here, there = established(), established()
    for _ in range(3):
        (sent,) = only(Send, here.tell(HELLO))
        assert taken(give(there, sent.data))


# -- where the peer is ----------------------------------------------------------------------------
def test_a_peer_that_is_heard_elsewhere_is_followed() -> None:
    sa = established()
    sa.nat = Nat(there=True)
    elsewhere = Path((MOON, 500), ("203.0.113.9", 500))
    give(sa, sealed(HELLO)[1], path=elsewhere)
    assert sa.path == elsewhere
    forged = sealed(HELLO, message_id=9, make_hash=lambda _: bytes(32))[1]
    give(sa, forged)
    assert sa.path == elsewhere


def test_who_carries_a_true_message_elsewhere_does_not_get_the_traffic() -> None:
    sa = established()
    give(sa, sealed(HELLO)[1], path=Path((MOON, 500), ("203.0.113.9", 500)))
    assert sa.path == PATH


def test_esp_stays_as_it_is_when_the_port_changes() -> None:
    sa = established()
    sa.path = Path((MOON, 4500), (SUN, 4500), encapsulated=True, plain_esp=True)
    give(sa, sealed(HELLO)[1], path=Path((MOON, 4500), (SUN, 4501), encapsulated=True))
    assert sa.path.remote == (SUN, 4501)
    assert not sa.path.esp_in_udp


def test_an_end_behind_a_nat_follows_nobody() -> None:
    sa = established()
    sa.nat = Nat(here=True)
    give(sa, sealed(HELLO)[1], path=Path((MOON, 500), ("203.0.113.9", 500)))
    assert sa.path == PATH
    assert only(MoveChild, sa.heard(PATH, 1.0)) == []


# -- the end --------------------------------------------------------------------------------------
def test_a_closed_sa_gives_back_what_it_holds_and_is_silent() -> None:
    sa = established()
    spi = sa.offer_spi(0.0)
    assert sa.offered_spis == {spi}
    sa.start(Scripted(Exchange.QUICK), 0.0)
    actions = sa.close(Reason.DELETED, 1.0)
    assert only(Closed, actions) == [Closed(COOKIES[0], "net", True, Reason.DELETED)]
    assert sa.offered_spis == set()
    assert sa.flights.due == NEVER
    assert sa.expires_at < NEVER


@pytest.mark.parametrize("state", [State.REPLACED, State.NEGOTIATING])
def test_an_sa_nobody_heard_of_ends_unheard(state: State) -> None:
    sa = established()
    sa.become(state, "a test wants it")
    sa.is_told = state is State.REPLACED
    assert only(Closed, sa.close(Reason.FAILED, 1.0)) == []


def test_a_failure_names_its_sa() -> None:
    sa, why = established(), diagnose(1, Code.KEY_MISSING)
    assert sa.fail(why) == Failed("net", COOKIES[0], True, why)
    assert sa.fail(why, NO_CHILD).child is NO_CHILD
