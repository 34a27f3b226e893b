"""What the worker tells of its counters, and when."""

from ikebana.worker.messages import Remove, Report, Traffic
from tests.esp.tunnel import udp4
from tests.ikebana.worker.rig import installs, side, two


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
