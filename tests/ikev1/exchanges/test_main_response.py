"""Main mode as its responder: no state worth much before the address is proved."""

from dataclasses import replace

from ikecore.actions import Failed, Send
from ikecore.diagnosis import Code
from ikecore.events import Authorized, Configured
from ikecore.identities import Identity
from ikev1.message import Exchange, Header, pack_header
from policy.path import Path
from suites.secret import Secret
from tests.ikev1.network import MOON, SUN, Network, only, profile, quiet, said


def test_the_answer_is_at_most_twice_the_request_and_a_little() -> None:
    net = Network(quiet("moon"), quiet("sun"))
    net.initiate("moon")
    first, second = [one for one in net.messages("moon") if one.exchange == "MAIN"][:2]
    assert len(second.raw) <= 2 * len(first.raw) + 100


def test_of_connections_with_one_address_the_identity_decides() -> None:
    sun = profile("sun")
    other = replace(sun, name="other", remote_id=Identity.parse("mars.lab"))
    net = Network(quiet("moon"), sun)
    net.tell("sun", Configured((other, sun)))
    net.initiate("moon")
    (up,) = net.up("sun")
    assert [f.connection for f in net.seen(Failed, "sun")] == []
    assert up


def test_each_of_them_may_have_a_key_of_its_own() -> None:
    sun = profile("sun")
    other = replace(sun, name="other", remote_id=Identity.parse("mars.lab"))
    net = Network(quiet("moon"), sun)
    net.hosts["sun"].psks["other"] = b"mars has another key"
    net.tell("sun", Configured((other, sun)))
    net.initiate("moon")
    assert len(net.up("sun")) == 1


def test_who_has_no_key_is_refused() -> None:
    net = Network(quiet("moon"), quiet("sun"))
    net.hosts["sun"].has_key = False
    net.initiate("moon")
    assert net.codes("sun") == [Code.KEY_MISSING]


def test_an_unknown_identity_is_refused_under_the_keys() -> None:
    net = Network(quiet("moon", local_id=Identity.parse("mars.lab")), quiet("sun"))
    net.initiate("moon")
    assert net.codes("sun") == [Code.PEER_IDENTITY_MISMATCH]
    assert net.codes("moon") == [Code.PEER_IDENTITY_MISMATCH]
    assert net.failures("moon")[0].certain


def test_a_half_open_responder_says_nothing_by_itself() -> None:
    net = Network(quiet("moon"), quiet("sun"))
    net.lose_when(said("moon", Exchange.MAIN, 2), times=99)
    net.initiate("moon")
    before = len(net.seen(Send, "sun"))
    net.sleep(60)
    assert len(net.seen(Send, "sun")) == before == 1
    assert net.hosts["sun"].endpoint.half_open == 0


def test_an_answer_that_nobody_asked_for_is_dropped() -> None:
    net = Network(quiet("moon"), quiet("sun"))
    net.initiate("moon")
    (sa,) = net.up("sun")
    net.tell("sun", Authorized(sa, Secret(b"late")))
    assert net.drops("sun")[-1] == "not_waiting"


def test_who_goes_over_to_another_port_is_answered_there() -> None:
    net = Network(quiet("moon"), quiet("sun"))
    net.lose_when(said("moon", Exchange.MAIN, 2))
    net.initiate("moon")
    third = net.wire[2].data
    elsewhere = Path((SUN, 4500), (MOON, 4500), encapsulated=True)
    (answer,) = only(Send, net.inject("sun", third, elsewhere))
    assert answer.path == elsewhere


def test_a_message_that_is_too_short_to_be_one_gets_no_refusal() -> None:
    net = Network(quiet("moon"), quiet("sun"))
    net.lose_when(said("moon", Exchange.MAIN, 3), times=99)
    net.initiate("moon")
    cookies = net.wire[3].data[:16]
    header = Header(cookies[:8], cookies[8:], Exchange.MAIN, 0, encrypted=True)
    for octets in (0, 11, 12, 40):
        forged = pack_header(header, 5, 28 + octets, encrypted=True) + bytes(octets)
        sent = only(Send, net.inject("sun", forged))
        assert [len(one.data) for one in sent] == ([40] if octets == 12 else [])
