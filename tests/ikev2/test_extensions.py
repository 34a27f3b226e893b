"""What both ends say they can do: windows, childless beginnings, trust that ends."""

from dataclasses import replace

import pytest

from ikecore.actions import (
    ChildEstablished,
    Closed,
    Established,
    InstallChild,
    Reason,
    ReauthWanted,
)
from ikecore.diagnosis import Code
from ikecore.events import ChildWanted
from ikecore.profile import Childless, ChildProfile
from ikev2.extensions import answered_in_init, offered_in_init
from ikev2.message import Exchange, Header, Message
from ikev2.payloads.notify import Notify
from ikev2.payloads.sa import SecurityAssociation
from ikev2.payloads.ts import SelectorsInitiator, SelectorsResponder
from ikev2.payloads.types import NotifyType
from ikev2.window import WIDEST

from .forger import Forger
from .network import Network, profile, selectors
from .races.scene import quiet, said, want
from .wire import request, response

MANY = tuple(
    ChildProfile(selectors(f"10.1.{n}.0/24"), selectors(f"10.2.{n}.0/24")) for n in range(40)
)
THEIRS = tuple(ChildProfile(child.remote_ts, child.local_ts) for child in MANY)


def number(kind: NotifyType, value: int, octets: int = 4) -> Notify:
    return Notify(kind, value.to_bytes(octets, "big"))


# -- windows (section 2.3) ------------------------------------------------------------------------
def under_way(window: int) -> tuple[Network, int]:
    """Let moon want 40 children of a sun with such a window; return how many fly at once."""
    net = Network(quiet("moon", children=MANY), quiet("sun", children=THEIRS, window=window))
    net.initiate("moon")
    net.lose_when(request("moon", Exchange.CREATE_CHILD_SA), 1)  # the first is answered late
    for child in MANY[1:]:
        want(net, "moon", child)
    net.sleep(0.5)
    return net, len(said(net, "moon", Exchange.CREATE_CHILD_SA))


@pytest.mark.parametrize("window", [1, 2, 16])
def test_as_many_requests_fly_as_the_peer_takes(window: int) -> None:
    net, flying = under_way(window)
    assert flying == window
    words = "N(SET_WINDOW_SIZE)" in " ".join(net.story("sun"))
    assert words == (window > 1)
    net.sleep(20)
    assert len(net.hosts["moon"].children) == 40
    assert net.drops("sun") == []
    net.assert_mirrored()


def test_more_than_16_are_never_under_way() -> None:
    _, flying = under_way(1000)
    assert flying == WIDEST


@pytest.mark.parametrize("size", [0, 1])
def test_a_window_of_nothing_is_one_of_one(size: int) -> None:
    net = with_words(number(NotifyType.SET_WINDOW_SIZE, size))
    net.initiate("moon")
    assert net.codes("moon") == []
    want(net, "moon", MANY[1])
    net.settle()
    assert said(net, "moon", Exchange.CREATE_CHILD_SA) == ["> SA No TSi TSr"]


def test_the_peer_may_have_as_many_under_way_as_we_said() -> None:
    net = Network(quiet("moon", children=MANY), quiet("sun", children=THEIRS, window=3))
    net.initiate("moon")
    moon = Forger(net, "moon", initiator=True)
    for message_id in (4, 3, 5):  # 2 is lost; 5 is beyond 2, 3, 4
        net.inject("sun", moon.say(message_id))
    assert net.drops("sun") == ["message_id"]
    net.inject("sun", moon.say(2))
    net.inject("sun", moon.say(5))
    assert net.drops("sun") == ["message_id"]
    answered = [m.message_id for m in net.messages("sun") if m.sent and m.response]
    assert answered[-4:] == [4, 3, 2, 5]


def test_a_window_of_another_length_is_no_window() -> None:
    net = with_words(Notify(NotifyType.SET_WINDOW_SIZE, b"\1"))
    net.initiate("moon")
    assert len(net.up("moon")) == 1


def with_words(*words: Notify) -> Network:
    """Return ends of which sun says more in IKE_AUTH; moon has not begun yet."""
    net = Network(quiet("moon", children=MANY), quiet("sun", children=THEIRS))
    net.change_when(
        response("sun", Exchange.IKE_AUTH),
        lambda message: replace(message, payloads=(*message.payloads, *words)),
    )
    return net


# -- fragments ------------------------------------------------------------------------------------
@pytest.mark.parametrize("who", ["moon", "sun"])
def test_fragments_are_sent_only_where_both_ends_take_them(who: str) -> None:
    nets = tuple(ts for child in MANY for ts in child.local_ts)
    moon = quiet("moon", local_ts=nets, fragmentation=who != "moon")
    sun = quiet("sun", remote_ts=nets, fragmentation=who != "sun")
    net = Network(moon, sun)
    net.initiate("moon")
    net.assert_connected()
    assert {send.data[16] for send in net.wire[2:]} == {46}  # SK, never SKF


def test_what_a_responder_says_of_itself() -> None:
    says = Message(Header(b"i" * 8, bytes(8), 34, 0, True, False), (), False, b"")
    heard = replace(says, payloads=offered_in_init(profile("moon")))
    fragments, childless = (
        NotifyType.IKEV2_FRAGMENTATION_SUPPORTED,
        NotifyType.CHILDLESS_IKEV2_SUPPORTED,
    )
    assert [n.type for n in answered_in_init(profile("sun"), heard)] == [fragments, childless]
    assert [n.type for n in answered_in_init(profile("sun"), says)] == [childless]
    never = profile("sun", childless=Childless.NEVER, fragmentation=False)
    assert answered_in_init(never, heard) == offered_in_init(never) == ()


