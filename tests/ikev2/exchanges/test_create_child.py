"""A child made later: asked for, refused, or split into one of each pair of networks."""

from dataclasses import replace

import pytest

from ikecore.actions import ChildEstablished, Failed, Noted
from ikecore.diagnosis import Code
from ikecore.events import ChildWanted, CloseWanted
from ikecore.profile import ChildProfile
from ikev2.exchanges.create_child import pairs_of
from ikev2.message import Exchange
from ikev2.payloads.notify import Notify
from ikev2.payloads.types import NotifyType
from tests.ikev2.asking import tunnel
from tests.ikev2.network import Network, profile, selectors
from tests.ikev2.races.scene import (
    answer_instead,
    connect_with_one_of_two,
    quiet,
    said,
    second,
    want,
)
from tests.ikev2.wire import request

CREATE = Exchange.CREATE_CHILD_SA
MINE = request("moon", CREATE)
WIDE = ChildProfile(
    selectors("10.1.8.0/24", "10.1.9.0/24"), selectors("10.2.8.0/24", "10.2.9.0/24")
)
MIRROR = ChildProfile(WIDE.remote_ts, WIDE.local_ts)
SPLITS = pytest.mark.parametrize(
    "kind", [NotifyType.SINGLE_PAIR_REQUIRED, NotifyType.TS_UNACCEPTABLE]
)


def both() -> Network:
    """Return a tunnel whose second child, of four pairs, is not there yet."""
    net = Network(
        quiet("moon", children=(*profile("moon").children, WIDE)),
        quiet("sun", children=(*profile("sun").children, MIRROR)),
    )
    net.initiate("moon")
    return net


def notes(net: Network) -> list[str]:
    return [note.text for note in net.seen(Noted, "moon")]


def made(net: Network) -> list[str]:
    """Return the networks of moon's children after the first."""
    return [
        str(ChildProfile(child.local_ts, child.remote_ts))
        for child in net.seen(ChildEstablished, "moon")[1:]
    ]


def test_a_child_is_made_and_told_with_its_place_in_the_configuration() -> None:
    net = connect_with_one_of_two("moon")
    want(net, "moon", second("moon"))
    net.sleep(1)
    # CREATE_CHILD_SA { SA Ni TSi TSr } ──►    ◄── { SA Nr TSi TSr }
    (child,) = net.seen(ChildEstablished, "moon")[1:]
    assert (child.child, child.replaces, child.why) == (second("moon"), 0, "")
    assert child.took == pytest.approx(0.02)
    assert said(net, "moon", CREATE) == ["> SA No TSi TSr"]
    net.assert_mirrored()


@SPLITS
def test_a_child_refused_whole_is_made_pair_by_pair_with_a_line_in_the_log(
    kind: NotifyType,
) -> None:
    net = both()
    answer_instead(net, request("moon", CREATE, 1), Notify(kind))
    want(net, "moon", WIDE)
    net.sleep(5)
    assert made(net) == [str(pair) for pair in pairs_of(WIDE)]
    assert notes(net) == [f"the peer answered {kind.name}: asking for 4 children, one a pair"]
    assert {child.child for child in net.seen(ChildEstablished, "moon")[1:]} == {WIDE}
    assert net.codes("moon") == []
    assert len(net.hosts["moon"].children) == 5
    net.assert_mirrored()


@SPLITS
def test_pairs_that_are_refused_are_told_and_the_others_stay(kind: NotifyType) -> None:
    net = both()
    answer_instead(net, request("moon", CREATE, 1), Notify(kind))
    refused = Notify(NotifyType.TS_UNACCEPTABLE)
    for number in (2, 4):
        answer_instead(net, request("moon", CREATE, number), refused)
    want(net, "moon", WIDE)
    net.sleep(5)
    pairs = [str(pair) for pair in pairs_of(WIDE)]
    assert made(net) == [pairs[1], pairs[3]]
    assert notes(net)[1:] == [
        f"the peer refused {pair}: TS_UNACCEPTABLE" for pair in (pairs[0], pairs[2])
    ]
    assert net.codes("moon") == []
    net.assert_mirrored()


@SPLITS
def test_a_child_of_which_no_pair_comes_up_has_failed_once(kind: NotifyType) -> None:
    net = both()
    answer_instead(net, MINE, Notify(kind))
    want(net, "moon", WIDE)
    net.sleep(5)
    assert len(said(net, "moon", CREATE)) == 5
    (failed,) = net.seen(Failed, "moon")
    assert (failed.child, failed.diagnosis.code) == (WIDE, Code.TS_MISMATCH)
    assert len(net.hosts["moon"].children) == 1
    net.assert_mirrored()


