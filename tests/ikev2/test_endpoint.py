"""What the operator does to the endpoint's SAs while the peer is half-way."""

from ikecore.actions import Closed, Established, Reason
from ikecore.events import CloseAllWanted, Configured
from tests.ikev2.network import Network, profile


def test_closing_a_connection_ends_its_attempts_too() -> None:
    net = Network()
    net.initiate("moon", settle=False)
    net.tell("moon", CloseAllWanted("net"))
    assert [closed.reason for closed in net.seen(Closed, "moon")] == [Reason.DELETED]
    net.settle()
    assert net.seen(Established, "sun") == []


def test_closing_a_connection_tells_the_peer_of_what_was_established() -> None:
    net = Network()
    net.initiate("moon")
    net.assert_connected()
    net.tell("moon", CloseAllWanted("net"))
    net.settle()
    net.assert_gone()


def test_closing_one_connection_leaves_the_others() -> None:
    net = Network()
    net.initiate("moon")
    net.tell("moon", CloseAllWanted("other"))
    net.settle()
    net.assert_connected()


def test_a_peer_half_way_into_a_connection_that_changed_has_to_start_anew() -> None:
    net = Network()
    net.lose = lambda _: len(net.wire) > 2  # IKE_AUTH does not get there
    net.initiate("moon")
    net.lose = lambda _: False
    net.tell("sun", Configured((profile("sun", dpd_interval=9.0),)))
    assert [closed.reason for closed in net.seen(Closed, "sun")] == [Reason.RECONFIGURED]
    net.sleep(5)
    assert net.up("sun") == []


def test_a_peer_half_way_into_a_connection_that_stayed_as_it_was_goes_on() -> None:
    net = Network()
    net.lose = lambda _: len(net.wire) > 2
    net.initiate("moon")
    net.lose = lambda _: False
    net.tell("sun", Configured((profile("sun"), profile("sun", name="other"))))
    net.sleep(5)
    net.assert_connected()
