"""A child is rekeyed by one end; the other end, or the wire, does not always help."""

import pytest

from ikecore.actions import ChildClosed, Failed, RemoveChild
from ikev2.payloads.notify import Notify
from ikev2.payloads.types import NotifyType
from tests.ikev2.eavesdropper import saying
from tests.ikev2.network import OTHER, Network
from tests.ikev2.wire import request, response

from .scene import (
    CREATE,
    INFORM,
    PEER,
    US,
    answer_instead,
    child,
    close_child,
    conclude,
    connect,
    made_by,
    quiet,
    reasons,
    rekey,
    rekeyed,
    said,
)


def rekeys_without_a_gap(net: Network, who: str) -> None:
    """Rekey the child from one end, and look closely."""
    # CREATE_CHILD_SA { N(REKEY_SA) SA No TSi TSr }  ──►
    #                                            ◄── CREATE_CHILD_SA { SA No TSi TSr }
    # INFORMATIONAL { D(1) }                         ──►
    #                                            ◄── INFORMATIONAL { D(1) }
    old = {name: child(net, name) for name in (US, PEER)}
    rekey(net, who)
    start = net.now
    net.sleep(1)
    assert [len(said(net, name, CREATE)) for name in (who, OTHER[who])] == [1, 1]
    assert said(net, who, INFORM) == ["> D(1)"]
    assert said(net, OTHER[who], INFORM) == ["< D(1)"]
    for name in (US, PEER):
        (new,) = rekeyed(net, name)
        assert new.replaces == old[name]
        assert new.why != ""
        assert old[name] in net.hosts[name].children  # late packets are still taken
    net.sleep(start + 4.9 - net.now)
    assert net.seen(RemoveChild, US) == net.seen(RemoveChild, PEER) == []
    net.sleep(0.3)
    assert len(net.seen(RemoveChild, US)) == len(net.seen(RemoveChild, PEER)) == 1
    assert reasons(net, US) == reasons(net, PEER) == ["REKEYED"]
    assert made_by(net, who)
    conclude(net)


def test_we_rekey_a_child_without_a_gap(initiator: str) -> None:
    """Race 1."""
    rekeys_without_a_gap(connect(initiator), US)


def test_the_peer_rekeys_a_child_without_a_gap(initiator: str) -> None:
    """Race 2."""
    rekeys_without_a_gap(connect(initiator), PEER)


def test_a_group_that_is_refused_once_is_replaced_by_the_one_asked_for(initiator: str) -> None:
    """Race 3."""
    net = connect(
        initiator,
        quiet(US, esp=("aes128gcm16-ecp256-x25519",)),
        quiet(PEER, esp=("aes128gcm16-x25519",)),
    )
    rekey(net, US)
    net.sleep(1)
    assert len([line for line in said(net, US, CREATE) if " KE " in line]) == 2
    first, second = said(net, PEER, CREATE)
    assert first == "< N(INVALID_KE_PAYLOAD)"
    assert " KE " in second
    assert net.codes(US) == net.codes(PEER) == []
    (new,) = rekeyed(net, US)
    assert str(new.suite) == "aes128gcm16-x25519"
    conclude(net)


@pytest.mark.parametrize("times", [1, 3])
def test_a_rekeying_whose_answer_is_lost_is_answered_again_and_not_done_twice(
    initiator: str, times: int
) -> None:
    """Race 4."""
    net = connect(initiator)
    net.lose_when(response(PEER, CREATE, 1), times)
    rekey(net, US)
    net.sleep(10)
    assert len(rekeyed(net, US)) == len(rekeyed(net, PEER)) == 1
    assert len([line for line, _ in net.letters if line.exchange == CREATE]) == 2 * (times + 1)
    conclude(net)


@pytest.mark.parametrize("times", [1, 3])
def test_a_busy_peer_is_asked_again_until_it_agrees(initiator: str, times: int) -> None:
    """Race 5."""
    net = connect(initiator)
    busy = Notify(NotifyType.TEMPORARY_FAILURE)
    for number in range(1, times + 1):
        answer_instead(net, request(US, CREATE, number), busy)
    rekey(net, US)
    net.sleep(3 * times + 1)
    assert len(rekeyed(net, US)) == 1
    assert net.codes(US) == []
    conclude(net)


def test_a_child_that_the_peer_has_lost_is_made_anew(initiator: str) -> None:
    """Race 6."""
    net = connect(initiator)
    net.change_when(request(PEER, INFORM, 1), saying())
    close_child(net, PEER)
    net.sleep(0.1)
    assert len(net.hosts[US].children) == 1  # it was not told
    rekey(net, US)
    net.sleep(1)
    assert said(net, PEER, CREATE)[0].startswith("< N(CHILD_SA_NOT_FOUND)")
    assert len(said(net, US, CREATE)) == 2
    assert net.seen(ChildClosed, US)[0].inbound_spi not in net.hosts[US].children
    conclude(net, gap=0.3)


@pytest.mark.parametrize("refusal", [NotifyType.NO_PROPOSAL_CHOSEN, NotifyType.NO_ADDITIONAL_SAS])
def test_a_child_whose_rekeying_is_refused_stays_and_that_is_told(
    initiator: str, refusal: NotifyType
) -> None:
    """Race 7."""
    net = connect(initiator)
    before = child(net, US)
    answer_instead(net, request(US, CREATE), Notify(refusal))
    rekey(net, US)
    net.sleep(2)
    assert child(net, US) == before
    (failed,) = net.seen(Failed, US)
    assert failed.child is not None
    assert refusal.name in str(failed.diagnosis)
    conclude(net)
