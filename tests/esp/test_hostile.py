"""What an attacker sends to the packet path: each is dropped, counted, and costs nobody else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.inet import UDP
from scapy.layers.inet6 import IPv6, IPv6ExtHdrDestOpt, IPv6ExtHdrFragment
from scapy.packet import Raw

from esp.sa import HEADER, OutboundSa
from tests.esp.tunnel import MOON, child_pair, dropped, engines, gcm, udp4, udp6

GOOD = udp4(33)


class Attack:
    """A tunnel from moon to sun; what is thrown at sun stands between two good packets."""

    def __init__(self) -> None:
        self.moon, self.sun = engines()
        self.outbound = self.moon.children[0x1000].outbound

    def good(self) -> bytes:
        return self.outbound.protect(GOOD, 4)

    def inside(self, packet: bytes, next_header: int = 4) -> None:
        """Throw something that the peer itself sealed."""
        self.throw(self.outbound.protect(packet, next_header))

    def throw(self, *datagrams: bytes) -> None:
        before, after = self.good(), self.good()
        thrown = [(one, MOON) for one in (before, *datagrams, after)]
        assert self.sun.open_batch(thrown).inner == [GOOD, GOOD]

    @property
    def dropped(self) -> dict[str, int]:
        return dropped(self.sun)


@pytest.fixture
def attack() -> Attack:
    return Attack()


def test_forges_the_icv(attack: Attack) -> None:
    for octet in range(4, 60):
        forged = bytearray(attack.good())
        forged[octet] ^= 1
        attack.throw(bytes(forged))
    assert set(attack.dropped) <= {"integrity", "replay"}  # a forged number may be an old one
    assert sum(attack.dropped.values()) == 56
    assert attack.dropped["integrity"] >= 52


def test_seals_with_another_key(attack: Attack) -> None:
    attack.throw(OutboundSa(0x1001, gcm(b"x")).protect(GOOD, 4))
    attack.outbound.seq += 5
    other = OutboundSa(0x1001, gcm(b"x"))
    other.seq = 1000
    attack.throw(other.protect(GOOD, 4))
    assert attack.dropped == {"replay": 1, "integrity": 1}


def test_replays_a_packet(attack: Attack) -> None:
    packet = attack.good()
    assert attack.sun.open_batch([(packet, MOON)]).inner == [GOOD]
    attack.throw(packet, packet, packet)
    assert attack.dropped == {"replay": 3}


def test_replays_a_packet_from_before_the_window(attack: Attack) -> None:
    old = attack.good()
    attack.outbound.seq += 5000
    attack.throw(old)
    assert attack.dropped == {"replay": 1}


def test_truncates_a_packet_everywhere(attack: Attack) -> None:
    packet = attack.outbound.protect(GOOD, 4)
    attack.throw(*(packet[:cut] for cut in range(len(packet))))
    assert attack.dropped["malformed"] == 8 + 24 + 2
    assert attack.dropped["integrity"] == len(packet) - 34


def test_pushes_the_window_with_an_unauthenticated_number(attack: Attack) -> None:
    body = attack.good()[8:]
    attack.throw(*(HEADER.pack(0x1001, seq) + body for seq in (5000, 2**31, 2**32 - 1)))
    attack.throw()
    assert attack.dropped == {"integrity": 3}
    assert attack.sun.children[0x1001].inbound.replay.top == attack.outbound.seq


def test_pushes_an_extended_window_with_an_unauthenticated_number() -> None:
    moon, sun = engines(esn=True)
    packets = [datagram for _, datagram, _ in moon.seal_batch([GOOD] * 3).sealed]
    forged = [HEADER.pack(0x1001, seq) + packets[0][8:] for seq in (0, 2**31, 2**32 - 1)]
    thrown = [(one, MOON) for one in (packets[0], *forged, *packets[1:])]
    assert sun.open_batch(thrown).inner == [GOOD] * 3
    assert sum(dropped(sun).values()) == 3


def test_uses_number_zero(attack: Attack) -> None:
    attack.throw(HEADER.pack(0x1001, 0) + attack.good()[8:])
    assert attack.dropped == {"replay": 1}


def test_guesses_spis(attack: Attack) -> None:
    body = attack.good()[4:]
    attack.throw(*(spi.to_bytes(4, "big") + body for spi in (0, 1, 255, 0x1000, 2**32 - 1)))
    assert attack.dropped == {"no_sa": 5}


@pytest.mark.parametrize("length", range(10))
def test_sends_less_than_a_header(attack: Attack, length: int) -> None:
    attack.throw(bytes(length))
    assert attack.dropped == {"malformed": 1}


@pytest.mark.parametrize(
    ("packet", "next_header"),
    [
        (udp4(source="10.9.0.1"), 4),
        (udp4(source="10.1.1.1"), 4),
        (udp4(target="10.2.1.1"), 4),
        (udp4(source="10.2.0.1", target="10.1.0.1"), 4),  # our own network as its source
        (udp6(source="fd09::1"), 41),
        (udp6(target="fd01::2"), 41),
    ],
)
def test_puts_a_foreign_address_inside(attack: Attack, packet: bytes, next_header: int) -> None:
    for _ in range(2):  # what was refused once is not remembered as admitted
        attack.inside(packet, next_header)
    assert attack.dropped == {"selectors": 2}


def test_hides_a_foreign_address_behind_a_remembered_flow(attack: Attack) -> None:
    # the engine remembers GOOD's flow; one octet of an address is all that differs
    for octet in (12, 13, 14, 16, 17, 18):
        packet = bytearray(GOOD)
        packet[octet] ^= 1
        attack.inside(bytes(packet))
    assert attack.dropped == {"selectors": 6}


def test_puts_bad_padding_inside(attack: Attack) -> None:
    seal = gcm(b"t").seal
    plains = [
        GOOD + b"\x00\x00\x02\x04",
        GOOD + b"\x02\x01\x02\x04",
        GOOD + b"\x01\x02\xff\x04",
        b"\x01\x02\x03\x04",
        b"\xff\x04",
    ]
    for number, plain in enumerate(plains, 1):
        seq = number * 100
        header = HEADER.pack(0x1001, seq)
        attack.throw(header + seal(header, plain, seq))
        attack.outbound.seq = seq  # the good ones go on after it
    assert attack.dropped == {"padding": len(plains)}


@pytest.mark.parametrize(
    ("packet", "next_header"),
    [
        (GOOD[:2] + b"\xff\xff" + GOOD[4:], 4),
        (GOOD[:2] + b"\x00\x00" + GOOD[4:], 4),
        (GOOD[:-1], 4),
        (b"\x4f" + GOOD[1:50], 4),
        (b"\x44" + GOOD[1:], 4),
        (udp6()[:4] + b"\xff\xff" + udp6()[6:], 41),
        (udp6()[:39], 41),
        (b"", 4),
        (b"\x45", 4),
    ],
)
def test_lies_about_the_inner_length(attack: Attack, packet: bytes, next_header: int) -> None:
    attack.inside(packet, next_header)
    assert attack.dropped == {"inner": 1}


@pytest.mark.parametrize(
    ("packet", "next_header"),
    [(GOOD, 41), (udp6(), 4), (b"\x75" + GOOD[1:], 4), (GOOD, 17), (GOOD, 0), (GOOD, 50)],
)
def test_names_another_protocol_than_what_is_inside(
    attack: Attack, packet: bytes, next_header: int
) -> None:
    attack.inside(packet, next_header)
    assert attack.dropped == {"inner": 1}


def test_sends_an_endless_chain_of_extension_headers(attack: Attack) -> None:
    chain = bytes([60, 0, 1, 4, 0, 0, 0, 0]) * 150
    attack.inside(bytes(IPv6(src="fd01::1", dst="fd02::1", nh=60, plen=len(chain)) / chain), 41)
    short = bytes(IPv6(src="fd01::1", dst="fd02::1", nh=60, plen=4)) + bytes(4)
    attack.inside(short, 41)
    assert attack.dropped == {"malformed": 2}


def test_hides_a_foreign_source_behind_extension_headers(attack: Attack) -> None:
    for extension in (IPv6ExtHdrDestOpt(), IPv6ExtHdrFragment(m=1)):
        packet = IPv6(src="fd09::1", dst="fd02::1") / extension / UDP() / Raw(b"x" * 40)
        attack.inside(bytes(packet), 41)
    assert attack.dropped == {"selectors": 2}


def test_scans_ports_until_every_memory_was_full(attack: Attack) -> None:
    packet = bytearray(GOOD)
    for start in range(0, 10000, 500):
        scan = []
        for port in range(start, start + 500):
            packet[22:24] = port.to_bytes(2, "big")
            scan.append(bytes(packet))
        batch = attack.moon.seal_batch(scan)
        assert (
            attack.sun.open_batch([(sealed, MOON) for _, sealed, _ in batch.sealed]).inner == scan
        )
    assert attack.dropped == dropped(attack.moon) == {}


def test_uses_one_tunnels_sa_for_another_tunnels_network(attack: Attack) -> None:
    # a second peer with networks of its own must not speak for the first
    moon, sun = child_pair(0x3000, "other", nets=1)
    attack.sun.install(sun)
    attack.throw(moon.outbound.protect(udp6(), 41))
    assert attack.dropped == {"selectors": 1}


@given(st.binary(min_size=0, max_size=60))
def test_sends_garbage_to_a_known_spi(garbage: bytes) -> None:
    attack = Attack()
    attack.throw(b"\x00\x00\x10\x01" + garbage)
    assert sum(attack.dropped.values()) == 1
