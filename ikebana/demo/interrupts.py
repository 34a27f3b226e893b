"""Ctrl-C, SIGTERM and a closed terminal: an exception, but not while things are made or removed."""

import contextlib
import signal
from collections.abc import Iterator
from types import FrameType
from typing import Any, Final, Self

_NUMBERS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupted(KeyboardInterrupt):
    """A signal asked for the end."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.number = number


class Interrupts:
    """Within the block the first of the signals raises :exc:`Interrupted` in the main thread.

    Once only: what is then removed is removed whole, however often somebody presses Ctrl-C.
    """

    def __init__(self) -> None:
        self._is_shielded = False
        self._is_raised = False
        self._pending = 0
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Self:
        for number in _NUMBERS:
            self._before[number] = signal.signal(number, self._on_signal)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def shielded(self) -> contextlib.AbstractContextManager[None]:
        """Hold signals back: what is made within the block is also noted down before its end."""
        return self._set(True)

    def exposed(self) -> contextlib.AbstractContextManager[None]:
        """Let signals through again, within a shielded block."""
        return self._set(False)

    @contextlib.contextmanager
    def _set(self, value: bool) -> Iterator[None]:
        before, self._is_shielded = self._is_shielded, value
        try:
            self._raise()
            yield
        finally:
            self._is_shielded = before
        self._raise()

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        self._pending = self._pending or number
        self._raise()

    def _raise(self) -> None:
        if self._pending and not self._is_shielded and not self._is_raised:
            self._is_raised = True
            raise Interrupted(self._pending)
