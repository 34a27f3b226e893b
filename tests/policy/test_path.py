"""A path and the same path from the other end."""

from policy.path import Path

MOON, SUN = ("10.99.0.1", 4500), ("10.99.0.2", 4500)


def test_the_other_end_sees_both_ends_swapped() -> None:
    assert Path(MOON, SUN, encapsulated=True).reversed == Path(SUN, MOON, encapsulated=True)


def test_turning_twice_changes_nothing() -> None:
    path = Path(MOON, SUN)
    assert path.reversed.reversed == path


def test_equal_paths_are_one_key() -> None:
    assert len({Path(MOON, SUN), Path(MOON, SUN), Path(MOON, SUN, True)}) == 2
