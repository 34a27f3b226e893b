"""All ISAKMP SAs of one process."""

from ikecore.actions import Broken, Dropped, Failed
from ikecore.diagnosis import Code
from ikecore.events import (
    AddressesChanged,
    Authorized,
    ChildCloseWanted,
    ChildrenHeard,
    CloseAllWanted,
    CloseWanted,
    DatagramReceived,
    Event,
    Initiate,
    PathChanged,
    RekeyWanted,
    Unreachable,
)
from ikecore.profile import Limits
from policy.path import Path
from suites.secret import Secret

from .network import MOON, SUN, Network, quiet

PATH = Path((SUN, 500), (MOON, 500))
NOBODY = b"nobody's"


def test_events_for_nobody_are_dropped() -> None:
    net = Network(quiet("moon"), quiet("sun"))
    events: list[Event] = [
        CloseWanted(NOBODY),
        Authorized(NOBODY, Secret(b"x")),
        RekeyWanted(4711, "age"),
        ChildCloseWanted(4711),
    ]
    for event in events:
        assert net.tell("sun", event) == [Dropped("no_sa")]


def test_events_for_all_are_taken_without_any_sa() -> None:
    net = Network(quiet("moon"), quiet("sun"))
    events: list[Event] = [
        ChildrenHeard(frozenset((1, 2))),
        CloseAllWanted("nobody"),
        AddressesChanged(frozenset((SUN,)), {}),
        PathChanged(4711, (MOON, 500)),
        Unreachable(MOON, "no route to host"),
    ]
    for event in events:
        assert net.tell("sun", event) == []


def test_stumps_other_versions_and_unknown_cookies_are_dropped_without_an_answer() -> None:
    net = Network(quiet("moon"), quiet("sun"))
    for data in (b"", b"\x00" * 27, bytes(17) + b"\x20" + bytes(10), NOBODY * 2 + bytes(20)):
        actions = net.tell("sun", DatagramReceived(data, PATH))
        assert [type(one) for one in actions] == [Dropped]


def test_what_can_be_asked() -> None:
    net = Network(quiet("moon"), quiet("sun"))
    net.initiate("moon")
    endpoint, (sa,) = net.hosts["moon"].endpoint, net.up("moon")
    (spi,) = net.hosts["moon"].children
    assert endpoint.has_sa(sa)
    assert endpoint.has_child(spi)
    assert not endpoint.has_child(1)
    assert endpoint.path_of(sa) == Path((MOON, 500), (SUN, 500))
    assert endpoint.path_of(NOBODY) is None
    assert endpoint.knows(SUN)
    assert not endpoint.knows("203.0.113.9")
    assert endpoint.remotes == {SUN}
    assert endpoint.half_open == 0


def test_there_are_no_more_sas_than_allowed() -> None:
    net = Network(quiet("moon"), quiet("sun"), limits={"moon": Limits(ike_sas=1)})
    net.initiate("moon")
    (failed,) = net.tell("moon", Initiate(quiet("moon"), PATH.reversed))
    assert isinstance(failed, Failed)
    assert failed.diagnosis.code is Code.LIMIT_REACHED


def test_a_bug_closes_one_sa_and_is_told() -> None:
    net = Network(quiet("moon"), quiet("sun"))
    nonsense = quiet("moon", ike=("aes128gcm16-prfsha256-x25519",))  # nothing IKEv1 can say
    event = Initiate(nonsense, PATH.reversed)
    actions = net.hosts["moon"].endpoint.handle(event, net.now)
    assert any(isinstance(one, Broken) for one in actions)
    net.initiate("moon")
    assert len(net.up("sun")) == 1


def test_closing_all_tells_the_peer() -> None:
    net = Network(quiet("moon"), quiet("sun"))
    net.initiate("moon")
    net.tell("moon", CloseAllWanted("net"))
    net.settle()
    assert not net.up("sun")
    assert not net.hosts["sun"].children
