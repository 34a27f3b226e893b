"""One end of the pair between daemon and worker: messages in and out, never blocking."""

import contextlib
import os
import socket
from array import array
from collections.abc import Iterable, Sequence
from typing import Final

from ikebana.worker.messages import LONGEST, BadMessage, Message, Sockets, pack, unpack

_ANCILLARY: Final = socket.CMSG_SPACE(253 * array("i").itemsize)  # all that SCM_RIGHTS can carry
_BUFFER: Final = 4 * 1024 * 1024


def make_pair() -> tuple[socket.socket, socket.socket]:
    """Return the two ends; message borders are kept (unix(7), SOCK_SEQPACKET)."""
    ends = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    for end in ends:
        end.setblocking(False)
        end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _BUFFER)
    return ends


class Link:
    """Send and receive messages; the far end being gone shows as ``closed``.

    Descriptors reach only an end that ``takes_descriptors``: the worker could otherwise fill the
    daemon's table with them.
    """

    def __init__(self, end: socket.socket, *, takes_descriptors: bool = False) -> None:
        self._end = end
        self._room = _ANCILLARY if takes_descriptors else 0
        self.closed = False
        self.refused = 0  # messages too long, or that did not fit into the far end's queue

    def fileno(self) -> int:
        """Return the descriptor to watch."""
        return self._end.fileno()

    def send(self, message: Message, descriptors: Sequence[int] = ()) -> bool:
        """Queue a message; False when the far end is gone or does not keep up."""
        octets = pack(message)
        if len(octets) > LONGEST:
            self.refused += 1
            return False
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array("i", descriptors))]
        try:
            self._end.sendmsg([octets], rights if descriptors else [])
        except ConnectionError:
            self.closed = True
            return False
        except OSError:
            self.refused += 1
            return False
        return True

    def receive(self) -> tuple[Message, list[int]] | None:
        """Return the next message and its descriptors, None when there is none.

        Raises :exc:`~ikebana.worker.messages.BadMessage` for octets that are none, and for a
        message that does not come with the descriptors it speaks of.
        """
        try:
            octets, ancillary, flags, _ = self._end.recvmsg(LONGEST, self._room)
        except (BlockingIOError, InterruptedError):
            return None
        except OSError:
            self.closed = True
            return None
        descriptors = _descriptors(ancillary)
        if not octets:
            _close(descriptors)
            self.closed = True
            return None
        try:
            if flags & socket.MSG_TRUNC:
                raise BadMessage("longer than any message of ours")
            message = unpack(octets)
            if len(descriptors) != _carried(message):
                raise BadMessage("not the descriptors that it speaks of")
        except BadMessage:
            _close(descriptors)
            raise
        return message, descriptors

    def close(self) -> None:
        """Close this end."""
        self.closed = True
        with contextlib.suppress(OSError):
            self._end.close()


def _descriptors(ancillary: Iterable[tuple[int, int, bytes]]) -> list[int]:
    found = array("i")
    for level, kind, data in ancillary:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
            found.frombytes(data[: len(data) - len(data) % found.itemsize])
    return list(found)


def _carried(message: Message) -> int:
    """Return how many descriptors go with a message."""
    if not isinstance(message, Sockets):
        return 0
    return 1 + len(message.udp) + len(message.raw) + len(message.ah)


def _close(descriptors: list[int]) -> None:
    for descriptor in descriptors:
        with contextlib.suppress(OSError):
            os.close(descriptor)
