"""What is sent to a live SPI by one who has no key, while files pass: they arrive unharmed.

He sees the wire: he knows SPIs, numbers and ports, may repeat and change what he saw, and his
datagrams come from the peer's own address and port, so that they land in one batch with genuine
ones.  The window moves for none of it, and a counter names each.
"""

import os
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import cycle
from typing import Final

import pytest

from tests.interop.attacker import (
    DICE,
    ESP,
    HOST_A,
    MARKER,
    B,
    Field,
    anywhere,
    datagrams,
    ip,
    udp,
)
from tests.interop.flows import BOTH, Transfer
from tests.lab.needs import require
from tests.lab.topology import Lab

pytestmark = pytest.mark.lab

OCTETS: Final = 4_000_000
A_SECOND: Final = 4_000
KEEPALIVE: Final = b"\xff"
FAR: Final = b"\xff\xff\xff\xf0"


@dataclass
class Heard:
    """A tunnel, and some of B's ESP packets as they stood on the wire."""

    field: Field
    packets: list[bytes]
    wrapped: Callable[[bytes], bytes]
    """Make an IP packet for A of ESP."""

    @property
    def spi(self) -> bytes:
        return self.packets[0][:4]

    @property
    def number(self) -> int:
        """A sequence number that B has used lately."""
        return int(struct.unpack("!I", self.packets[-1][4:8])[0])

    def listen(self) -> None:
        """Hear B again: what is old lies below A's window."""
        what = f"src {B} and (udp dst port 4500 or ip proto {ESP})"
        wire = self.field.lab.capture("gb", "wan", what)
        assert self.field.lab.ping("cb", HOST_A, 5, 0.01) == 0
        heard = datagrams(wire.stop()) if self.is_udp else payloads(wire.path.read_bytes())
        self.packets = [one for one in heard if len(one) > 100 and one[:4] != MARKER]

    @property
    def is_udp(self) -> bool:
        return self.field.view.encapsulation == "udp"


def payloads(pcap: bytes) -> list[bytes]:
    """Return what is behind the IPv4 headers of a capture that was just stopped."""
    found, at = [], 24
    while at < len(pcap):
        (size,) = struct.unpack_from("<I", pcap, at + 8)
        found.append(pcap[at + 16 + 34 : at + 16 + size])
        at += 16 + size
    return found


Forger = Callable[[Heard], bytes]
EVERYWHERE: Final[dict[str, tuple[Forger, tuple[str, ...]]]] = {
    "garbage": (lambda _: os.urandom(DICE.randrange(16, 200)), ("no_sa",)),
    "SPIs that are reserved": (
        lambda _: struct.pack("!II", DICE.randrange(1, 256), 1) + bytes(80),
        ("no_sa",),
    ),
    "the right SPI, a number to come, a wrong ICV": (
        lambda heard: (
            heard.spi
            + struct.pack("!I", heard.number + DICE.randrange(1, 20_000))
            + os.urandom(DICE.choice((40, 100, 1400)))
        ),
        ("integrity", "replay", "malformed"),
    ),
    "the right SPI, a number far ahead": (
        lambda heard: heard.spi + FAR + os.urandom(100),
        ("integrity",),
    ),
    "the right SPI, the number zero": (
        lambda heard: heard.spi + bytes(4) + os.urandom(100),
        ("replay", "integrity"),
    ),
    "packets that were heard before": (
        lambda heard: DICE.choice(heard.packets),
        ("replay",),
    ),
    "packets heard before, with one bit changed": (
        lambda heard: flipped(DICE.choice(heard.packets)),
        ("replay", "integrity", "no_sa"),
    ),
    "packets heard before, with a number to come": (
        lambda heard: renumbered(DICE.choice(heard.packets), heard.number + 5_000),
        ("integrity", "replay"),
    ),
    "packets cut short": (
        lambda heard: shortened(DICE.choice(heard.packets)),
        ("replay", "integrity", "malformed", "no_sa"),
    ),
    "packets with something behind": (
        lambda heard: DICE.choice(heard.packets) + bytes(DICE.randrange(1, 64)),
        ("replay", "integrity", "malformed"),
    ),
}
IN_UDP: Final[dict[str, tuple[Callable[[Heard], bytes], tuple[str, ...]]]] = {
    "keepalives": (lambda _: udp(KEEPALIVE, port=4500), ()),
    "single octets": (lambda _: udp(bytes((DICE.randrange(255),)), port=4500), ("malformed",)),
    "empty datagrams": (lambda _: udp(b"", port=4500), ()),
    "SPI zero": (
        lambda _: udp(MARKER + os.urandom(DICE.randrange(100)), port=4500),
        ("ike_malformed", "ike_version", "ike_rate"),
    ),
    "heard packets from other addresses": (
        lambda heard: udp(DICE.choice(heard.packets), port=4500, source=anywhere()),
        ("replay",),
    ),
    "forged packets from other ports": (
        lambda heard: udp(
            heard.spi + FAR + os.urandom(90), port=4500, sport=DICE.randrange(1, 65536)
        ),
        ("integrity",),
    ),
    "heard packets without UDP": (
        lambda heard: ip(DICE.choice(heard.packets), proto=ESP),
        ("replay",),
    ),
}


