"""What the demonstration prints: numbered headings with the time, and what stands below them."""

import time
from collections.abc import Callable, Iterable
from typing import Final, TextIO

from ikebana.cli.paint import paint_for

WIDTH: Final = 80


class Screen:
    """Print to a stream at once, in colour only on a terminal."""

    def __init__(self, stream: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream = stream
        self._clock = clock
        self._began = clock()
        self.paint = paint_for(stream)

    def heading(self, text: str) -> None:
        """Begin the next part; the seconds since the beginning stand at the right."""
        at = f"{self._clock() - self._began:.1f} s"
        self.line()
        self.line(self.paint(f"{text:<{WIDTH - len(at) - 1}} {at}", "bold"))

    def line(self, text: str = "") -> None:
        """Print a line."""
        self._stream.write(text.rstrip() + "\n")
        self._stream.flush()

    def lines(self, texts: Iterable[str], indent: str = "  ") -> None:
        """Print lines below a heading."""
        for text in texts:
            self.line(indent + text)

    def good(self, text: str) -> None:
        """Print what worked."""
        self.line(f"  {self.paint('✔', 'green')} {text}")

    def bad(self, text: str) -> None:
        """Print what did not."""
        self.line(f"  {self.paint('✘', 'red')} {text}")
