"""A batch starts empty, and none shares its lists with another."""

from esp.batch import Batch, Opened


def test_nothing_has_become_of_nothing() -> None:
    batch, opened = Batch(), Opened()
    assert (batch.sealed, batch.inward, batch.acquires, batch.limits) == ([], [], [], [])
    assert (opened.inner, opened.moved) == ([], [])


def test_batches_share_nothing() -> None:
    one, other = Batch(), Batch()
    one.inward.append(b"an ICMP error")
    assert other.inward == []
