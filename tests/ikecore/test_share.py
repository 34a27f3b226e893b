import pytest

from ikecore.share import soft_share


class Octets:
    """Entropy that gives the same two octets."""

    def __init__(self, value: int) -> None:
        self._value = value

    def octets(self, count: int) -> bytes:
        return self._value.to_bytes(count, "big")


@pytest.mark.parametrize(
    ("value", "early", "share"),
    [(0, True, 0.9), (0xFFFF, True, 0.85), (0, False, 0.95), (0xFFFF, False, 0.9)],
)
def test_the_ends_of_both_ranges(value: int, early: bool, share: float) -> None:
    assert soft_share(Octets(value), early=early) == pytest.approx(share)


def test_who_made_the_sa_is_never_later_than_the_other_end() -> None:
    mine = [soft_share(Octets(n * 257), early=True) for n in range(256)]
    theirs = [soft_share(Octets(n * 257), early=False) for n in range(256)]
    assert max(mine) <= min(theirs) + 1e-9
    assert len(set(mine)) == 256  # they do not come due together