# -- childless (RFC 6023) -------------------------------------------------------------------------
@pytest.mark.parametrize("theirs", [Childless.ALLOW, Childless.PREFER])
def test_who_prefers_it_begins_without_a_child(theirs: Childless) -> None:
    # IKE_AUTH { IDi IDr AUTH } ──►  ◄── IKE_AUTH { IDr AUTH }
    net = Network(quiet("moon", childless=Childless.PREFER), quiet("sun", childless=theirs))
    net.initiate("moon")
    last = net.story("moon")[-2:]
    assert not any(word in line for line in last for word in (" SA", "TSi"))
    assert len(net.up("moon")) == len(net.up("sun")) == 1
    assert net.codes("moon") == net.codes("sun") == []
    for name in ("moon", "sun"):
        assert net.seen(InstallChild, name) == []
        assert net.hosts[name].spis.owed == set()
    child = profile("moon").children[0]
    net.tell("moon", ChildWanted(net.up("moon")[0], child))
    net.settle()
    assert net.seen(ChildEstablished, "moon")[0].child == child
    net.assert_connected()


def test_a_peer_that_cannot_do_without_gets_its_child() -> None:
    net = Network(
        quiet("moon", childless=Childless.PREFER), quiet("sun", childless=Childless.NEVER)
    )
    net.initiate("moon")
    assert net.story("moon")[-1].endswith("SA TSi TSr")
    net.assert_connected()


@pytest.mark.parametrize("mine", [Childless.NEVER, Childless.ALLOW])
def test_who_does_not_prefer_it_begins_with_its_child(mine: Childless) -> None:
    net = Network(quiet("moon", childless=mine), quiet("sun", childless=Childless.PREFER))
    net.initiate("moon")
    net.assert_connected()


@pytest.mark.parametrize("policy", list(Childless))
def test_a_responder_takes_a_childless_request_unless_it_never_does(policy: Childless) -> None:
    net = Network(quiet("moon"), quiet("sun", childless=policy))
    net.change_when(request("moon", Exchange.IKE_AUTH), without_child)
    net.initiate("moon")
    assert len(net.seen(Established, "sun")) == (policy is not Childless.NEVER)
    assert net.codes("sun") == ([Code.INVALID_SYNTAX] if policy is Childless.NEVER else [])
    assert net.hosts["sun"].children == {}
    assert net.hosts["sun"].spis.owed == set()


def without_child(message: Message) -> Message:
    kinds = (SecurityAssociation, SelectorsInitiator, SelectorsResponder)
    kept = tuple(p for p in message.payloads if not isinstance(p, kinds))
    return replace(message, payloads=kept)


# -- trust that ends (RFC 4478) -------------------------------------------------------------------
@pytest.mark.parametrize(("seconds", "soft"), [(1000, 940.0), (200, 180.0), (100_000, 99_940.0)])
def test_the_initiator_authenticates_anew_before_the_responders_trust_ends(
    seconds: int, soft: float
) -> None:
    net = Network(quiet("moon"), quiet("sun", auth_lifetime=float(seconds)))
    net.initiate("moon")
    assert "N(AUTH_LIFETIME)" in net.story("moon")[-1]
    assert net.seen(Established, "moon")[0].reauth_at == pytest.approx(soft, abs=0.1)
    net.sleep(soft - 1)
    assert net.seen(ReauthWanted, "moon") == []
    net.sleep(2)
    assert [wanted.sa for wanted in net.seen(ReauthWanted, "moon")] == net.up("moon")
    assert net.seen(ReauthWanted, "sun") == []
    net.sleep(seconds)
    assert net.seen(Closed, "sun")[0].reason is Reason.LIFETIME
    net.assert_gone()


def test_a_renewed_ike_sa_is_trusted_no_longer_for_it() -> None:
    net = Network(quiet("moon", ike_lifetime=500.0), quiet("sun", auth_lifetime=1000.0))
    net.initiate("moon")
    net.sleep(1001)
    assert len(net.seen(Established, "moon")) > 2
    assert len(net.seen(ReauthWanted, "moon")) == 1
    assert net.seen(Closed, "sun")[-1].reason is Reason.LIFETIME
    net.assert_gone()


def test_an_initiator_does_not_say_how_long_it_trusts() -> None:
    net = Network(quiet("moon", auth_lifetime=1000.0), quiet("sun"))
    net.initiate("moon")
    assert "AUTH_LIFETIME" not in " ".join(net.story("moon"))


@pytest.mark.parametrize(
    "words",
    [
        number(NotifyType.AUTH_LIFETIME, 0),
        number(NotifyType.AUTH_LIFETIME, 5, octets=2),
        number(NotifyType.AUTH_LIFETIME, 2**32 - 1),
    ],
)
def test_odd_lifetimes_start_nothing_at_once(words: Notify) -> None:
    net = with_words(words)
    net.initiate("moon")
    net.sleep(0.9)
    assert net.seen(ReauthWanted, "moon") == []
    net.sleep(100)
    wanted = len(net.seen(ReauthWanted, "moon"))
    assert wanted == (words.data == bytes(4))
    assert len(net.up("moon")) == 1
