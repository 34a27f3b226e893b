import os

import pytest

from ikebana.daemon.supervisor import Supervisor
from ikebana.worker.messages import Acquired, Message, Report
from policy.flow import Flow
from tests.ikebana.daemon.clock import Clock

FLOW = Flow(4, 17, 1, 2, 3, 4)


class FakeProcess:
    """A worker that says what a test puts into it, over a pipe that only wakes the reader."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.said: list[Message] = []
        self.talks_nonsense = False
        self.is_gone = False
        self.killed = False
        self.ended = False
        self.heard: list[Message] = []
        self._pipe = os.pipe()

    def fileno(self) -> int:
        return -1 if self.killed or self.ended else self._pipe[0]

    def send(self, message: Message) -> bool:
        self.heard.append(message)
        return not self.is_gone

    def receive(self) -> tuple[list[Message], bool]:
        said, self.said = self.said, []
        return said, self.talks_nonsense

    def end(self) -> None:
        self.ended = True
        self.close()

    def kill(self) -> None:
        self.killed = self.is_gone = True
        self.close()

    def close(self) -> None:
        for descriptor in self._pipe:
            os.close(descriptor)


class Stage:
    """A supervisor, its workers, and what it told."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.workers: list[FakeProcess] = []
        self.told: list[Message] = []
        self.restarted = 0
        self.refuse = False
        self.supervisor = Supervisor(self._start)
        self.supervisor.watch(self.clock.loop, self.told.append, self._on_restarted)

    def _start(self) -> FakeProcess:
        if self.refuse:
            raise OSError("no more processes")
        self.workers.append(FakeProcess(len(self.workers) + 1))
        return self.workers[-1]

    def _on_restarted(self) -> None:
        self.restarted += 1

    @property
    def worker(self) -> FakeProcess:
        return self.workers[-1]

    def read(self) -> None:
        self.clock.readers[self.worker.fileno()]()

    def die(self) -> None:
        self.worker.is_gone = True
        self.read()


@pytest.fixture
def stage() -> Stage:
    return Stage()


def test_what_the_worker_says_is_passed_on(stage: Stage) -> None:
    stage.worker.said = [Acquired("net", FLOW), Acquired("other", FLOW)]
    stage.read()
    assert stage.told == [Acquired("net", FLOW), Acquired("other", FLOW)]
    assert stage.supervisor.send(Report())
    assert stage.worker.heard == [Report()]
    assert (stage.supervisor.pid, stage.supervisor.restarts) == (1, 0)


def test_a_dead_worker_is_followed_by_another(stage: Stage) -> None:
    stage.die()
    assert stage.workers[0].killed
    assert not stage.supervisor.send(Report())
    stage.clock.sleep(0.0)
    assert (stage.supervisor.pid, stage.supervisor.restarts, stage.restarted) == (2, 1, 1)
    stage.worker.said = [Acquired("net", FLOW)]
    stage.read()
    assert stage.told == [Acquired("net", FLOW)]


def test_what_a_worker_said_before_its_death_counts(stage: Stage) -> None:
    stage.worker.said = [Acquired("net", FLOW)]
    stage.die()
    assert stage.told == [Acquired("net", FLOW)]


def test_a_worker_that_talks_nonsense_is_ended_and_followed_by_another(stage: Stage) -> None:
    stage.worker.talks_nonsense = True
    stage.read()
    assert stage.workers[0].killed
    assert stage.clock.readers == {}
    stage.clock.sleep(0.2)
    assert (stage.supervisor.pid, stage.restarted) == (2, 1)


def test_workers_that_die_young_are_followed_ever_more_slowly(stage: Stage) -> None:
    pauses = []
    for _ in range(8):
        stage.die()
        pauses.append(stage.clock.next_timer() - stage.clock.now)
        stage.clock.sleep(pauses[-1])
    assert pauses == pytest.approx([0.0, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 10.0])
    stage.clock.sleep(2.1)
    stage.die()
    assert stage.clock.next_timer() == stage.clock.now  # it had worked


def test_a_worker_that_cannot_be_started_is_tried_again(stage: Stage) -> None:
    stage.refuse = True
    stage.die()
    stage.clock.sleep(5)
    assert stage.restarted == 0
    stage.refuse = False
    stage.clock.sleep(10)
    assert stage.restarted == 1


def test_the_end_is_the_end(stage: Stage) -> None:
    stage.supervisor.close()
    assert stage.worker.ended
    assert stage.clock.readers == {}
    stage.clock.sleep(100)
    assert len(stage.workers) == 1


def test_the_end_between_two_workers_starts_no_other(stage: Stage) -> None:
    stage.worker.is_gone = True
    stage.clock.readers[stage.worker.fileno()]()
    stage.worker.close = lambda: None  # type: ignore[method-assign]  # closed already
    stage.supervisor.close()
    stage.clock.sleep(100)
    assert len(stage.workers) == 1