def test_a_split_child_can_be_wanted_again_when_all_of_it_is_gone() -> None:
    net = both()
    answer_instead(net, request("moon", CREATE, 1), Notify(NotifyType.SINGLE_PAIR_REQUIRED))
    want(net, "moon", WIDE)
    net.sleep(5)
    want(net, "moon", WIDE)
    assert net.drops("moon") == ["not_wanted"]  # it is there, in parts


@SPLITS
def test_a_child_of_one_pair_is_not_split(kind: NotifyType) -> None:
    net = connect_with_one_of_two("moon")
    answer_instead(net, MINE, Notify(kind))
    want(net, "moon", second("moon"))
    net.sleep(10)
    (failed,) = net.seen(Failed, "moon")
    assert (failed.child, failed.diagnosis.code) == (second("moon"), Code.TS_MISMATCH)
    assert notes(net) == []
    assert len(said(net, "moon", CREATE)) == 1


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (NotifyType.NO_PROPOSAL_CHOSEN, Code.PROPOSAL_REFUSED_BY_PEER),
        (NotifyType.NO_ADDITIONAL_SAS, Code.LIMIT_REACHED),
        (NotifyType.INVALID_SYNTAX, Code.INVALID_SYNTAX),
        (12345, Code.PEER_ERROR),
    ],
)
def test_any_other_refusal_is_told_and_ends_only_the_child(kind: int, code: Code) -> None:
    net = both()
    answer_instead(net, MINE, Notify(kind))
    want(net, "moon", WIDE)
    net.sleep(10)
    (failed,) = net.seen(Failed, "moon")
    assert (failed.child, failed.diagnosis.code) == (WIDE, code)
    assert "in the answer to CREATE_CHILD_SA" in failed.diagnosis.evidence
    assert len(net.up("moon")) == 1
    net.assert_mirrored()


def test_the_first_child_is_split_too_when_ike_auth_refuses_it_whole() -> None:
    # IKE_AUTH { … SA TSi TSr } ──►    ◄── { IDr AUTH N(SINGLE_PAIR_REQUIRED) }
    # CREATE_CHILD_SA { the first pair } ──►  …
    net = Network(quiet("moon", children=(WIDE,)), quiet("sun", children=(MIRROR,)))
    strange = ChildProfile(selectors("10.66.0.0/16"), selectors("10.77.0.0/16"))
    mine, theirs = (net.hosts[name].profile for name in ("moon", "sun"))
    net.configure("sun", replace(theirs, children=(strange,)))
    net.initiate("moon")
    # nothing of it fits: all four pairs are tried, and then it has failed
    assert net.seen(Failed, "moon")[-1].child == WIDE
    assert notes(net)[0] == "the peer answered TS_UNACCEPTABLE: asking for 4 children, one a pair"
    assert len(net.up("moon")) == 1
    assert mine.children == (WIDE,)


def test_a_child_wanted_twice_is_asked_for_once() -> None:
    net = both()
    for _ in range(3):
        net.tell("moon", ChildWanted(net.up("moon")[0], WIDE))
    net.sleep(5)
    assert said(net, "moon", CREATE) == ["> SA No TSi TSr"]
    assert net.drops("moon") == ["not_wanted"] * 2


def test_the_peer_may_have_made_it_before_our_turn_comes() -> None:
    net = both()
    net.tell("sun", ChildWanted(net.up("sun")[0], MIRROR))
    net.settle()
    net.tell("moon", ChildWanted(net.up("moon")[0], WIDE))
    assert net.drops("moon") == ["not_wanted"]


def test_pairs_are_of_one_ip_version() -> None:
    mixed = ChildProfile(
        selectors("10.1.0.0/24", "fd01::/64"), selectors("10.2.0.0/24", "fd02::/64")
    )
    assert [str(pair) for pair in pairs_of(mixed)] == [
        "10.1.0.0/24 === 10.2.0.0/24",
        "fd01::/64 === fd02::/64",
    ]


def test_an_ike_sa_that_is_closing_makes_no_child() -> None:
    net = tunnel()
    net.lose = lambda _: True
    net.tell("moon", CloseWanted(net.up("moon")[0]))
    net.tell("moon", ChildWanted(net.up("moon")[0], WIDE))
    assert net.drops("moon") == ["not_wanted"]
