"""One end of the pair between daemon and worker: messages in and out, never blocking."""

import contextlib
import socket
from array import array
from collections.abc import Sequence
from typing import Final

from ikebana.worker.messages import LONGEST, BadMessage, Message, pack, unpack

_ANCILLARY: Final = socket.CMSG_SPACE(64 * array("i").itemsize)
_BUFFER: Final = 4 * 1024 * 1024


def make_pair() -> tuple[socket.socket, socket.socket]:
    """Return the two ends; message borders are kept (unix(7), SOCK_SEQPACKET)."""
    ends = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    for end in ends:
        end.setblocking(False)
        end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _BUFFER)
    return ends


class Link:
    """Send and receive messages; the far end being gone shows as ``closed``."""

    def __init__(self, end: socket.socket) -> None:
        self._end = end
        self.closed = False
        self.refused = 0  # messages that did not fit into the far end's queue

    def fileno(self) -> int:
        """Return the descriptor to watch."""
        return self._end.fileno()

    def send(self, message: Message, descriptors: Sequence[int] = ()) -> bool:
        """Queue a message; False when the far end is gone or does not keep up."""
        octets = pack(message)
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array("i", descriptors))]
        try:
            self._end.sendmsg([octets], rights if descriptors else [])
        except (BlockingIOError, InterruptedError):
            self.refused += 1
            return False
        except OSError:
            self.closed = True
            return False
        return True

    def receive(self) -> tuple[Message, list[int]] | None:
        """Return the next message and its descriptors, None when there is none.

        Raises :exc:`~ikebana.worker.messages.BadMessage` for octets that are none.
        """
        try:
            octets, ancillary, flags, _ = self._end.recvmsg(LONGEST, _ANCILLARY)
        except (BlockingIOError, InterruptedError):
            return None
        except OSError:
            self.closed = True
            return None
        descriptors = array("i")
        for level, kind, data in ancillary:
            if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                descriptors.frombytes(data[: len(data) - len(data) % descriptors.itemsize])
        if not octets:
            self.closed = True
            return None
        if flags & socket.MSG_TRUNC:
            raise BadMessage("longer than any message of ours")
        return unpack(octets), list(descriptors)

    def close(self) -> None:
        """Close this end."""
        self.closed = True
        with contextlib.suppress(OSError):
            self._end.close()
