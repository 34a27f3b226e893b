"""Keyed MACs as the library's contexts have them: copied per packet, fed, and finished once."""

from typing import Protocol, Self


class Mac(Protocol):
    """A keyed context: the library's HMAC and CMAC, and what is built like them.

    The original is only ever copied; a copy belongs to the thread of its original.
    """

    def copy(self) -> Self:
        """Return a context of the same key that has seen the same octets."""
        ...

    def update(self, data: bytes, /) -> None:
        """Take octets in."""
        ...

    def finalize(self) -> bytes:
        """Return the whole MAC and end the context."""
        ...
