"""What an SA of either IKE version holds."""

from dataclasses import dataclass
from enum import Enum

from ikecore.actions import ChildClosed, Reason, RemoveChild
from ikecore.child import ChildSpec, Keys
from ikecore.holder import BookedChild, Holder
from ikecore.keywords import parse_proposal
from ikecore.profile import NO_CHILD, ChildProfile
from ikecore.proposals import Protocol, choose
from ikecore.trace import StateChanged
from policy.path import Path
from suites.secret import Secret
from tests.pair.hosts import MOON, SUN, Dice, WatchedPool


class Mood(Enum):
    CALM = "calm"
    BUSY = "busy"


@dataclass
class Child:
    spi: int
    wanted: ChildProfile = NO_CHILD
    is_told: bool = True


class Sa(Holder[Child, Mood]):
    sa, connection, initiator, state = b"us", "net", True, Mood.CALM


def test_what_was_offered_or_dropped_goes_back_to_the_pool() -> None:
    pool = WatchedPool(Dice(1))
    sa = Sa(pool)
    spis = [sa.offer_spi(0.0) for _ in range(3)]
    sa.take_back(spis[0], 0.0)
    sa.children = {spi: Child(spi, is_told=spi == spis[1]) for spi in spis[1:]}
    sa.offered_spis.clear()
    actions = sa.remove_children(Reason.DELETED, 0.0)
    assert not pool.owed
    assert not sa.children
    assert actions == [
        RemoveChild(spis[1]),
        ChildClosed(b"us", "net", spis[1], Reason.DELETED, NO_CHILD),
        RemoveChild(spis[2]),  # nobody had heard of it
    ]


def test_a_change_of_state_is_traced_with_its_reason() -> None:
    sa = Sa(WatchedPool(Dice(1)))
    record = sa.become(Mood.BUSY, "a test wants it").record
    assert record == StateChanged("net", b"us", "calm", "busy", "a test wants it")
    assert sa.state is Mood.BUSY


def test_a_child_changes_what_the_worker_has_of_it_and_keeps_its_spi() -> None:
    none = Keys(Secret(b""), Secret(b""))
    esp = parse_proposal("aes128gcm16", Protocol.ESP)
    settled = choose((esp,), (esp,))
    assert settled is not None
    path = Path((MOON, 500), (SUN, 500))
    spec = ChildSpec("net", b"us", 4711, 4712, settled[0], none, none, (), (), path)
    child = BookedChild(spec, NO_CHILD, b"nonce", True)
    child.change(path=path.reversed)
    assert (child.spi, child.spec.path) == (4711, path.reversed)
