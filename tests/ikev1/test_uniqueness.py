"""Which of several ISAKMP SAs with one peer counts."""

from dataclasses import replace

from ikecore.actions import Closed, Established, Reason
from ikecore.diagnosis import Code
from ikecore.events import RekeyIkeWanted
from ikecore.profile import Uniqueness

from .network import Network, quiet


def test_both_starting_at_once_end_with_one_sa_and_one_child() -> None:
    for seed in range(8):
        net = Network(quiet("moon"), quiet("sun"), seed=seed)
        net.initiate("moon", settle=False)
        net.initiate("sun")
        net.sleep(30)
        assert len(net.up("moon")) == len(net.up("sun")) == 1, seed
        assert net.pairs("moon") == net.pairs("sun"), seed
        assert len(net.hosts["moon"].children) == len(net.hosts["sun"].children) == 1, seed


def test_a_new_phase_1_with_the_same_peer_takes_the_children_over() -> None:
    net = Network(quiet("moon"), quiet("sun"))
    net.initiate("moon")
    (old,) = net.up("moon")
    children = set(net.hosts["sun"].children)
    net.tell("moon", RekeyIkeWanted(old, "a test wants it"))
    net.settle()
    assert net.seen(Established, "moon")[-1].replaces == old
    assert len(net.up("sun")) == 1
    assert set(net.hosts["sun"].children) == children


def test_a_peer_that_lost_everything_replaces_its_old_sa() -> None:
    net = Network(quiet("moon"), quiet("sun"))
    net.initiate("moon")
    net.restart("moon")
    net.initiate("moon")
    net.sleep(10)
    assert [c.reason for c in net.seen(Closed, "sun")] == [Reason.REPLACED]
    assert len(net.up("sun")) == 1
    assert len(net.hosts["sun"].children) == 1


def test_the_older_one_stays_where_that_is_wanted() -> None:
    keep = quiet("sun", uniqueness=Uniqueness.KEEP)
    net = Network(quiet("moon"), keep)
    net.initiate("moon")
    net.initiate("moon")
    net.sleep(5)
    assert Code.ANOTHER_STAYS in net.codes("sun")
    assert len(net.up("sun")) == 1


def test_both_stay_where_that_is_wanted() -> None:
    never = replace(quiet("sun"), uniqueness=Uniqueness.NEVER)
    net = Network(quiet("moon", uniqueness=Uniqueness.NEVER), never)
    net.initiate("moon")
    net.initiate("moon")
    net.sleep(5)
    assert len(net.up("sun")) == 2
