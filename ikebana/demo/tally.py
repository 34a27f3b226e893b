"""What was counted on the wire, and whether that proves what it should."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from ikebana.demo.wire import Kind, classify, classify_frame, describe, describe_frame

_SHOWN: Final = 5

PHRASE: Final = b"in clear nobody may see this. "
"""What the demonstration sends through the tunnel, over and over; sought on the wire."""


@dataclass(slots=True)
class Tally:
    """Packets by kind; what should not be there by name.  ``missed``: seen by no one."""

    counts: Counter[Kind] = field(default_factory=Counter)
    strange: list[str] = field(default_factory=list)
    searched: int = 0
    in_clear: int = 0
    missed: int = 0

    def frame(self, frame: bytes, *, counted: bool = True) -> None:
        """Take an Ethernet frame; ``counted`` False if it is in the count already."""
        self._take(frame, classify_frame, describe_frame, counted=counted)

    def packet(self, packet: bytes) -> None:
        """Take an IP packet."""
        self._take(packet, classify, describe, counted=True)

    def _take(
        self,
        octets: bytes,
        kind_of: Callable[[bytes], Kind],
        text_of: Callable[[bytes], str],
        *,
        counted: bool,
    ) -> None:
        kind = kind_of(octets)
        if counted:
            self.counts[kind] += 1
        self.searched += 1
        self.in_clear += PHRASE in octets
        if not kind.is_expected and len(self.strange) < _SHOWN:
            self.strange.append(text_of(octets))

    def lines(self) -> list[str]:
        """Return the table."""
        rows = [f"{self.counts[kind]:>10,}  {kind.value}" for kind in Kind if self._is_shown(kind)]
        return [*rows, f"{self.searched:>10,}  of these searched for what was sent: {self._found}"]

    @property
    def _found(self) -> str:
        return f"found in {self.in_clear}" if self.in_clear else "found in none"

    def _is_shown(self, kind: Kind) -> bool:
        return bool(self.counts[kind]) or kind in (Kind.IKE, Kind.OTHER)

    def problems(self) -> list[str]:
        """Return what is wrong; empty when the wire carried IKE and ESP and nothing else."""
        found = [f"on the wire and neither IKE nor ESP: {one}" for one in self.strange]
        if self.counts[Kind.OTHER] > len(self.strange):
            found.append(f"and {self.counts[Kind.OTHER] - len(self.strange)} more")
        if self.in_clear:
            found.append(f"{self.in_clear} packets show in clear what was sent")
        if self.missed:
            found.append(f"{self.missed} packets went by unseen: nothing is proved")
        if not any(self.counts[kind] for kind in Kind if kind.is_ike):
            found.append("no IKE was seen: the capture was on the wrong wire")
        if not any(self.counts[kind] for kind in Kind if kind.is_esp):
            found.append("no ESP was seen: the traffic took another way")
        return found
