from collections.abc import Iterator
from dataclasses import replace

import pytest

from ikebana.daemon.orders import RouteState
from ikecore.actions import AskLease, Assigned, Broken, ChildClosed, Closed, Reason
from ikecore.events import Refused
from ikecore.lease import Lease
from ikecore.trace import Retransmitted
from policy.treatment import PLAIN, Treatment
from tests.ikebana.daemon.test_tell import SA, child, established
from tests.ikebana.daemon.world import MOON, Box, World, connection


@pytest.fixture
def moon() -> Iterator[Box]:
    with World() as world:
        box = world.moon
        box.start(box.plan(connection(MOON, 'initiation = "passive"')))
        yield box


def test_a_report_gets_into_the_log_the_books_and_the_connection(moon: Box) -> None:
    seen: list[object] = []
    moon.outlet.watchers.append(lambda _, what: seen.append(what))
    moon.outlet.report(established())
    moon.outlet.report(child(narrowed=False))
    assert moon.tunnel.core.state.is_up
    assert list(moon.tunnel.established_at) == [SA]
    assert moon.tunnel.counts[0x1000].since == moon.clock.now
    assert [line.text[:14] for line in moon.lines("net")] == ["IKE SA establi", "CHILD_SA estab"]
    assert seen[:2] == [established(), child(narrowed=False)]


def test_what_is_gone_leaves_no_books(moon: Box) -> None:
    moon.outlet.report(established())
    moon.outlet.report(child(narrowed=False))
    moon.outlet.report(ChildClosed(SA, "net", 0x1000))
    moon.outlet.report(Closed(SA, "net", True, Reason.DELETED))
    assert moon.tunnel.counts == {}
    assert moon.tunnel.established_at == {}


def test_a_report_for_nobody_is_told_and_no_more(moon: Box) -> None:
    moon.outlet.report(replace(established(), connection="gone"))
    assert [line.connection for line in moon.lines()] == ["gone"]


def test_the_key_is_for_connections_that_may_come_up(moon: Box) -> None:
    assert moon.outlet.key_of("net") == moon.tunnel.plan.psk
    assert moon.outlet.key_of("gone") is None
    moon.gateway.down(moon.tunnel)
    assert moon.outlet.key_of("net") is None
    assert moon.routes["net"] is RouteState.BLOCKED


def test_packets_are_wrapped_as_the_connection_has_it() -> None:
    with World() as world:
        box = world.moon
        box.start(box.plan(connection(MOON, 'initiation = "passive"\npackets.dscp = 46')))
        assert box.outlet.treatment_of("net") == Treatment(dscp=46)
        assert box.outlet.treatment_of("gone") == PLAIN


def test_an_inner_address_comes_and_goes_with_its_sa(moon: Box) -> None:
    moon.outlet.report(established())
    moon.outlet.assigned(Assigned(SA, "net", Lease("10.9.0.7")))
    assert moon.inner == {"10.9.0.7"}
    assert moon.route_story[-1] == "begin net"
    assert moon.outlet.answer(AskLease(SA, "net", "alice")) == Refused(SA)
    moon.outlet.report(Closed(SA, "net", True, Reason.DELETED))
    assert moon.inner == frozenset()


def test_a_tunnel_that_was_taken_out_begins_no_routes_anew(moon: Box) -> None:
    moon.outlet.report(established())
    moon.outlet.assigned(Assigned(SA, "net", Lease("10.9.0.7")))
    moon.gateway.apply(moon.plan())
    story = moon.route_story[:]
    moon.outlet.report(Closed(SA, "net", True, Reason.DELETED))
    assert [line for line in moon.route_story[len(story) :] if line.startswith("begin")] == []
    assert moon.inner == frozenset()


def test_records_are_kept_and_shown_and_bugs_are_told(moon: Box) -> None:
    seen: list[object] = []
    moon.outlet.watchers.append(lambda _, what: seen.append(what))
    again = Retransmitted("net", SA)
    moon.outlet.trace(again)
    assert seen == [again]
    moon.outlet.broken(Broken(SA, "net", "Traceback\nValueError"))
    assert [line.text for line in moon.lines("net")][-2:] == ["Traceback", "ValueError"]
    assert moon.outlet.tally.drops() == {"ike_internal_error": 1}
