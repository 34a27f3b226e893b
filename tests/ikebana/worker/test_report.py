"""What the worker tells of its counters, and when."""

from collections.abc import Mapping

from esp.child import ChildSa
from esp.counters import OF_SA
from ikebana.worker.children import child_of
from ikebana.worker.messages import LONGEST, Done, Remove, Report, Traffic, pack
from ikebana.worker.report import Reports
from tests.esp.tunnel import udp4
from tests.ikebana.worker.rig import installs, side, two

MOST = 2**63 - 1


def test_asked_the_worker_tells_all_children() -> None:
    with two() as (moon, _):
        moon.worker.handle(Report())
        (traffic,) = moon.said(Traffic)
        assert traffic.children == ((0x1000, 0, 0, 0, 0),)
        assert traffic.counts == moon.worker.counts


def test_by_itself_it_tells_only_those_that_had_traffic() -> None:
    with two() as (moon, sun):
        idle, _ = installs(moon.at, sun.at, 0x5000, "idle")
        moon.worker.handle(idle)
        moon.worker.outbox.clear()
        moon.send(udp4(1), udp4(2))
        moon.worker.report()
        octets = len(udp4(1)) + len(udp4(2))
        assert [one.children for one in moon.said(Traffic)] == [((0x1000, 0, 0, 2, octets),)]
        moon.worker.report()
        assert moon.said(Traffic) == []
        moon.send(udp4(1))
        moon.worker.report()
        (again,) = moon.said(Traffic)
        assert again.children == ((0x1000, 0, 0, 3, octets + len(udp4(1))),)


def test_drops_are_told_though_no_child_changed() -> None:
    with side() as moon:
        moon.send(udp4())
        moon.worker.report()
        (traffic,) = moon.said(Traffic)
        assert (traffic.counts["policy"], traffic.children) == (1, ())
        moon.worker.report()
        assert moon.said(Traffic) == []


def test_more_children_than_a_message_holds_take_several() -> None:
    with side() as moon:
        for number in range(1100):
            moon.worker.handle(installs(moon.at, moon.at, 0x1000 + 2 * number)[0])
        moon.worker.outbox.clear()
        moon.worker.handle(Report())
        told = moon.said(Traffic)
        assert len(told) == 2
        assert len({row[0] for one in told for row in one.children}) == 1100


def test_counters_only_grow() -> None:
    with two() as (moon, sun):
        before = sun.worker.counts
        for step in range(6):
            moon.send(udp4(step), b"\x45", udp4(target="192.0.2.1"))
            sun.take()
            sun.worker.handle(Remove(step, 0x1001) if step == 3 else Report())
            after = sun.worker.counts
            assert all(after[name] >= count for name, count in before.items())
            before = after


def test_what_an_sa_dropped_reaches_the_daemon_and_the_end_of_it_too() -> None:
    with two() as (moon, sun):
        forged = (0x1001).to_bytes(4, "big") + (9).to_bytes(4, "big") + bytes(60)
        for _ in range(2):
            moon.udp.sendto(forged, sun.at)
            sun.take()
        sun.worker.report()
        (traffic,) = sun.said(Traffic)
        assert traffic.drops == ((0x1001, {"integrity": 2}),)
        moon.send(udp4(1))
        sun.take()
        sun.worker.handle(Remove(7, 0x1001))
        last, done = sun.worker.outbox
        assert isinstance(last, Traffic)
        assert (last.counts, last.drops) == ({}, traffic.drops)
        assert last.children == ((0x1001, 1, len(udp4(1)), 0, 0),)
        assert done == Done(7)


def some(count: int) -> dict[int, ChildSa]:
    ends = ("192.0.2.1", 4500), ("192.0.2.2", 4500)
    orders = (installs(*ends, spi)[0] for spi in range(0xF0000000, 0xF0000000 + count))
    return {order.inbound_spi: child_of(order) for order in orders}


def told(
    reports: Reports, children: Mapping[int, ChildSa], counts: dict[str, int] | None = None
) -> list[Traffic]:
    return reports.due(counts or {}, children)[0]


def test_what_a_child_dropped_is_told_when_it_changed_though_nothing_passed() -> None:
    reports, children = Reports(), some(2)
    one, _ = children.values()
    assert told(reports, children) == []
    one.drops["replay"] = 2
    assert told(reports, children) == [Traffic({}, (), ((one.inbound.spi, {"replay": 2}),))]
    assert told(reports, children) == []
    one.drops["replay"] = 3
    assert [message.drops for message in told(reports, children)] == [
        ((one.inbound.spi, {"replay": 3}),)
    ]


def test_what_was_told_does_not_change_with_the_child() -> None:
    reports, children = Reports(), some(1)
    (one,) = children.values()
    one.drops["replay"] = 2
    (message,) = told(reports, children)
    one.drops["replay"] = 9
    assert message.drops[0][1] == {"replay": 2}


def test_the_last_word_of_a_child_has_all_of_it_and_says_nothing_of_the_worker() -> None:
    reports, children = Reports(), some(1)
    (one,) = children.values()
    one.drops["integrity"] = 1
    spi = one.inbound.spi
    assert reports.last(one) == Traffic({}, ((spi, 0, 0, 0, 0),), ((spi, {"integrity": 1}),))


def test_those_that_had_traffic_are_named_once() -> None:
    reports, children = Reports(), some(2)
    one, _ = children.values()
    one.seal(udp4(1), 4)
    assert reports.due({}, children)[1] == [one]
    assert reports.due({}, children)[1] == []


def test_the_largest_report_fits_into_its_messages() -> None:
    reports, children = Reports(), some(2500)
    for child in children.values():
        child.drops.update(dict.fromkeys(OF_SA, MOST))
        child.inbound.packets = child.inbound.octets = MOST
        child.outbound.octets = MOST
    messages, _ = reports.due(dict.fromkeys(map(str, range(60)), MOST), children)
    assert max(len(pack(message)) for message in messages) <= LONGEST
    assert {row[0] for one in messages for row in one.children} == set(children)
    assert {row[0] for one in messages for row in one.drops} == set(children)
