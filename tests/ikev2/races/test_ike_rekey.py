"""An IKE SA is rekeyed: its children go over to the new one without noticing (1.3.2, 2.8.2)."""

import pytest

from ikecore.actions import Closed, Established, Reason
from ikev2.payloads.notify import Notify
from ikev2.payloads.types import NotifyType
from tests.ikev2.network import OTHER, Network
from tests.ikev2.wire import request, response

from .scene import (
    CREATE,
    INFORM,
    LATE,
    PEER,
    US,
    answer_instead,
    child,
    conclude,
    connect,
    groups_asked_with,
    lowest_is,
    quiet,
    rekey,
    rekey_ike,
    said,
)

BOTH = (US, PEER)
WHO = pytest.mark.parametrize("who", BOTH, ids=["we rekey", "the peer rekeys"])
LOSER = pytest.mark.parametrize("loser", BOTH, ids=["ours goes", "theirs goes"])


def heir(net: Network, name: str) -> Established:
    """Return the only IKE SA that one end holds."""
    (sa,) = net.up(name)
    (made,) = [one for one in net.seen(Established, name) if one.sa == sa]
    return made


def went_over(net: Network, old: dict[str, bytes], spis: dict[str, int]) -> None:
    """Check that one new IKE SA took the old one's place, and the child is the same."""
    for name in BOTH:
        assert heir(net, name).replaces == old[name]
        assert [c.reason for c in net.seen(Closed, name) if c.sa == old[name]] == [Reason.REKEYED]
        assert child(net, name) == spis[name]


def before(net: Network) -> tuple[dict[str, bytes], dict[str, int]]:
    """Return the IKE SA and the child of each end."""
    return {name: net.up(name)[0] for name in BOTH}, {name: child(net, name) for name in BOTH}


@WHO
def test_the_children_go_over_to_the_new_ike_sa(initiator: str, who: str) -> None:
    """Race 31."""
    # CREATE_CHILD_SA { SA No KE }  ──►
    #                           ◄── CREATE_CHILD_SA { SA No KE }
    # INFORMATIONAL { D(IKE) }      ──►
    #                           ◄── INFORMATIONAL {}
    net = connect(initiator)
    old = before(net)
    rekey_ike(net, who)
    net.sleep(1)
    assert said(net, who, CREATE) == ["> SA No KE"]
    assert said(net, OTHER[who], CREATE) == ["< SA No KE"]
    assert said(net, who, INFORM) == ["> D(IKE)"]
    assert said(net, OTHER[who], INFORM) == ["<"]
    went_over(net, *old)
    assert heir(net, who).initiator
    assert not heir(net, OTHER[who]).initiator
    conclude(net)


@WHO
def test_a_group_that_is_refused_once_is_replaced_by_the_one_asked_for(
    initiator: str, who: str
) -> None:
    """Race 32: the group in use is offered first; this peer wants another one now."""
    groups = {"ike": ("aes128gcm16-prfsha256-x25519-ecp256",)}
    net = connect(initiator, quiet("moon", **groups), quiet("sun", **groups))
    old = before(net)
    ecp256 = 19
    refusal = Notify(NotifyType.INVALID_KE_PAYLOAD, ecp256.to_bytes(2, "big"))
    answer_instead(net, request(who, CREATE, 1), refusal)
    rekey_ike(net, who)
    net.sleep(1)
    assert groups_asked_with(net, who)[:2] == [0, ecp256]  # the first never got there
    assert str(heir(net, who).suite).endswith(("-x25519", "-ecp256"))
    went_over(net, *old)
    assert net.codes(US) == net.codes(PEER) == []
    conclude(net)


@LOSER
@pytest.mark.parametrize("late", ["nothing", "the loser's answer", "the winner's answer"])
def test_of_two_new_ike_sas_the_one_with_the_lowest_nonce_goes(
    initiator: str, loser: str, late: str
) -> None:
    """Races 33 to 36."""
    net = connect(initiator)
    old = before(net)
    winner = OTHER[loser]
    if late != "nothing":
        sender = winner if late == "the loser's answer" else loser
        net.delay_when(response(sender, CREATE, 1), LATE)
    lowest_is(net, loser)
    rekey_ike(net, US)
    rekey_ike(net, PEER)
    net.sleep(10)
    went_over(net, *old)
    assert heir(net, winner).initiator
    conclude(net)


@LOSER
@pytest.mark.parametrize("lowest", [True, False])
def test_a_request_that_comes_after_the_winners_delete_does_no_harm(
    initiator: str, loser: str, lowest: bool
) -> None:
    """Race 37: the old IKE SA is gone where the request arrives."""
    net = connect(initiator)
    old = before(net)
    net.delay_when(request(loser, CREATE, 1), LATE)
    lowest_is(net, loser if lowest else OTHER[loser])
    rekey_ike(net, US)
    rekey_ike(net, PEER)
    net.sleep(10)
    went_over(net, *old)
    assert heir(net, OTHER[loser]).initiator
    conclude(net)


@WHO
def test_who_is_rekeying_a_child_has_no_time_for_the_ike_sa(initiator: str, who: str) -> None:
    """Race 38 (section 2.25.2); it has a little later."""
    net = connect(initiator)
    other = OTHER[who]
    net.delay_when(request(other, CREATE, 1), 0.05)
    rekey(net, other)
    rekey_ike(net, who)
    net.sleep(0.04)
    assert said(net, other, CREATE)[-1] == "< N(TEMPORARY_FAILURE)"
    net.sleep(8)
    assert len(net.seen(Established, who)) == 2
    conclude(net)


@WHO
@pytest.mark.parametrize("late", ["nothing", "request", "answer"])
def test_both_kinds_of_rekeying_at_once_come_to_an_end(initiator: str, who: str, late: str) -> None:
    """Race 38, whichever comes first."""
    net = connect(initiator)
    other = OTHER[who]
    kind = {"request": request, "answer": response}.get(late)
    if kind is not None:
        net.delay_when(kind(other, CREATE, 1), LATE)
    rekey_ike(net, who)
    rekey(net, other)
    net.sleep(8)
    assert len(net.seen(Established, who)) == 2
    conclude(net)