SOME: Final = ("the right SPI, a number far ahead", "packets that were heard before")


def flipped(packet: bytes) -> bytes:
    at, bit = DICE.randrange(len(packet)), 1 << DICE.randrange(8)
    return packet[:at] + bytes((packet[at] ^ bit,)) + packet[at + 1 :]


def renumbered(packet: bytes, number: int) -> bytes:
    return packet[:4] + struct.pack("!I", number) + packet[8:]


def shortened(packet: bytes) -> bytes:
    return packet[: DICE.randrange(4, len(packet))]


@pytest.fixture(scope="module", params=["UDP", "protocol 50"])
def heard(request: pytest.FixtureRequest) -> Iterator[Heard]:
    """Yield two gateways of ours, somebody between them, and what he has heard."""
    require("tcpdump", "ip")
    with Lab() as lab:
        in_udp = request.param == "UDP"
        field = Field(lab, force_encap=in_udp)
        made = Heard(
            field,
            [],
            (lambda esp: udp(esp, port=4500)) if in_udp else (lambda esp: ip(esp, proto=ESP)),
        )
        yield made
        field.attacker.close()


@pytest.mark.parametrize("what", EVERYWHERE)
def test_files_arrive_under_forged_esp(heard: Heard, what: str, times: int) -> None:
    if times == 1 and not heard.is_udp and what not in SOME:
        pytest.skip("with --soak; among others it is sent at once below")
    forge, reasons = EVERYWHERE[what]
    suffers(heard, lambda: heard.wrapped(forge(heard)), reasons, times)


@pytest.mark.parametrize("what", IN_UDP)
def test_files_arrive_under_forged_datagrams(heard: Heard, what: str, times: int) -> None:
    if not heard.is_udp:
        pytest.skip("there is no UDP here")
    forge, reasons = IN_UDP[what]
    suffers(heard, lambda: forge(heard), reasons, times)


def suffers(
    heard: Heard, packets: Callable[[], bytes], reasons: tuple[str, ...], times: int
) -> None:
    field = heard.field
    heard.listen()
    field.note()
    sent = 0
    with Transfer(field.lab, OCTETS * times, *BOTH) as files:
        while not files.is_over or sent < 200:
            sent += field.attacker.flood(packets, 0.1, A_SECOND)
    if reasons:
        field.wait_dropped(sent * 7 // 10, *reasons)  # a full socket counts none
    (view,) = field.status(field.a).connections
    assert view.peer == B
    field.holds()


def test_all_of_it_at_once(heard: Heard, times: int) -> None:
    forgers = cycle(forge for forge, _ in EVERYWHERE.values())
    suffers(
        heard,
        lambda: heard.wrapped(next(forgers)(heard)),
        ("replay", "integrity", "no_sa", "malformed"),
        3 * times,
    )
