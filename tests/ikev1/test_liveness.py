"""Dead peer detection (RFC 3706): when it asks, whom it believes, when it gives up."""

from dataclasses import replace
from itertools import pairwise

import pytest

from ikecore.actions import Action, Closed, Dropped, Failed, Noted, Reason
from ikecore.diagnosis import Code
from ikecore.timetable import NEVER
from ikev1.liveness import handle_liveness, probe, probe_at
from ikev1.payloads.notify import Notify
from ikev1.payloads.types import NotifyType
from ikev1.sa import IkeSa
from ikev1.state import State
from ikev1.vendors import Vendors

from .told import SPI, hear, notify, said, up

ASK, ACK = NotifyType.R_U_THERE, NotifyType.R_U_THERE_ACK


def question(actions: list[Action]) -> int:
    """Return the number of the one R-U-THERE among actions."""
    ((told,),) = said(actions)
    assert isinstance(told, Notify)
    assert (told.type, told.spi, told.protocol) == (ASK, SPI, 1)
    return int.from_bytes(told.data, "big")


def number(value: int) -> bytes:
    return value.to_bytes(4, "big")


def run(sa: IkeSa, until: float) -> list[tuple[float, list[Action]]]:
    """Let time pass; return what happened when."""
    found: list[tuple[float, list[Action]]] = []
    while (at := probe_at(sa)) <= until:
        found.append((at, handle_liveness(sa, at)))
    return found


def test_silence_is_asked_about_and_the_answer_ends_the_matter() -> None:
    # 0 s heard … 8 s R_U_THERE ──►, ◄── R_U_THERE_ACK … 16.1 s R_U_THERE ──►
    sa = up()
    assert probe_at(sa) == 8.0
    assert handle_liveness(sa, 7.9) == []
    first = question(handle_liveness(sa, 8.0))
    assert first < 1 << 31
    assert hear(sa, notify(ACK, number(first)), now=8.1) == []
    assert probe_at(sa) == 16.1
    assert question(handle_liveness(sa, 16.1)) == first + 1


def test_a_question_is_sent_again_under_the_next_number_until_the_peer_is_dead() -> None:
    sa = up()
    (*asked, (end, last)) = run(sa, 100.0)
    numbers = [question(actions) for _, actions in asked]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    waits = [after[0] - before[0] for before, after in pairwise(asked)]
    plan = sa.profile.retry
    assert waits == pytest.approx([plan.wait(n) for n in range(len(waits))])
    assert end == 8.0 + 30.0
    failed = next(one for one in last if isinstance(one, Failed))
    assert failed.diagnosis.code is Code.DPD_TIMEOUT
    assert failed.diagnosis.evidence == "no answer for 30 s"
    assert isinstance(last[-1], Closed)
    assert last[-1].reason is Reason.DPD_TIMEOUT
    assert probe_at(sa) == NEVER


def test_a_death_may_only_be_reported_and_the_asking_goes_on() -> None:
    sa = up(keep_on_timeout=True)
    told = [(at, one) for at, actions in run(sa, 70.0) for one in actions]
    assert [at for at, one in told if isinstance(one, Failed)] == [38.0, 68.0]
    assert sa.state is State.ESTABLISHED
    hear(sa, notify(ACK, number(1)), now=70.0)
    assert probe_at(sa) == 78.0


def test_packets_of_a_child_show_life_too() -> None:
    sa = up()
    sa.heard_at = 5.0
    assert probe_at(sa) == 13.0
    question(handle_liveness(sa, 13.0))
    sa.heard_at = 13.2
    assert handle_liveness(sa, 13.5) == []
    assert probe_at(sa) == 21.2


def test_anything_under_a_hash_shows_life_whatever_it_says() -> None:
    sa = up()
    handle_liveness(sa, 8.0)
    hear(sa, notify(40_000), now=9.0)
    assert probe_at(sa) == 17.0


def test_an_answer_that_nobody_asked_for_is_counted() -> None:
    (dropped,) = hear(up(), notify(ACK, number(4)))
    assert isinstance(dropped, Dropped)
    assert dropped.reason == "dpd"


def test_a_question_is_answered_with_its_number() -> None:
    ((told,),) = said(hear(up(), notify(ASK, number(77))))
    assert told == notify(ACK, number(77))


@pytest.mark.parametrize("state", [State.CONFIGURING, State.REPLACED])
def test_whoever_asks_is_answered_also_before_and_after(state: State) -> None:
    sa = up()
    sa.become(state, "a test wants it")
    assert said(hear(sa, notify(ASK, number(77)))) == [(notify(ACK, number(77)),)]
    assert probe_at(sa) == NEVER
    assert probe(sa, 0.0) == []


@pytest.mark.parametrize(
    "odd",
    [
        notify(ASK, number(5), spi=b""),
        notify(ASK, number(5), spi=SPI[::-1]),
        notify(ASK, number(5), spi=SPI[8:] + SPI[:8]),
        notify(ASK, number(5), spi=SPI[:8]),
        notify(ASK),
        notify(ASK, bytes(5)),
        notify(ASK, bytes(3)),
    ],
)
def test_a_question_about_another_sa_or_without_a_number_is_ignored(odd: Notify) -> None:
    (dropped,) = hear(up(), odd)
    assert isinstance(dropped, Dropped)
    assert dropped.reason == "dpd"


def test_an_old_number_is_ignored() -> None:
    sa = up()
    assert len(said(hear(sa, notify(ASK, number(1000))))) == 1
    assert said(hear(sa, notify(ASK, number(999)))) == []
    assert said(hear(sa, notify(ASK, number(2)))) == []
    assert len(said(hear(sa, notify(ASK, number(1005))))) == 1  # those between were lost


def test_a_number_used_again_is_answered_only_so_often() -> None:
    sa = up()
    answers = [len(said(hear(sa, notify(ASK, number(7))))) for _ in range(20)]
    assert answers == [1] * 9 + [0] * 11
    assert len(said(hear(sa, notify(ASK, number(8))))) == 1


def test_numbers_may_come_round() -> None:
    sa = up()
    assert len(said(hear(sa, notify(ASK, number(0xFFFFFFFF))))) == 1
    assert len(said(hear(sa, notify(ASK, number(0))))) == 1
    assert said(hear(sa, notify(ASK, number(0xFFFFFFFF)))) == []


def test_a_peer_that_cannot_be_asked_is_noted_once() -> None:
    sa = up()
    sa.vendors = Vendors()
    ((at, (noted,)),) = run(sa, 1000.0)
    assert at == 8.0
    assert isinstance(noted, Noted)
    assert "RFC 3706" in noted.text
    assert probe(sa, 1001.0) == []


def test_without_detection_only_who_is_told_to_asks() -> None:
    sa = up(dpd=False)
    assert probe_at(sa) == NEVER
    question(probe(sa, 3.0))
    assert probe(sa, 3.1) == []  # it is being asked
    assert probe_at(sa) == 3.0 + sa.profile.retry.wait(0)


def test_the_peer_dies_on_time_however_long_the_waits_are() -> None:
    sa = up()
    sa.profile = replace(sa.profile, dpd_timeout=10.0, retry=replace(sa.profile.retry, first=60.0))
    assert [at for at, _ in run(sa, 100.0)] == [8.0, 18.0]
