"""Both ends rekey the same child at once: the one made with the lowest nonce goes (2.8.1)."""

import pytest

from ikecore.actions import ChildClosed, ChildEstablished, Reason
from ikev2.message import Exchange
from ikev2.payloads.delete import Delete
from tests.ikev2.network import OTHER, Network
from tests.ikev2.wire import request, response

from .scene import (
    CREATE,
    HIGH,
    INFORM,
    LATE,
    LOW,
    MIDDLE,
    PEER,
    US,
    child,
    conclude,
    connect,
    lowest_is,
    made_by,
    quiet,
    rekey,
    said,
)

BOTH = (US, PEER)
LATER = pytest.mark.parametrize("late", BOTH, ids=["ours late", "theirs late"])


def both_rekey(net: Network, loser: str) -> None:
    """Let both ends rekey at the same moment; the child ``loser`` asks for is to go."""
    # CREATE_CHILD_SA { N(REKEY_SA) SA Ni TSi TSr }  ──►  ◄── CREATE_CHILD_SA { N(REKEY_SA) … }
    # CREATE_CHILD_SA { SA Nr TSi TSr }              ──►  ◄── CREATE_CHILD_SA { SA Nr TSi TSr }
    # loser:  INFORMATIONAL { D(its new one) }       ──►  ◄── INFORMATIONAL { D(old) }  winner
    old = {name: child(net, name) for name in BOTH}
    lowest_is(net, loser)
    for name in BOTH:
        rekey(net, name, old[name])


def deletes(net: Network, name: str) -> list[tuple[int, ...]]:
    """Return the SPIs in one end's different Deletes."""
    found: list[tuple[int, ...]] = []
    for letter, _ in net.letters:
        if (letter.sender, letter.exchange, letter.response) == (name, INFORM, False):
            message = net.ear.read(letter.data)
            if letter.copy == 0 and message is not None:
                found += [delete.spis for delete in message.all(Delete)]
    return found


def ends_in_one(net: Network, loser: str, old: dict[str, int]) -> None:
    """Check who deleted what, and that the winner's child stays."""
    net.sleep(10)
    assert made_by(net, OTHER[loser])
    assert deletes(net, OTHER[loser]) == [(old[OTHER[loser]],)]
    ((redundant,),) = deletes(net, loser)
    assert redundant != old[loser]
    conclude(net)


def test_of_two_at_once_ours_goes_when_it_has_the_lowest_nonce(initiator: str) -> None:
    """Race 8."""
    net = connect(initiator)
    old = {name: child(net, name) for name in BOTH}
    both_rekey(net, US)
    ends_in_one(net, US, old)


def test_of_two_at_once_theirs_goes_when_it_has_the_lowest_nonce(initiator: str) -> None:
    """Race 9."""
    net = connect(initiator)
    old = {name: child(net, name) for name in BOTH}
    both_rekey(net, PEER)
    ends_in_one(net, PEER, old)


@pytest.mark.parametrize("loser", BOTH, ids=["ours goes", "theirs goes"])
def test_the_losers_answer_comes_when_the_winner_is_done(initiator: str, loser: str) -> None:
    """Races 10 and 11."""
    net = connect(initiator)
    old = {name: child(net, name) for name in BOTH}
    net.delay_when(response(OTHER[loser], CREATE, 1), LATE)
    both_rekey(net, loser)
    ends_in_one(net, loser, old)


@pytest.mark.parametrize("loser", BOTH, ids=["ours goes", "theirs goes"])
def test_the_winners_answer_comes_when_the_loser_is_done(initiator: str, loser: str) -> None:
    """Races 10 and 11, the other way round."""
    net = connect(initiator)
    net.delay_when(response(loser, CREATE, 1), LATE)
    both_rekey(net, loser)
    net.sleep(10)
    for name in BOTH:  # nobody hears of the one that goes, so that no tunnel seems to be down
        assert [one.reason for one in net.seen(ChildClosed, name)] == [Reason.REKEYED]
        assert len(net.seen(ChildEstablished, name)) == 2
    conclude(net)


@LATER
@pytest.mark.parametrize("loser", BOTH, ids=["our nonce lowest", "their nonce lowest"])
def test_a_request_that_comes_when_the_other_exchange_is_over_does_no_harm(
    initiator: str, loser: str, late: str
) -> None:
    """Races 12 and 13: it never was a collision for the end that is done."""
    net = connect(initiator)
    net.delay_when(request(late, CREATE, 1), LATE)
    both_rekey(net, loser)
    net.sleep(5)
    assert said(net, OTHER[late], CREATE)[1] in (
        "< N(TEMPORARY_FAILURE)",
        "< N(CHILD_SA_NOT_FOUND)",
    )
    net.sleep(5)
    assert made_by(net, OTHER[late])
    conclude(net)


@pytest.mark.parametrize("late", ["", US, PEER])
def test_one_of_two_at_once_has_its_group_refused(initiator: str, late: str) -> None:
    """Race 14."""
    net = connect(
        initiator,
        quiet(US, esp=("aes128gcm16-ecp256-x25519",)),
        quiet(PEER, esp=("aes128gcm16-x25519",)),
    )
    if late:
        net.delay_when(response(late, CREATE, 1), LATE)
    both_rekey(net, US)
    net.sleep(5)
    assert "< N(INVALID_KE_PAYLOAD)" in said(net, PEER, CREATE)
    assert "< N(INVALID_KE_PAYLOAD)" not in said(net, US, CREATE)
    conclude(net)


@pytest.mark.parametrize("late", ["", US, PEER])
@pytest.mark.parametrize("loser", BOTH, ids=["our nonce lowest", "their nonce lowest"])
def test_two_at_once_have_their_groups_refused(initiator: str, loser: str, late: str) -> None:
    """Race 15."""
    net = connect(
        initiator,
        quiet(US, esp=("aes128gcm16-ecp256-x25519",)),
        quiet(PEER, esp=("aes128gcm16-ecp384-x25519",)),
    )
    if late:
        net.delay_when(response(late, CREATE, 1), LATE)
    old = {name: child(net, name) for name in BOTH}
    for name in BOTH:
        net.hosts[name].dice.nonces += [MIDDLE, LOW if name == loser else HIGH]
        rekey(net, name, old[name])
    net.sleep(5)
    for name in BOTH:
        assert said(net, name, CREATE).count("< N(INVALID_KE_PAYLOAD)") == 1
    conclude(net)


@pytest.mark.parametrize("loser", BOTH, ids=["ours goes", "theirs goes"])
@pytest.mark.parametrize("lost", ["request", "answer"])
def test_the_delete_of_the_redundant_child_is_lost_and_repeated(
    initiator: str, loser: str, lost: str
) -> None:
    """Race 16."""
    net = connect(initiator)
    if lost == "request":
        net.lose_when(request(loser, Exchange.INFORMATIONAL, 1), 2)
    else:
        net.lose_when(response(OTHER[loser], Exchange.INFORMATIONAL, 1), 2)
    old = {name: child(net, name) for name in BOTH}
    both_rekey(net, loser)
    ends_in_one(net, loser, old)
