"""Sizes on wires whose MTU is known."""

from collections.abc import Iterator

import pytest

from tests.lab.narrow_lab import NarrowLab
from tests.lab.needs import require
from tests.lab.sizes import echo_sizes

pytestmark = pytest.mark.lab
SIZES = (0, 1, 2, 3, 1371, 1372, 1373, 2000, 2999, 3000)


@pytest.fixture(scope="module")
def narrow() -> Iterator[NarrowLab]:
    require("ip", "ethtool")
    with NarrowLab() as made:
        made.narrow(1400)
        yield made


def test_what_must_not_be_cut_is_answered_or_told(narrow: NarrowLab) -> None:
    fates = echo_sizes(narrow["ga"], "10.99.0.2", SIZES, df=True)
    assert not fates.lost, str(fates)
    assert (fates.largest, min(fates.told)) == (1372, 1373)
    fates = echo_sizes(narrow["ga"], "fd99::2", (1351, 1352, 1353, 3000), df=True)
    assert not fates.lost, str(fates)
    assert (fates.largest, min(fates.told)) == (1352, 1353)


@pytest.mark.parametrize("target", ["10.99.0.2", "fd99::2"])
def test_what_may_be_cut_is_answered(narrow: NarrowLab, target: str) -> None:
    assert echo_sizes(narrow["ga"], target, SIZES, df=False).answered == set(SIZES)


def test_nobody_there(narrow: NarrowLab) -> None:
    fates = echo_sizes(narrow["ga"], "10.99.0.77", (1, 2), df=False, rounds=1)
    assert fates.lost == {1, 2}
