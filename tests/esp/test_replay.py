"""The window against a model that remembers everything."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esp.replay import ReplayWindow

NEAR = st.integers(1, 300) | st.integers(2**32 - 40, 2**32 + 40) | st.integers(1, 2**64 - 1)


# mostly in order, as on a real path: steps from the newest number so far
STEPS = st.sampled_from([1, 1, 1, 1, 1, 2, 5, 70, -1, -2, -3, -7, -40, 0, 2**31])


@given(st.integers(1, 128), st.lists(NEAR, max_size=100), st.lists(STEPS, max_size=300))
def test_agrees_with_a_set(size: int, numbers: list[int], steps: list[int]) -> None:
    newest = 0
    for step in steps:
        numbers.append(max(1, newest + step))
        newest = max(newest, numbers[-1])
    window, seen, top = ReplayWindow(size), set(), 0
    for seq in numbers:
        fresh = seq not in seen and seq > top - size
        assert window.is_fresh(seq) == fresh
        assert window.accept(seq) == fresh
        if fresh:
            seen.add(seq)
            top = max(top, seq)
        assert window.top == top


@given(
    st.sampled_from([0, 32, 64, 1024]),
    st.lists(st.tuples(st.integers(1, 80), st.integers(1, 100)), max_size=8),
    st.lists(st.integers(1, 900), max_size=8),
)
def test_a_run_is_recorded_as_its_numbers_one_by_one(
    size: int, runs: list[tuple[int, int]], late: list[int]
) -> None:
    one, other = ReplayWindow(size), ReplayWindow(size)
    for ahead, count in runs:
        first = one.top + ahead
        one.accept_run(first, count)
        for seq in range(first, first + count):
            other.accept(seq)
        for seq in late:
            assert one.is_fresh(seq) == other.is_fresh(seq)
            assert one.accept(seq) == other.accept(seq)
        assert one.top == other.top


@given(st.integers(1, 2**40), st.integers(-1000, 2**30))
def test_widen_finds_the_number_near_the_window(top: int, offset: int) -> None:
    window = ReplayWindow(1024)
    window.accept(top)
    seq = max(1, top + offset)
    assert window.widen(seq & 0xFFFFFFFF) == seq


def test_number_zero_is_never_fresh() -> None:
    assert not ReplayWindow(64).is_fresh(0)


@given(st.lists(NEAR, max_size=50))
def test_size_zero_accepts_everything_and_knows_the_newest(numbers: list[int]) -> None:
    window = ReplayWindow(0)
    for seq in [*numbers, *numbers]:
        assert window.is_fresh(seq)
        assert window.accept(seq)
    assert window.top == max(numbers, default=0)


@given(st.integers(2**33, 2**40), st.integers(-(2**31) + 1, 2**31))
def test_size_zero_widens_to_the_nearest(top: int, offset: int) -> None:
    window = ReplayWindow(0)
    window.accept(top)
    assert window.widen((top + offset) & 0xFFFFFFFF) == top + offset


def test_a_negative_size_is_refused() -> None:
    with pytest.raises(ValueError, match="negative"):
        ReplayWindow(-1)
