"""A child is rekeyed by one end while the other deletes it (RFC 7296 section 2.25.1)."""

import pytest

from ikecore.events import RekeyWanted
from ikecore.proposals import Protocol
from ikev2.children import offer
from ikev2.payloads.nonce import Nonce
from ikev2.payloads.notify import Notify
from ikev2.payloads.sa import SecurityAssociation
from ikev2.payloads.ts import SelectorsInitiator, SelectorsResponder
from ikev2.payloads.types import NotifyType
from tests.ikev2.network import OTHER, Network
from tests.ikev2.wire import request, response

from .scene import (
    CREATE,
    INFORM,
    LATE,
    PEER,
    US,
    ask,
    child,
    close_child,
    conclude,
    connect,
    rekey,
    said,
)

NONE_OR_NEW = (0, 1)


def gap_is_bounded(net: Network) -> None:
    """A child somebody deleted is gone, or a new one came; nothing else is left of it.

    Packets get lost only while the Delete is on its way, however long they go on.
    """
    net.sleep(10)
    lost = [packet.sent_at for packet in net.traffic.lost]
    assert not lost or max(lost) - min(lost) <= LATE
    conclude(net, gap=30.0, children=NONE_OR_NEW)


def test_the_peers_delete_overtakes_our_rekeying(initiator: str) -> None:
    """Race 17: our request names a child that the peer has deleted, as we know by then."""
    net = connect(initiator)
    net.delay_when(request(US, CREATE, 1), LATE)
    rekey(net, US)
    close_child(net, PEER)
    net.sleep(1)
    assert said(net, PEER, CREATE) in (["< N(CHILD_SA_NOT_FOUND)"], ["< N(TEMPORARY_FAILURE)"])
    gap_is_bounded(net)


def test_both_ends_delete_the_same_child(initiator: str) -> None:
    """Race 18: neither names it in its answer."""
    net = connect(initiator)
    close_child(net, US)
    close_child(net, PEER)
    net.sleep(1)
    for name in (US, PEER):
        assert said(net, name, INFORM) == ["> D(1)", "<"]
        assert net.hosts[name].children == {}
    conclude(net, gap=20.0, children=(0,))


def closed_under_way(initiator: str, rekeys: str, late: str) -> Network:
    """Return what happens when a child is deleted at one end while the other rekeys it."""
    net = connect(initiator)
    net.delay_when(response(OTHER[rekeys], CREATE, 1), LATE if late == "answer" else 0.0)
    rekey(net, rekeys)
    net.sleep(0.015 if late == "answer" else 0.0)
    old = next(iter(net.hosts[OTHER[rekeys]].children))
    close_child(net, OTHER[rekeys], old)
    net.sleep(1)
    return net


def test_the_peer_deletes_the_child_we_are_rekeying(initiator: str) -> None:
    """Race 19: after its answer, which its Delete overtakes."""
    gap_is_bounded(closed_under_way(initiator, US, "answer"))


def test_we_delete_the_child_the_peer_is_rekeying(initiator: str) -> None:
    """Race 20."""
    gap_is_bounded(closed_under_way(initiator, PEER, "answer"))


@pytest.mark.parametrize("rekeys", [PEER, US])
def test_who_is_deleting_a_child_has_no_time_to_rekey_it(initiator: str, rekeys: str) -> None:
    """Race 21."""
    net = closed_under_way(initiator, rekeys, "nothing")
    (answer,) = said(net, OTHER[rekeys], CREATE)
    assert answer in ("< N(TEMPORARY_FAILURE)", "< N(CHILD_SA_NOT_FOUND)")
    assert net.hosts[rekeys].children == net.hosts[OTHER[rekeys]].children == {}
    gap_is_bounded(net)


def test_a_rekeying_of_an_spi_nobody_knows_changes_nothing(initiator: str) -> None:
    """Race 22."""
    net = connect(initiator)
    before = {name: child(net, name) for name in (US, PEER)}
    net.tell(US, RekeyWanted(0xDEADBEEF, "octets"))
    profile = net.hosts[PEER].profile
    (answer,) = ask(
        net,
        PEER,
        CREATE,
        Notify(NotifyType.REKEY_SA, protocol=Protocol.ESP, spi=(0xDEADBEEF).to_bytes(4, "big")),
        SecurityAssociation(offer(profile, 0xC0FFEE00)),
        Nonce(bytes(32)),
        SelectorsInitiator(profile.local_ts),
        SelectorsResponder(profile.remote_ts),
    )
    assert isinstance(answer, Notify)
    assert (answer.type, answer.protocol) == (NotifyType.CHILD_SA_NOT_FOUND, Protocol.ESP)
    assert answer.spi == (0xDEADBEEF).to_bytes(4, "big")
    assert {name: child(net, name) for name in (US, PEER)} == before
    conclude(net)
