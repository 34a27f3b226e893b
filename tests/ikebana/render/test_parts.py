"""The parts of a page, of enumerations and handlers made up here and of a package that is there."""

from collections.abc import Callable, Mapping
from enum import Enum, IntEnum

from ikebana.render import parts
from ikebana.render.parts import (
    classes,
    code,
    module_of,
    notifies,
    requests,
    sources_of,
    states,
    summary,
    table,
    waiting,
)
from ikev2 import exchanges


class Lamp(Enum):
    """Two states."""

    OFF = "dark | cold"
    ON = "shines"


class Told(IntEnum):
    """Two notifies."""

    NO = 7
    YES = 20_000


def press(count: int) -> int:
    """Turn ``count`` times.

    Not all of it is told.
    """
    return count


class Idle:
    """Wait for nothing."""

    def heard(self) -> None:
        """Pass over."""

    def seen(self) -> None:
        """Look away."""


class Waiter(Idle):
    """Wait for a word."""

    def heard(self) -> None:
        """Take it."""


def test_a_table_has_a_head_and_keeps_bars_apart() -> None:
    lines = list(table(("a", "b"), [("1|2", "3")]))
    assert lines == ["| a | b |", "|---|---|", "| 1\\|2 | 3 |", ""]


def test_states_are_told_with_where_they_are_entered() -> None:
    sources = {"one": "def go(lamp):\n    lamp.become(Lamp.ON, 'why')\n"}
    assert list(states(Lamp, sources))[2:4] == [
        "| `OFF` | dark \\| cold |  |",
        "| `ON` | shines | `one: go` |",
    ]


def test_handlers_are_told_by_state_and_exchange() -> None:
    handlers: Mapping[tuple[Lamp, int], Callable[..., object]] = {(Lamp.ON, Told.YES): press}
    lines = list(requests(Lamp, Told, handlers))
    assert lines[0] == "| state | YES |"
    assert lines[2:4] == ["| `OFF` | dropped |", "| `ON` | `press` |"]
    module = __name__.partition(".")[2]
    assert lines[-2] == f"| `press` | `{module}` | Turn `count` times. |"


def test_who_waits_is_told_with_what_it_takes_itself() -> None:
    lines = list(waiting(Idle, [Waiter, Lamp]))
    assert [line.partition("(")[0].strip() for line in lines] == [
        "* `Waiter`",
        "* `heard`: Take it.",
        "",
    ]


def test_notifies_are_told_by_who_sends_and_who_heeds() -> None:
    sources = {"one": "def go():\n    Notify(Told.YES)\n", "two": "KNOWN = Told.NO\n"}
    lines = list(notifies(Told, lambda kind: kind < 100, sources, frozenset({"Notify"})))
    assert lines[2:4] == [
        "| 7 | NO | error | no | yes | `two` |",
        "| 20000 | YES | status | yes | no | `one` |",
    ]


def test_a_package_is_read_module_by_module() -> None:
    assert "class DeleteChild" in sources_of(exchanges)["exchanges.delete_child"]
    assert {one.__name__ for one in classes(exchanges)} >= {"Probe", "RekeyChild"}


def test_names_are_told_as_code_and_without_their_package() -> None:
    assert code(press) == "`press`"
    assert module_of(parts.table) == "`render.parts`"
    assert summary(press) == "Turn `count` times."
