"""Aggressive mode as its initiator: three messages, and the last one has to arrive."""

import pytest

from ikecore.diagnosis import Code
from ikecore.identities import Identity
from ikev1.message import Exchange
from tests.ikev1.network import AGGRESSIVE, Network, quiet, said

MODE = Exchange.AGGRESSIVE


def both(**changes: object) -> Network:
    return Network(quiet("moon", legacy=AGGRESSIVE, **changes), quiet("sun", legacy=AGGRESSIVE))


def test_three_messages_make_an_sa() -> None:
    net = both()
    net.initiate("moon")
    assert len(net.up("moon")) == len(net.up("sun")) == 1
    sent = [one for one in net.messages("moon") if one.exchange == "AGGRESSIVE"]
    assert len(sent) == 3
    assert sent[2].labels[0] == "HASH"


@pytest.mark.parametrize(("who", "number"), [("moon", 1), ("sun", 1), ("moon", 2)])
def test_any_of_the_three_may_be_lost(who: str, number: int) -> None:
    net = both()
    net.lose_when(said(who, MODE, number))
    net.initiate("moon")
    net.sleep(5)
    assert len(net.up("moon")) == len(net.up("sun")) == 1
    assert len(net.hosts["sun"].children) == 1


def test_the_last_message_goes_again_with_each_repeated_quick_mode_until_something_comes() -> None:
    net = both()
    net.lose_when(said("moon", MODE, 2), times=2)
    net.initiate("moon")
    net.sleep(6)
    assert len(net.up("sun")) == 1
    assert len(net.hosts["moon"].children) == len(net.hosts["sun"].children) == 1


def test_a_wrong_key_is_seen_by_both_ends() -> None:
    net = both()
    net.hosts["sun"].psk = b"another key"
    net.initiate("moon")
    net.sleep(40)
    assert net.codes("moon") == [Code.PSK_MISMATCH]
    assert not net.up("moon")
    assert not net.up("sun")


def test_another_identity_of_the_responder_ends_it() -> None:
    net = both(remote_id=Identity.parse("mars.lab"))
    net.initiate("moon")
    net.sleep(1)
    assert net.codes("moon") == [Code.PEER_IDENTITY_MISMATCH]
    assert not net.up("sun")


def test_a_forged_answer_does_not_spoil_the_true_one() -> None:
    net = both()
    net.hosts["sun"].psk = b"another key"
    net.initiate("moon")
    assert "integrity" in net.drops("moon")
    assert not net.failures("moon")
