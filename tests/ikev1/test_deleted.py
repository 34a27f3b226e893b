"""Deletes that come before what they are about."""

from ikecore.diagnosis import Code
from ikev1.deleted import Deleted
from tests.pair.scene import assert_sound, close_child, rekey

from .network import said
from .tunnel import QUICK, connect

LATE = 0.3  # later than any exchange takes, sooner than anything is sent again


def test_what_was_deleted_is_known_for_a_minute() -> None:
    deleted = Deleted()
    assert not deleted.has(1, 0.0)
    deleted.note(1, 0.0)
    assert deleted.has(1, 59.9)
    assert not deleted.has(1, 60.0)
    assert not deleted.has(2, 0.0)


def test_only_so_many_are_remembered_the_newest() -> None:
    deleted = Deleted()
    for spi in range(1, 1000):
        deleted.note(spi, 0.0)
    assert len(deleted) == 64
    assert deleted.has(999, 1.0)
    assert not deleted.has(1, 1.0)


def test_an_sa_remembers_what_the_one_did_that_it_replaces() -> None:
    older, newer = Deleted(), Deleted()
    for spi in range(64):
        older.note(spi, float(spi))
    newer.note(1000, 70.0)
    newer.absorb(older)
    assert newer.has(1000, 71.0)
    assert newer.has(63, 71.0)
    assert len(newer) == 64


def test_a_delete_overtakes_the_first_message_of_its_quick_mode() -> None:
    net = connect()
    net.delay_when(said("moon", QUICK, 3), LATE)
    rekey(net, "moon")
    close_child(net, "moon")
    net.sleep(30)
    assert net.hosts["moon"].children == net.hosts["sun"].children == {}
    assert "deleted" in net.drops("sun")
    net.traffic.streams.clear()
    assert_sound(net)


def test_a_delete_overtakes_the_second_message_of_its_quick_mode() -> None:
    net = connect()
    (old,) = net.hosts["sun"].children
    net.delay_when(said("sun", QUICK, 2), LATE)
    rekey(net, "moon")
    net.sleep(0.02)
    close_child(net, "sun", old)
    net.sleep(30)
    assert net.hosts["moon"].children == net.hosts["sun"].children == {}
    assert net.codes("moon") == [Code.PEER_DELETED]
    net.traffic.streams.clear()
    assert_sound(net)
