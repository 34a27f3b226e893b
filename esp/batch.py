"""What becomes of a batch of packets: what the engine hands to whoever does the I/O."""

from dataclasses import dataclass
from typing import TypeAlias

from esp.child import ChildSa
from policy.flow import Flow
from policy.spd import SelectorPair

Moved: TypeAlias = tuple[ChildSa, object]
"""A child, and where its newest authenticated datagram came from."""


@dataclass(frozen=True, slots=True)
class Acquire:
    """A packet that has to wait for its tunnel (RFC 4301 section 5.1, SADB_ACQUIRE elsewhere).

    ``pair`` is what the policy says of the flow: of which of its selectors there is no SA.
    """

    tunnel: str
    flow: Flow
    pair: SelectorPair
    packet: bytes


@dataclass(frozen=True, slots=True)
class Reached:
    """A child came to a limit: each is told once.  After a ``hard`` one it carries nothing."""

    child: ChildSa
    hard: bool


class Batch:
    """What became of packets from the TUN device."""

    __slots__ = ("acquires", "inward", "limits", "sealed")

    def __init__(self) -> None:
        self.sealed: list[tuple[ChildSa, bytes, int]] = []
        """ESP packets in order, each to be sent along its child's path.

        With each what :func:`esp.outer.outer_header` says of its outer header.
        """
        self.inward: list[bytes] = []
        """ICMP errors for the senders: to be written to the TUN device."""
        self.acquires: list[Acquire] = []
        """Packets of armed tunnels that have no SA for them yet."""
        self.limits: list[Reached] = []
        """Children that reached a limit on the way out."""

    def add(self, other: "Batch") -> None:
        """Take over everything but what was sealed."""
        self.inward += other.inward
        self.acquires += other.acquires
        self.limits += other.limits


class Opened:
    """What became of datagrams from the network."""

    __slots__ = ("inner", "moved")

    def __init__(self) -> None:
        self.inner: list[bytes] = []
        """IP packets for the TUN device, in order."""
        self.moved: list[Moved] = []
        """Children whose newest authenticated datagram came from elsewhere than known."""
