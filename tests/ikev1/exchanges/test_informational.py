"""INFORMATIONAL: whom it believes, what notifies do, how an SA says good-bye."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ikecore.actions import Action, Closed, Dropped, Failed, Noted, Reason, RemoveChild, Send
from ikecore.diagnosis import Code
from ikecore.profile import ChildProfile, Uniqueness
from ikecore.proposals import Protocol
from ikev1.child import ChildState
from ikev1.exchanges.informational import Informational, delete
from ikev1.exchanges.quick import InitiateQuick
from ikev1.flight import Flight
from ikev1.keys import phase2_iv
from ikev1.message import Exchange, Header, build_clear, seal_message
from ikev1.payloads.attributes import Attribute, build_attributes
from ikev1.payloads.chain import Payload
from ikev1.payloads.delete import Delete
from ikev1.payloads.notify import Notify
from ikev1.payloads.types import NotifyType, ProtocolId
from ikev1.sa import IkeSa
from ikev1.state import State
from policy.selectors import any_of
from suites.secret import Secret
from tests.ikev1.alone import COOKIES, LAST, sealed, some_keys
from tests.ikev1.told import (
    BYE,
    SPI,
    add_child,
    beside,
    half_open,
    hear,
    notify,
    receive,
    said,
    up,
    without_keys,
)

ASK = notify(NotifyType.R_U_THERE, bytes(4))
CONTACT = notify(NotifyType.INITIAL_CONTACT)
REFUSED = notify(NotifyType.NO_PROPOSAL_CHOSEN)


def reasons(actions: list[Action]) -> list[str]:
    return [one.reason for one in actions if isinstance(one, Dropped)]


# -- whom it believes ------------------------------------------------------------------------------
@pytest.mark.parametrize("told", [BYE, ASK, CONTACT, REFUSED, Delete.of_children(3, (0x2001,))])
@pytest.mark.parametrize("forged", ["hash", "keys", "clear"])
def test_nothing_is_done_without_the_peers_hash(told: Payload, forged: str) -> None:
    # libreswan 2019-10155: a Delete acted before its HASH was looked at
    sa = up()
    add_child(sa)
    if forged == "hash":  # whoever knows the cipher's key alone
        other = replace(some_keys(), auth=Secret(bytes(32)))
        actions = receive(sa, sealed(told, message_id=5, keys=other)[1])
        assert reasons(actions) == ["integrity"]
    elif forged == "keys":
        actions = receive(sa, sealed(told, message_id=5, keys=some_keys(psk=b"guess"))[1])
        assert reasons(actions) == ["malformed"]
    else:
        header = Header(*COOKIES, Exchange.INFORMATIONAL, 5, encrypted=False)
        actions = receive(sa, build_clear(header, (told,)))
        assert len(reasons(actions)) == 1
    assert said(actions) == []
    assert sa.state is State.ESTABLISHED
    assert list(sa.children) == [0x1001]


def test_a_message_without_a_hash_payload_is_malformed() -> None:
    header, keys = Header(*COOKIES, Exchange.INFORMATIONAL, 5, encrypted=True), some_keys()
    datagram, _ = seal_message(header, (BYE,), keys.cipher, phase2_iv(keys, LAST, 5))
    assert reasons(receive(up(), datagram)) == ["malformed"]


def test_before_there_are_keys_encrypted_octets_are_dropped() -> None:
    sa = without_keys()
    assert reasons(receive(sa, sealed(BYE, message_id=5)[1])) == ["unexpected"]
    assert sa.state is State.NEGOTIATING


def test_a_recorded_message_is_dropped() -> None:
    sa = up()
    datagram = sealed(ASK, message_id=5)[1]
    assert len(said(receive(sa, datagram))) == 1
    assert reasons(receive(sa, datagram)) == ["message_id"]
    assert reasons(receive(sa, sealed(BYE, message_id=5)[1])) == ["message_id"]


def test_phase_1s_message_id_is_no_informationals() -> None:
    assert reasons(receive(up(), sealed(BYE, message_id=0)[1])) == ["unexpected"]


def test_what_comes_behind_the_delete_of_the_sa_is_not_heard() -> None:
    # libreswan 2023-38712, strongSwan 2009-0790: the SA was used after its end
    sa = up()
    add_child(sa)
    words = (BYE, ASK, CONTACT, REFUSED, BYE, Delete.of_children(3, (0x2001,)))
    actions = hear(sa, *words)
    assert said(actions) == []
    assert [type(one) for one in actions].count(Closed) == 1
    assert [one for one in actions if isinstance(one, Noted | Failed)] == []


def test_who_asks_an_sa_that_is_over_gets_no_answer() -> None:
    sa = up()
    hear(sa, BYE)
    assert [type(one) for one in hear(sa, ASK)] == [Dropped]


def test_of_many_notifies_eight_are_heeded() -> None:
    odd = notify(NotifyType.INVALID_FLAGS)
    assert len([one for one in hear(up(), *[odd] * 50) if isinstance(one, Noted)]) == 8


def test_another_doi_is_passed_over() -> None:
    sa = up()
    assert hear(sa, replace(ASK, doi=2), replace(REFUSED, doi=2)) == []
    assert len(said(hear(sa, replace(ASK, doi=0)))) == 1


# -- errors ----------------------------------------------------------------------------------------
@pytest.mark.parametrize("state", [State.NEGOTIATING, State.CONFIGURING])
def test_an_error_under_a_hash_ends_phase_1_with_a_proven_cause(state: State) -> None:
    sa = half_open()
    sa.become(state, "a test wants it")
    failed, *_, closed = hear(sa, notify(NotifyType.AUTHENTICATION_FAILED))
    assert isinstance(failed, Failed)
    assert (failed.connection, failed.initiator, failed.child) == ("net", True, None)
    assert failed.diagnosis.code is Code.AUTH_REFUSED_BY_PEER
    assert failed.diagnosis.proven
    assert closed == Closed(sa.sa, "net", True, Reason.FAILED)


@pytest.mark.parametrize(
    "kind",
    [
        NotifyType.CONNECTED,
        NotifyType.R_U_THERE,
        NotifyType.R_U_THERE_ACK,
        NotifyType.RESPONDER_LIFETIME,
        NotifyType.INITIAL_CONTACT,
        NotifyType.NOTIFY_SA_LIFETIME,
    ],
)
def test_news_in_phase_1_change_nothing(kind: NotifyType) -> None:
    sa = half_open()
    assert hear(sa, notify(kind, bytes(4))) == []
    assert sa.state is State.NEGOTIATING


def test_a_refusal_that_comes_late_ends_the_sa() -> None:
    # main mode message 6 told us that all is well; its sender's own message 5 did not please
    failed, *_, closed = hear(up(), notify(NotifyType.AUTHENTICATION_FAILED))
    assert isinstance(failed, Failed)
    assert isinstance(closed, Closed)
    assert closed.reason is Reason.FAILED


def test_any_other_error_is_only_noted() -> None:
    sa = up()
    (noted,) = hear(sa, notify(NotifyType.INVALID_COOKIE))
    assert isinstance(noted, Noted)
    assert noted.text == "the peer tells of an error: INVALID_COOKIE"
    (noted,) = hear(sa, notify(9000, b"\x1b[2J" * 100))
    assert isinstance(noted, Noted)
    assert noted.text == "the peer tells of an error: 9000"


def test_an_spi_that_the_peer_does_not_know_is_as_good_as_deleted() -> None:
    sa = up()
    add_child(sa)
    unknown = (bytes(4), b"\0\0\x10\x01", b"", SPI)
    for spi in unknown:
        assert hear(sa, notify(NotifyType.INVALID_SPI, spi=spi, protocol=3)) == []
    lost = notify(NotifyType.INVALID_SPI, spi=b"\0\0\x20\x01", protocol=3)
    assert hear(sa, lost)[0] == RemoveChild(0x1001)
    assert sa.children == {}


def quick_mode(sa: IkeSa, spi: int) -> InitiateQuick:
    """Let a quick mode of ours be under way."""
    made = InitiateQuick(ChildProfile((any_of(4),), (any_of(4),)))
    made.spi = spi
    sa.flights.add(Flight(sa.fresh_id(), made, sa.profile.retry, 0.0))
    return made


def refusal(spi: bytes, kind: int = NotifyType.NO_PROPOSAL_CHOSEN) -> Notify:
    return notify(kind, spi=spi, protocol=ProtocolId.ESP)


def test_a_quick_mode_is_refused_by_its_spi() -> None:
    sa = up()
    modes = [quick_mode(sa, spi) for spi in (0x3001, 0x3002)]
    (failed,) = hear(sa, refusal(b"\0\0\x30\x02"))
    assert isinstance(failed, Failed)
    assert failed.child == modes[1].wanted
    assert failed.diagnosis.code is Code.PROPOSAL_REFUSED_BY_PEER
    assert sa.flights.under_way(InitiateQuick) == modes[:1]
    assert sa.state is State.ESTABLISHED


@pytest.mark.parametrize("spi", [b"", SPI, bytes(4), b"\0\0\x77\x77"])
def test_our_only_quick_mode_is_meant_whatever_the_spi(spi: bytes) -> None:
    sa = up()
    quick_mode(sa, 0x3002)
    (failed,) = hear(sa, refusal(spi, NotifyType.INVALID_ID_INFORMATION))
    assert isinstance(failed, Failed)
    assert failed.diagnosis.code is Code.TS_MISMATCH
    (noted,) = hear(sa, refusal(spi))  # there is none any more
    assert isinstance(noted, Noted)


@pytest.mark.parametrize("spi", [b"\0\0\x10\x01", b"\0\0\x20\x01"])
def test_who_refuses_our_answer_makes_no_child(spi: bytes) -> None:
    # QM1 ──►, ◄── QM2: the initiator says an error instead of QM3, with the SPI of either end
    sa = up()
    add_child(sa, state=ChildState.PENDING)
    assert [type(one) for one in hear(sa, refusal(bytes(4)))] == [Noted]
    failed, *gone = hear(sa, refusal(spi))
    assert isinstance(failed, Failed)
    assert failed.child is not None
    assert gone[0] == RemoveChild(0x1001)
    assert sa.children == {}
    assert [type(one) for one in hear(sa, refusal(spi))] == [Noted]


def test_an_error_about_a_child_that_is_up_changes_nothing() -> None:
    sa = up()
    add_child(sa)
    assert [type(one) for one in hear(sa, refusal(b"\0\0\x20\x01"))] == [Noted]
    assert list(sa.children) == [0x1001]


# -- news ------------------------------------------------------------------------------------------
def test_initial_contact_removes_what_the_peer_has_lost() -> None:
    older, newer = up(), up()
    beside(older, newer)
    older.established_at, newer.started_at, newer.established_at = 0.0, 5.0, 6.0
    actions = hear(newer, CONTACT, now=6.1)
    assert (older.state, newer.state) == (State.CLOSED, State.ESTABLISHED)
    assert actions[-1] == Closed(older.sa, "net", True, Reason.REPLACED)
    assert said(actions) == []  # without a word: there is nobody to hear it


def test_initial_contact_removes_the_children_that_were_taken_over() -> None:
    sa = up()
    sa.started_at = 5.0
    add_child(sa, 0x1001, 0x2001).began_at = 4.0
    add_child(sa, 0x1002, 0x2002).began_at = 5.5
    assert RemoveChild(0x1001) in hear(sa, CONTACT, now=6.0)
    assert list(sa.children) == [0x1002]


def test_initial_contact_leaves_what_came_later_or_may_be_many() -> None:
    older, newer = up(), up(uniqueness=Uniqueness.NEVER)
    beside(older, newer)
    add_child(newer).began_at = -1.0
    older.established_at, newer.started_at, newer.established_at = 0.0, 5.0, 6.0
    assert hear(newer, CONTACT, now=6.1) == []
    assert hear(older, CONTACT, now=6.1) == []


def test_initial_contact_before_the_sa_is_up_is_kept_in_mind() -> None:
    sa = up()
    sa.become(State.CONFIGURING, "a test wants it")
    assert hear(sa, CONTACT) == []
    assert sa.initial_contact


def test_the_responders_lifetime_counts() -> None:
    sa = up()
    data = build_attributes((Attribute(11, 1), Attribute(12, 600)))
    assert hear(sa, notify(NotifyType.RESPONDER_LIFETIME, data)) == []
    assert sa.lifetime_ends_at == 600.0


def test_there_is_but_one_message_and_nothing_is_waited_for() -> None:
    sa = up()
    one = Informational(sa)
    assert not one.answers_repeats
    assert one.on_silence(sa, Flight(5, one, sa.profile.retry, 0.0, ours=False), 9.0) == []


# -- good-bye --------------------------------------------------------------------------------------
def test_an_sa_that_goes_says_so_of_its_children_and_of_itself() -> None:
    # D(ESP) ──►  D(AH) ──►  D(ISAKMP) ──►
    sa = up()
    add_child(sa, 0x1001, 0x2001)
    add_child(sa, 0x1002, 0x2002)
    add_child(sa, 0x1003, 0x2003, keywords="sha256", protocol=Protocol.AH)
    actions = delete(sa, Reason.DELETED, 9.0)
    assert said(actions) == [
        (Delete.of_children(ProtocolId.ESP, (0x1001, 0x1002)),),
        (Delete.of_children(ProtocolId.AH, (0x1003,)),),
        (BYE,),
    ]
    assert actions[-1] == Closed(sa.sa, "net", True, Reason.DELETED)
    assert sa.children == {}
    assert delete(sa, Reason.DELETED, 9.0) == []


def test_one_delete_has_so_many_spis_that_it_fits_a_datagram() -> None:
    sa = up()
    for n in range(450):
        add_child(sa, 0x10000 + n, 0x20000 + n)
    sent = [one for one in delete(sa, Reason.DELETED, 9.0) if isinstance(one, Send)]
    assert len(sent) == 4
    assert max(len(one.data) for one in sent) < 1000


def test_two_ends_that_go_agree() -> None:
    moon, sun = up(), up()
    add_child(moon, 0x1001, 0x2001)
    add_child(sun, 0x2001, 0x1001)
    sent = [one for one in delete(moon, Reason.DELETED, 9.0) if isinstance(one, Send)]
    assert receive(sun, sent[0].data)[0] == RemoveChild(0x2001)
    assert receive(sun, sent[1].data)[-1] == Closed(sun.sa, "net", True, Reason.PEER_DELETED)


def test_while_phase_1_is_under_way_nothing_is_said() -> None:
    sa = half_open()
    assert said(delete(sa, Reason.DELETED, 9.0)) == []
    assert sa.state is State.CLOSED


# -- noise -----------------------------------------------------------------------------------------
octets = st.binary(max_size=24)
notifies = st.builds(
    Notify,
    st.sampled_from([*NotifyType, 9000, 50000]),
    octets,
    st.sampled_from([0, 1, 2, 3, 4, 9]),
    st.sampled_from([b"", SPI, SPI[::-1], bytes(4), b"\0\0\x20\x01", b"\0\0\x10\x01", b"x"]),
    st.sampled_from([0, 1, 2]),
)
deletes = st.builds(
    Delete.of_children, st.sampled_from([2, 3]), st.tuples(st.sampled_from([0, 0x1001, 0x2001]))
) | st.sampled_from([BYE, Delete(1, (SPI[::-1],)), Delete(9, (b"x",))])


@settings(max_examples=200)
@given(
    st.sampled_from([State.NEGOTIATING, State.CONFIGURING, State.ESTABLISHED, State.REPLACED]),
    st.lists(st.lists(notifies | deletes, max_size=12), min_size=1, max_size=4),
)
def test_whatever_the_peer_tells_nothing_breaks_and_little_is_answered(
    state: State, messages: list[list[Payload]]
) -> None:
    sa = half_open()
    sa.become(state, "a test wants it")
    add_child(sa)
    for payloads in messages:
        actions = hear(sa, *payloads)
        assert len(said(actions)) <= 8
        if sa.state is State.CLOSED:
            assert sa.children == {}
