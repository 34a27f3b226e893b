"""A network namespace per test: nothing of the host is touched."""

import os
import select
import socket
from collections.abc import Callable, Iterator

import pytest

from tests.lab.needs import require
from tundev.namespaces import Namespace, Namespaces


@pytest.fixture
def spaces() -> Iterator[Namespaces]:
    require()
    with Namespaces(f"tundev{os.getpid()}") as made:
        yield made


@pytest.fixture
def inside(spaces: Namespaces) -> Iterator[Namespace]:
    """The test's own thread, put into a fresh namespace."""
    space = spaces.add("t")
    with space.enter():
        yield space


@pytest.fixture
def readable() -> Callable[[socket.socket | int], bool]:
    """Wait until there is something to read (or an error queued), at most two seconds."""

    def wait(thing: socket.socket | int) -> bool:
        poll = select.poll()
        poll.register(thing, select.POLLIN | select.POLLERR)
        return bool(poll.poll(2000))

    return wait
