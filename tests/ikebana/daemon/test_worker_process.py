import os
import select
import signal
from collections.abc import Iterator

import pytest

from ikebana.daemon import priority
from ikebana.daemon.sockets import Sockets
from ikebana.daemon.worker_process import Acknowledgements, WorkerProcess
from ikebana.worker.messages import Chosen, Done, Message, Policies, Remove, Report, Traffic
from tests.ikebana.daemon.ports import free_ports


@pytest.fixture
def worker() -> Iterator[WorkerProcess]:
    """A real process, with one end of a pipe in place of the TUN device."""
    sockets = Sockets(("127.0.0.1",), 0, *free_ports(), with_esp=False)
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    process = WorkerProcess(reading, sockets)
    yield process
    process.end()
    sockets.close()
    os.close(reading)
    os.close(writing)


def heard(worker: WorkerProcess) -> list[Message]:
    """Wait until the worker says something, beside how it has begun."""
    while not worker.is_gone:
        select.select([worker.fileno()], [], [], 30)
        told: list[Message] = [one for one in worker.receive()[0] if not isinstance(one, Chosen)]
        if told:
            return told
    return []


def test_a_worker_answers_from_a_process_of_its_own(worker: WorkerProcess) -> None:
    assert worker.pid != os.getpid()
    assert worker.send(Policies((), ()))
    assert worker.send(Remove(7, 300))
    assert heard(worker) == [Done(7)]
    assert not worker.is_gone


@pytest.mark.parametrize("allowed", [True, False])
def test_a_worker_says_how_it_will_move_packets(allowed: bool) -> None:
    sockets = Sockets(("127.0.0.1",), 0, *free_ports(), with_esp=False)
    reading, writing = os.pipe()
    worker = WorkerProcess(reading, sockets, offload=allowed, vectors=allowed)
    select.select([worker.fileno()], [], [], 30)
    (chosen,) = worker.receive()[0]
    assert isinstance(chosen, Chosen)
    assert set(chosen.means) - {"numpy"} == ({"gso", "gro"} if allowed else set())
    assert allowed or "numpy" not in chosen.means
    worker.end()
    sockets.close()
    os.close(reading)
    os.close(writing)


def test_a_worker_that_is_killed_shows_as_gone(worker: WorkerProcess) -> None:
    os.kill(worker.pid, signal.SIGKILL)
    assert heard(worker) == []
    assert worker.is_gone
    assert not worker.send(Remove(1, 300))


def test_a_worker_ends_by_itself_when_the_pair_closes(worker: WorkerProcess) -> None:
    worker.end()
    assert worker.is_gone
    with pytest.raises(ProcessLookupError):
        os.kill(worker.pid, 0)


def test_a_worker_can_be_ended_without_its_consent(worker: WorkerProcess) -> None:
    os.kill(worker.pid, signal.SIGSTOP)
    worker.kill()
    with pytest.raises(ProcessLookupError):
        os.kill(worker.pid, 0)


def test_an_acknowledgement_reaches_who_waits_for_it_once() -> None:
    acknowledgements = Acknowledgements()
    seen: list[Done | None] = []
    token = acknowledgements.expect(0.0, seen.append)
    acknowledgements.done(Done(token + 1))
    acknowledgements.done(Done(token))
    acknowledgements.done(Done(token))
    assert seen == [Done(token)]
    assert acknowledgements.next_timeout() is None


def test_who_waits_too_long_is_told_so_in_the_order_of_asking() -> None:
    acknowledgements = Acknowledgements(patience=1.0)
    seen: list[str] = []
    acknowledgements.expect(0.0, lambda _: seen.append("first"))
    acknowledgements.expect(0.5, lambda _: seen.append("second"))
    assert acknowledgements.next_timeout() == 1.0
    acknowledgements.handle_timeout(0.99)
    assert seen == []
    acknowledgements.handle_timeout(1.0)
    assert seen == ["first"]
    acknowledgements.fail_all()
    assert seen == ["first", "second"]


def test_a_worker_that_starts_has_longer() -> None:
    acknowledgements = Acknowledgements(patience=1.0)
    seen: list[str] = []
    acknowledgements.fail_all(ready_by=4.0)
    acknowledgements.expect(0.0, lambda _: seen.append("first"))
    acknowledgements.expect(3.5, lambda _: seen.append("second"))
    assert acknowledgements.next_timeout() == 4.0
    acknowledgements.handle_timeout(4.0)
    assert seen == ["first"]
    assert acknowledgements.next_timeout() == 4.5


def test_the_last_counts_of_a_child_come_before_the_end_of_its_removal(
    worker: WorkerProcess,
) -> None:
    assert worker.send(Report())
    assert worker.send(Remove(7, 300))
    told = heard(worker)
    while len(told) < 2:
        told += heard(worker)
    assert [type(message) for message in told] == [Traffic, Done]


def test_a_worker_has_the_priority_it_is_given() -> None:
    sockets = Sockets(("127.0.0.1",), 0, *free_ports(), with_esp=False)
    reading, writing = os.pipe()
    lower = priority.current() + 3
    process = WorkerProcess(reading, sockets, nice=lower)
    try:
        assert os.getpriority(os.PRIO_PROCESS, process.pid) == lower
    finally:
        process.end()
        sockets.close()
        os.close(reading)
        os.close(writing)
