from ikebana.daemon.backlog import Backlog
from ikebana.worker.messages import Message, Remove
from tests.ikebana.daemon.clock import Clock


class Pipe:
    """Takes messages while there is room."""

    def __init__(self) -> None:
        self.room = 0
        self.took: list[Message] = []
        self.refuses = -1
        self.clock = Clock()
        self.backlog = Backlog(self._send)

    def _send(self, message: Message) -> bool:
        if self.room <= 0 or message == Remove(self.refuses, 1):
            return False
        self.room -= 1
        self.took.append(message)
        return True

    def send(self, count: int) -> list[bool]:
        return [self.backlog.send(Remove(number, 1)) for number in range(count)]


def test_what_finds_no_room_waits_and_keeps_its_order() -> None:
    pipe = Pipe()
    pipe.backlog.watch(pipe.clock.call_later)
    pipe.room = 2
    assert all(pipe.send(5))
    assert len(pipe.took) == 2
    pipe.room = 1
    pipe.backlog.send(Remove(5, 1))  # does not overtake
    assert len(pipe.took) == 2
    pipe.clock.sleep(0.005)
    pipe.room = 10
    pipe.clock.sleep(0.005)
    assert pipe.took == [Remove(number, 1) for number in range(6)]
    assert pipe.clock.next_timer() == float("inf")


def test_before_there_is_a_loop_nothing_waits() -> None:
    pipe = Pipe()
    assert pipe.send(1) == [False]


def test_what_was_for_a_dead_worker_is_forgotten() -> None:
    pipe = Pipe()
    pipe.backlog.watch(pipe.clock.call_later)
    pipe.send(3)
    pipe.backlog.clear()
    pipe.room = 10
    pipe.clock.sleep(1.0)
    assert pipe.took == []


def test_one_message_without_a_way_through_does_not_block_the_others() -> None:
    pipe = Pipe()
    pipe.backlog.watch(pipe.clock.call_later)
    pipe.room, pipe.refuses = 10, 1
    pipe.send(3)
    pipe.clock.sleep(4.9)
    assert pipe.took == [Remove(0, 1)]
    pipe.clock.sleep(0.2)
    assert pipe.took == [Remove(0, 1), Remove(2, 1)]


def test_a_worker_that_takes_nothing_costs_bounded_memory() -> None:
    pipe = Pipe()
    pipe.backlog.watch(pipe.clock.call_later)
    assert pipe.send(20_001).count(False) == 1
