"""The router in the wan: it passes what fits, cuts or tells of the rest."""

import re
from collections.abc import Iterator

import pytest

from tests.lab.narrow_lab import NarrowLab
from tests.lab.needs import require

pytestmark = pytest.mark.lab


@pytest.fixture(scope="module")
def narrow() -> Iterator[NarrowLab]:
    require("ip", "ethtool", "ping")
    with NarrowLab() as made:
        yield made


def told(lab: NarrowLab, target: str, octets: int, *options: str) -> str:
    argv = ["ping", "-n", "-c", "1", "-W", "1", "-s", str(octets), *options, target]
    return lab.run("ga", argv)[1]


def test_as_wide_as_any_wire(narrow: NarrowLab) -> None:
    narrow.narrow(1500)
    for target, octets in (("10.99.0.2", 1472), ("fd99::2", 1452)):
        assert "1 received" in told(narrow, target, octets, "-M", "do")


@pytest.mark.parametrize("mtu", [1400, 1280, 576])
def test_too_large_is_told_or_cut(narrow: NarrowLab, mtu: int) -> None:
    narrow.narrow(mtu)
    assert "1 received" in told(narrow, "10.99.0.2", mtu - 28, "-M", "do")
    assert f"mtu = {mtu}" in told(narrow, "10.99.0.2", mtu - 27, "-M", "do")
    assert "1 received" in told(narrow, "10.99.0.2", 3000, "-M", "dont")
    mtu6 = max(mtu, 1280)
    assert "1 received" in told(narrow, "fd99::2", mtu6 - 48, "-M", "do")
    assert re.search(f"mtu[=: ]+{mtu6}", told(narrow, "fd99::2", mtu6 - 47, "-M", "do"))
