"""The table of (state, exchange): what is not in it is dropped."""

import pytest

from ikecore.actions import Closed, Send
from ikecore.proposals import Protocol
from ikev2.handlers import HANDLERS
from ikev2.message import Exchange
from ikev2.payloads.delete import Delete
from ikev2.sa import State

from .forger import Forger
from .network import Network, only

EXCHANGES = [*map(int, Exchange), 33, 38, 43, 240]


def half_open() -> Network:
    net = Network()
    net.lose = lambda _: len(net.wire) > 2  # the IKE_AUTH request does not arrive
    net.initiate("moon")
    net.lose = lambda _: False
    return net


@pytest.mark.parametrize("exchange", EXCHANGES)
def test_before_authentication_only_ike_auth_is_taken(exchange: int) -> None:
    net = half_open()
    forged = Forger(net, "moon", initiator=True).say(1, exchange=exchange)
    actions = net.inject("sun", forged)
    if exchange != Exchange.IKE_AUTH:
        assert only(Send, actions) == []
        assert net.drops("sun")[-1] == "unexpected_request"
    assert net.up("sun") == []


def test_a_delete_before_ike_auth_is_dropped() -> None:
    net = half_open()
    forged = Forger(net, "moon", initiator=True).say(1, Delete(Protocol.IKE))
    net.inject("sun", forged)
    assert net.seen(Closed, "sun") == []
    assert net.drops("sun") == ["unexpected_request"]


def test_a_rekey_before_ike_auth_never_establishes_anything() -> None:
    net = half_open()
    forged = Forger(net, "moon", initiator=True).say(1, exchange=Exchange.CREATE_CHILD_SA)
    net.inject("sun", forged)
    assert net.up("sun") == []
    assert net.drops("sun") == ["unexpected_request"]


@pytest.mark.parametrize("exchange", [Exchange.IKE_SA_INIT, Exchange.IKE_AUTH, 38, 240])
def test_after_authentication_the_first_exchanges_are_not_taken_again(exchange: int) -> None:
    net = Network()
    net.initiate("moon")
    before = list(net.hosts["sun"].log)
    forged = Forger(net, "moon", initiator=True).say(2, exchange=exchange)
    actions = net.inject("sun", forged)
    assert only(Send, actions) == []
    assert len(net.hosts["sun"].log) == len(before) + 1
    net.assert_connected()


def test_the_table_names_no_state_that_has_no_keys() -> None:
    states = {state for state, _ in HANDLERS}
    assert states == {
        State.INIT_ANSWERED, State.ESTABLISHED, State.REKEYED, State.DELETING,
    }  # fmt: skip
