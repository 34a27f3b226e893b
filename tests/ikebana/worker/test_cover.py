"""Dummies come at their pace."""

from ikebana.worker.cover import Cover
from ikebana.worker.messages import Remove
from policy.treatment import Treatment
from tests.esp.tunnel import child_pair
from tests.ikebana.worker.rig import installs, two, wait


def test_each_child_has_its_own_pace() -> None:
    slow, _ = child_pair(1, treatment=Treatment(dummy=3))
    fast, _ = child_pair(3, treatment=Treatment(dummy=1))
    never, _ = child_pair(5)
    cover = Cover()
    due = [cover.due((slow, fast, never), float(now)) for now in range(7)]
    assert [slow in each for each in due] == [False, False, False, True, False, False, True]
    assert [fast in each for each in due] == [False] + [True] * 6
    assert not any(never in each for each in due)


def test_who_was_gone_waits_anew() -> None:
    child, _ = child_pair(1, treatment=Treatment(dummy=2))
    cover = Cover()
    assert cover.due((child,), 0.0) == []
    assert cover.due((), 1.0) == []
    assert cover.due((child,), 5.0) == []
    assert cover.due((child,), 7.0) == [child]


def test_dummies_are_sent_when_due_and_dropped_by_the_peer() -> None:
    with two() as (moon, sun):
        order, theirs = installs(moon.at, sun.at, 0x2000, treatment=Treatment(dscp=10, dummy=2))
        moon.worker.handle(order)
        sun.worker.handle(theirs)
        for now in (1.0, 2.0, 3.0, 4.0):
            moon.worker.tick(now)
        sun.take()
        assert (sun.got(), sun.drops()) == ([], {"dummy": 1})
        moon.worker.handle(Remove(1, 0x2000))
        moon.worker.tick(9.0)
        assert not wait(sun.udp, 0)
