"""The timetable against a plain dictionary."""

from hypothesis import given
from hypothesis import strategies as st

from ikecore.timetable import NEVER, Timetable

STEPS = st.lists(
    st.tuples(st.sampled_from("abc"), st.integers(0, 20) | st.just(NEVER) | st.none()), max_size=40
)


@given(STEPS)
def test_every_key_is_called_at_its_latest_time_and_only_once(
    steps: list[tuple[str, float | None]],
) -> None:
    table, model = Timetable[str](), dict[str, float]()
    for key, at in steps:
        if at is None:
            table.cancel(key)
            model.pop(key, None)
        else:
            table.plan(key, at)
            model[key] = at
    for now in range(22):
        called = set()
        while (due := table.pop_due(now)) is not None:
            called.add(due)
        assert called == {key for key, at in model.items() if at <= now}
        model = {key: at for key, at in model.items() if at > now}
    assert table.next_due() is None


def test_the_next_time_is_never_later_than_the_earliest_key() -> None:
    table = Timetable[str]()
    table.plan("a", 5.0)
    table.plan("b", 3.0)
    assert table.next_due() == 3.0
    table.plan("b", 9.0)
    assert table.pop_due(4.0) is None
    assert table.next_due() == 5.0
