"""What one end alone decides about the packets of its tunnel: nothing of this is negotiated."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

WHOLE_PATH: Final = 0xFFFF
"""``Treatment.tfc`` that makes every packet as large as the path takes."""


class DontFragment(StrEnum):
    """What the outer IPv4 header says about fragments (RFC 4301 section 8.1)."""

    COPY = "copy"
    SET = "set"
    CLEAR = "clear"


@dataclass(frozen=True, slots=True)
class Treatment:
    """How packets of a tunnel are wrapped and unwrapped, beyond what both ends agreed on."""

    dscp: int | None = None
    """Differentiated services code point of the outer header; None: the inner one's."""
    df: DontFragment = DontFragment.CLEAR
    ttl: int = 0
    """TTL or hop limit of the outer header; 0: the system's own."""
    replay_window: int = 1024
    """Sequence numbers that may come late; 0: replays are not looked for (RFC 4303 3.4.3)."""
    tfc: int = 0
    """Packets are padded to a multiple of so many octets, as far as the path takes them; 0: not."""
    dummy: int = 0
    """Seconds between packets that hold nothing (RFC 4303 section 2.6); 0: none."""


PLAIN: Final = Treatment()
