"""What else is wanted while an IKE SA is rekeyed (RFC 7296 section 2.25)."""

import pytest

from ikecore.actions import ChildEstablished, Established
from ikecore.events import ProbeWanted, RekeyIkeWanted
from ikev2.payloads.delete import Delete
from tests.ikev2.network import OTHER
from tests.ikev2.wire import Letter, request, response

from .scene import (
    CREATE,
    INFORM,
    LATE,
    PEER,
    US,
    child,
    close,
    close_child,
    conclude,
    connect,
    connect_with_one_of_two,
    quiet,
    rekey,
    rekey_ike,
    rekeyed,
    said,
    second,
    want,
)

BOTH = (US, PEER)
WHO = pytest.mark.parametrize("who", BOTH, ids=["we rekey", "the peer rekeys"])


@WHO
@pytest.mark.parametrize("wants", ["who rekeys", "the other"])
def test_a_child_wanted_meanwhile_is_made_all_the_same(
    initiator: str, who: str, wants: str
) -> None:
    """Race 39: by who rekeys on the new IKE SA, by the other end when the peer has time again."""
    net = connect_with_one_of_two(initiator)
    name = who if wants == "who rekeys" else OTHER[who]
    old = net.up(name)[0]
    rekey_ike(net, who)
    want(net, name, second(name))
    net.sleep(8)
    made = net.seen(ChildEstablished, name)[-1]
    assert made.local_ts == second(name).local_ts
    assert net.seen(Established, name)[-1].replaces == old
    if name == who:
        assert made.sa == net.up(name)[0]
    conclude(net, children=(2,))


@WHO
@pytest.mark.parametrize("deletes", ["who rekeys", "the other"])
@pytest.mark.parametrize("late", ["nothing", "request", "answer"])
def test_a_child_deleted_meanwhile_is_gone(
    initiator: str, who: str, deletes: str, late: str
) -> None:
    """Race 40."""
    net = connect(initiator)
    name = who if deletes == "who rekeys" else OTHER[who]
    kind = {"request": request(who, CREATE, 1), "answer": response(OTHER[who], CREATE, 1)}.get(late)
    if kind is not None:
        net.delay_when(kind, LATE)
    rekey_ike(net, who)
    close_child(net, name)
    net.sleep(8)
    assert net.hosts[US].children == net.hosts[PEER].children == {}
    assert len(net.seen(Established, US)) == 2
    conclude(net, gap=30.0, children=(0,))


@WHO
@pytest.mark.parametrize("late", ["nothing", "rekeying", "delete"])
def test_a_delete_of_the_ike_sa_crosses_its_rekeying(initiator: str, who: str, late: str) -> None:
    """Race 41: what is closed stays closed."""
    net = connect(initiator)
    if late != "nothing":
        match = request(who, CREATE, 1) if late == "rekeying" else request(OTHER[who], INFORM, 1)
        net.delay_when(match, LATE)
    rekey_ike(net, who)
    close(net, OTHER[who])
    net.sleep(20)
    net.assert_gone()
    conclude(net, gap=40.0, children=(0,), ike=0)


@pytest.mark.parametrize("late", ["nothing", "ours", "theirs"])
def test_both_ends_delete_the_ike_sa(initiator: str, late: str) -> None:
    """Race 42."""
    net = connect(initiator)
    if late != "nothing":
        net.delay_when(request(US if late == "ours" else PEER, INFORM, 1), LATE)
    close(net, US)
    close(net, PEER)
    net.sleep(5)
    net.assert_gone()
    conclude(net, gap=40.0, children=(0,), ike=0)


@WHO
@pytest.mark.parametrize("child_of", ["who rekeys", "the other", "both"])
@pytest.mark.parametrize("wait", [0.0, 0.015, 0.025, 0.035])
def test_a_child_is_rekeyed_as_soon_as_it_has_moved(
    initiator: str, who: str, child_of: str, wait: float
) -> None:
    """Race 43."""
    net = connect(initiator)
    rekey_ike(net, who)
    net.sleep(wait)
    for name in BOTH:
        if child_of == "both" or (name == who) is (child_of == "who rekeys"):
            rekey(net, name)
    net.sleep(8)
    assert len(rekeyed(net, US)) >= 1
    assert len(net.seen(Established, US)) == 2
    conclude(net)


@WHO
def test_message_ids_begin_anew_and_the_old_ike_sa_repeats_its_answers(
    initiator: str, who: str
) -> None:
    """Race 44."""
    net = connect(initiator)
    other = OTHER[who]
    old = net.letters[-1][0].spis
    net.lose_when(response(other, INFORM, 1), 2)  # to the Delete of the old IKE SA
    rekey_ike(net, who)
    net.sleep(0.1)
    rekey(net, who)
    net.sleep(3)
    answers = [x for x, _ in net.letters if x.sender == other and x.response and x.spis == old]
    assert [x.copy for x in answers if x.exchange == INFORM] == [0, 1, 2]
    (new,) = net.pairs(who)
    begun = [x for x, _ in net.letters if x.spis == new and x.copy == 0]
    assert [x.message_id for x in begun if x.sender == who and not x.response] == [0, 1]
    assert len(rekeyed(net, other)) == 1
    conclude(net)


@WHO
@pytest.mark.parametrize("what", ["probe", "child"])
def test_a_request_on_the_old_ike_sa_comes_after_the_switch(
    initiator: str, who: str, what: str
) -> None:
    """Race 45: it was sent before, and is answered."""
    net = connect(initiator)
    other = OTHER[who]
    kind = request(other, INFORM if what == "probe" else CREATE, 1)
    net.delay_when(kind, 0.025)
    rekey_ike(net, who)
    if what == "probe":
        net.tell(other, ProbeWanted(net.up(other)[0]))
    else:
        rekey(net, other)
    net.sleep(8)
    assert net.codes(US) == net.codes(PEER) == []
    conclude(net)


@WHO
@pytest.mark.parametrize("lost", [3.0, 100.0])
def test_the_old_ike_sas_lifetime_ends_before_its_delete_is_answered(
    initiator: str, who: str, lost: float
) -> None:
    """Race 46: nobody waits for it for ever."""
    profiles = {name: quiet(name, ike_lifetime=60.0 if name == who else 0.0) for name in BOTH}
    net = connect(initiator, profiles["moon"], profiles["sun"])
    (old,) = net.up(who)

    def is_delete(letter: Letter) -> bool:
        message = net.ear.read(letter.data) if letter.exchange == INFORM else None
        deletes = message.all(Delete) if message is not None else ()
        return bool(deletes) and net.now < until

    until = 59.5 + lost
    net.twists.append(lambda letter, delays: [] if is_delete(letter) else delays)
    net.sleep(59.5 - net.now)
    if old in net.up(who):
        net.tell(who, RekeyIkeWanted(old, "late"))
    net.sleep(60)
    assert old not in net.up(who)
    spi = child(net, who)
    assert spi
    until = 0.0
    net.sleep(60)
    conclude(net)


def test_what_is_asked_of_an_ike_sa_that_is_rekeyed_is_done_by_its_heir(initiator: str) -> None:
    """Race 45, from inside: the daemon did not hear of the switch yet."""
    net = connect(initiator)
    (old,) = net.up(US)
    net.tell(US, RekeyIkeWanted(old, "time"))
    net.tell(US, RekeyIkeWanted(old, "time"))
    net.sleep(0.1)
    net.tell(US, RekeyIkeWanted(old, "time"))
    net.sleep(8)
    assert said(net, US, CREATE) == ["> SA No KE"]
    conclude(net)
