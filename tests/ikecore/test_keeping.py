"""Who acts in the table of an endpoint, and what a bug in one SA costs: that SA."""

from collections.abc import Callable

from ikecore.actions import Action, Broken, Closed, Dropped, Failed, Reason
from ikecore.diagnosis import Code, Diagnosis
from ikecore.keeping import Keeping
from ikecore.profile import Limits
from ikecore.table import Standing
from policy.path import Path
from tests.pair.hosts import MOON, SUN


class Sa:
    sa, spis, connection = b"us", (b"them", b"us"), "net"
    path = Path((MOON, 500), (SUN, 500))
    children: dict[int, object] = {}  # noqa: RUF012 - nobody writes to it

    def fail(self, diagnosis: Diagnosis) -> Failed:
        return Failed(self.connection, self.sa, True, diagnosis)

    def close(self, reason: Reason, now: float) -> list[Action]:
        return [Closed(self.sa, f"{self.connection} at {now}", True, reason)]


class Keeper(Keeping[Sa]):
    def __init__(self) -> None:
        super().__init__(Limits(), lambda _: Standing.UP, lambda _: 7.0)
        self._sas.add_initiator(Sa())
        self._sas.schedule(Sa())

    def let(self, what: Callable[[Sa], list[Action]]) -> list[Action]:
        return self._let_act(Sa(), what, 3.0)


def test_it_answers_for_its_sas() -> None:
    keeper = Keeper()
    assert keeper.has_sa(b"us")
    assert not keeper.has_sa(b"them")
    assert not keeper.has_child(1)
    assert keeper.path_of(b"us") == Sa.path
    assert keeper.path_of(b"them") is None
    assert keeper.next_timeout() == 7.0
    assert keeper.half_open == 0


def test_a_bug_closes_one_sa_with_its_traceback() -> None:
    def bug(sa: Sa) -> list[Action]:
        raise KeyError(sa.connection)

    assert Keeper().let(lambda _: [Dropped("fine")]) == [Dropped("fine")]
    broken, failed, closed = Keeper().let(bug)
    assert isinstance(broken, Broken)
    assert "KeyError" in broken.traceback
    assert isinstance(failed, Failed)
    assert failed.diagnosis.code is Code.INTERNAL_ERROR
    assert closed == Closed(b"us", "net at 3.0", True, Reason.INTERNAL_ERROR)
