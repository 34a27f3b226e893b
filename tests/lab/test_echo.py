"""Echo requests are counted as they are answered."""

import time

import pytest

from tests.lab.echo import Stream
from tests.lab.topology import Lab

pytestmark = pytest.mark.lab


@pytest.mark.parametrize("target", ["10.99.0.2", "fd99::2"])
def test_answers_are_counted(lab: Lab, target: str) -> None:
    assert lab.ping("ga", target, 20, 0.002) == 0


@pytest.mark.parametrize("target", ["10.2.0.2", "10.99.0.77", "192.0.2.1"])
def test_what_nobody_answers_is_missing(lab: Lab, target: str) -> None:
    assert lab.ping("ga", target, 2) == 2


def test_a_stream_tells_what_was_lost_and_for_how_long(lab: Lab) -> None:
    with Stream(lab["ga"], "10.99.0.2", 0.005) as steady:
        time.sleep(0.5)
    assert 50 < steady.sent <= 101
    assert (steady.lost, steady.gap) == (0, 0.0)
    with Stream(lab["ga"], "10.99.0.2", 0.005) as interrupted:
        time.sleep(0.3)
        lab.loss(99)
        time.sleep(0.5)
        lab.loss(0)
        time.sleep(0.3)
    assert 30 < interrupted.lost < 120
    assert 0.4 < interrupted.gap < 0.7
