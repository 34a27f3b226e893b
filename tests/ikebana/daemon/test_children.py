from ikebana.config.compile import Tries
from ikebana.daemon.children import Children
from ikecore.actions import ChildEstablished
from ikecore.profile import NO_CHILD, ChildProfile
from ikecore.timetable import NEVER
from policy.flow import Flow
from policy.selectors import TrafficSelector
from tests.ikebana.daemon.lives import ESP, LOCAL, Fixed

SA, NEXT = b"1" * 8, b"2" * 8


def profile(net: str) -> ChildProfile:
    return ChildProfile(LOCAL, (TrafficSelector.from_cidr(net),))


TWO = ONE, OTHER = profile("10.2.1.0/24"), profile("10.2.2.0/24")


def up(spi: int, child: ChildProfile, sa: bytes = SA, replaces: int = 0) -> ChildEstablished:
    ts = child.local_ts, child.remote_ts
    return ChildEstablished(
        sa, "net", spi, spi + 1, ESP, *ts, False, 0.0, child=child, replaces=replaces
    )


def children() -> Children:
    return Children(TWO, Tries(), Fixed())


def test_wishes_are_fulfilled_by_what_is_the_same_or_part_of_them() -> None:
    kids = children()
    kids.add(up(300, OTHER))
    assert (kids.count_up, kids.all_up, kids.any_on(SA), kids.any_on(NEXT)) == (
        1,
        False,
        True,
        False,
    )
    kids.add(up(301, profile("10.2.1.9/32")))
    assert kids.all_up
    assert kids.wish_of(NO_CHILD).child == ONE


def test_a_wish_is_lost_with_the_last_child_that_fulfils_it() -> None:
    kids = children()
    kids.add(up(300, ONE))
    kids.add(up(301, ONE))
    assert kids.remove(300) is None
    assert kids.remove(300) is None
    lost = kids.remove(301)
    assert lost is not None
    assert lost.child == ONE
    assert not kids.any_up


def test_a_rekeyed_child_takes_the_old_ones_place() -> None:
    kids = children()
    kids.add(up(300, ONE))
    kids.add(up(301, ONE, replaces=300))
    assert [child.inbound_spi for child in kids.up] == [301]
    assert kids.remove(300) is None
    assert kids.count_up == 1


def test_children_follow_a_rekeyed_ike_sa_and_go_with_a_dead_one() -> None:
    kids = children()
    kids.add(up(300, ONE))
    kids.move(SA, NEXT)
    assert kids.any_on(NEXT)
    kids.remove_all(SA)
    assert kids.any_up
    kids.remove_all(NEXT)
    assert not kids.any_up


def test_one_is_made_at_a_time_in_order_and_what_failed_waits_for_its_turn() -> None:
    kids = children()
    kids.call(10.0)
    assert kids.next_due(9.9) is None
    first = kids.next_due(10.0)
    assert first is not None
    kids.ask(first, 70.0)
    assert kids.next_due(10.0) is None
    assert kids.asked_until == 70.0
    kids.fail(first, 10.0)
    second = kids.next_due(10.0)
    assert second is not None
    assert (first.child, second.child) == TWO
    kids.add(up(300, OTHER))
    assert kids.next_at() == 12.0
    assert kids.failures == 1
    kids.rest()
    assert (kids.next_at(), kids.is_planned) == (NEVER, False)


def test_what_is_up_on_one_ike_sa_is_missing_on_the_next() -> None:
    kids = children()
    kids.add(up(300, ONE))
    assert [wish.child for wish in kids.missing()] == [OTHER]
    assert [wish.child for wish in kids.missing(NEXT)] == list(TWO)


def test_a_flow_finds_the_wish_that_carries_it() -> None:
    kids = children()
    target = TrafficSelector.from_cidr("10.2.2.9/32").start
    flow = Flow(4, 6, LOCAL[0].start, target, 1, 2)
    assert kids.wish_for(flow).child == OTHER
    assert kids.wish_for(Flow(6, 6, 1, 2, 1, 2)).child == ONE


def test_what_failed_counts_as_failed_only_while_it_is_tried() -> None:
    kids = children()
    wish = kids.wishes[0]
    for _ in range(4):
        kids.fail(wish, 10.0)
    assert kids.has_failed
    kids.rest()
    assert not kids.has_failed
    kids.forget_failures()
    assert kids.failures == 0


def test_nothing_planned_comes_before_the_time_it_is_postponed_to() -> None:
    kids = children()
    kids.wishes[0].tries.at = 10.0
    kids.postpone(12.0)
    assert [wish.tries.at for wish in kids.wishes] == [12.0, NEVER]
    assert kids.first().child == ONE
