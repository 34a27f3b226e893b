"""The one seam behind which numpy is: with it rows are handled whole, without it one by one."""

from typing import TYPE_CHECKING, Final

from esp.arena import Arena
from esp.sendbuffer import SendBuffer

if TYPE_CHECKING:
    from esp.coalesce import Coalescer
    from esp.engine import Engine
    from esp.vector.opener import Opener
    from esp.vector.segmenter import Segmenter
    from esp.vector.singles import Singles

LEAST: Final = 4
"""Fewer packets than this are quicker one by one."""


def has_vectors() -> bool:
    """Tell whether numpy is there."""
    try:
        import esp.vector.rows  # noqa: F401 - the optional library behind the seam
    except ImportError:
        return False
    return True


def outward(arena: Arena, ready: SendBuffer) -> "tuple[Segmenter, Singles] | None":
    """Return what seals rows, None without numpy."""
    if not has_vectors():
        return None
    from esp.vector.segmenter import Segmenter
    from esp.vector.singles import Singles

    return Segmenter(ready), Singles(arena, ready)


def inward(engine: "Engine", coalescer: "Coalescer", received: bytearray) -> "Opener | None":
    """Return what opens rows, None without numpy."""
    if not has_vectors():
        return None
    from esp.vector.opener import Opener

    return Opener(engine, coalescer, received)
