"""Echo requests are counted as they are answered."""

import pytest

from tests.lab.topology import Lab

pytestmark = pytest.mark.lab


@pytest.mark.parametrize("target", ["10.99.0.2", "fd99::2"])
def test_answers_are_counted(lab: Lab, target: str) -> None:
    assert lab.ping("ga", target, 20, 0.002) == 0


@pytest.mark.parametrize("target", ["10.2.0.2", "10.99.0.77", "192.0.2.1"])
def test_what_nobody_answers_is_missing(lab: Lab, target: str) -> None:
    assert lab.ping("ga", target, 2) == 2
