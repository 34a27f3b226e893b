"""One child in the books: its clocks, and whose traffic it has."""

from ikecore.profile import ChildProfile
from ikecore.timetable import NEVER
from ikev1.child import ChildState

from .network import selectors
from .told import add_child, up


def test_its_lifetime_begins_when_it_is_told_to() -> None:
    child = add_child(up())
    child.lifetime, child.soft_lifetime = 100.0, 90.0
    child.start_clocks(5.0)
    assert (child.rekey_at, child.ends_at) == (95.0, 105.0)


def test_without_a_lifetime_it_is_never_renewed() -> None:
    child = add_child(up())
    child.start_clocks(5.0)
    assert child.rekey_at == child.ends_at == NEVER


def test_only_one_that_the_peer_has_is_live() -> None:
    live = [add_child(up(), state=state).is_live for state in ChildState]
    assert live == [False, True, False, False]


def test_it_carries_just_its_own_selectors() -> None:
    child = add_child(up())
    own = ChildProfile(child.spec.local_ts, child.spec.remote_ts)
    assert child.carries(own)
    assert not child.carries(ChildProfile(own.local_ts, selectors("0.0.0.0/0")))


def test_what_the_worker_has_is_changed_as_a_whole() -> None:
    child = add_child(up(), standby=True)
    child.change(standby=False, sa=b"another!")
    assert (child.spec.standby, child.spec.sa, child.spi) == (False, b"another!", 0x1001)
