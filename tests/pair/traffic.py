"""Packets that cross the tunnel while its keys change: how many were sent, came and were lost."""

from collections import Counter
from dataclasses import dataclass, field
from ipaddress import ip_address

from ikecore.child import ChildSpec

from .worker_model import Flow


@dataclass(frozen=True, slots=True)
class Packet:
    """One ESP packet, under the keys of ``child`` as its sender has it.

    ``is_late`` tells of a lost one that the other end had the child, and has it no more.
    """

    sender: str
    number: int
    child: ChildSpec
    sent_at: float
    is_late: bool = False


@dataclass
class Stream:
    """Each end sends one packet of a flow every so many seconds."""

    moon: str
    sun: str
    every: float
    next_at: float
    senders: tuple[str, ...] = ("moon", "sun")
    flows: dict[str, Flow] = field(init=False)

    def __post_init__(self) -> None:
        moon, sun = int(ip_address(self.moon)), int(ip_address(self.sun))
        self.flows = {"moon": Flow(moon, sun), "sun": Flow(sun, moon)}


@dataclass
class Traffic:
    """The tally of all streams; ``blocked`` found no child, ``lost`` no SPI at the other end."""

    streams: list[Stream] = field(default_factory=list)
    sent: Counter[str] = field(default_factory=Counter)
    arrived: Counter[str] = field(default_factory=Counter)  # by who sent it
    last: dict[str, Packet] = field(default_factory=dict)  # that each end sent
    blocked: list[tuple[float, str]] = field(default_factory=list)
    lost: list[Packet] = field(default_factory=list)
    lost_by_wire: int = 0

    @property
    def next_at(self) -> float:
        """Return when the next packet is due, or infinity."""
        return min((stream.next_at for stream in self.streams), default=float("inf"))

    @property
    def gap(self) -> float:
        """Return the seconds from the first packet that did not get through to the last."""
        times = [at for at, _ in self.blocked] + [packet.sent_at for packet in self.lost]
        return max(times) - min(times) if times else 0.0
