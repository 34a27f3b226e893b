"""Two hosts protect what they say to each other; no network is behind them.

The NAT of the tests: the peer has 10.0.0.2, which the world knows as 192.0.2.9.

    us 198.51.100.1 ◄──── 192.0.2.9 NAT ◄──── 10.0.0.2 the peer, who sums over its own address
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import (
    ICMPv6EchoRequest,
    IPv6,
    IPv6ExtHdrDestOpt,
    IPv6ExtHdrFragment,
    IPv6ExtHdrHopByHop,
    IPv6ExtHdrRouting,
)
from scapy.packet import Packet, Raw

from esp.child import ChildSa
from esp.counters import Counters
from esp.engine import Engine
from esp.sa import Drop, InboundSa, OutboundSa
from esp.transport import Transport
from policy.path import Path
from policy.selectors import TrafficSelector
from policy.spd import Action, Policy, SelectorPair, Spd
from tests.esp.tunnel import cidr, dropped, gcm

US, NAT, PEER = "198.51.100.1", "192.0.2.9", "10.0.0.2"
US6, PEER6 = "2001:db8::1", "2001:db8::2"
NAT6 = "2001:db8:9::9"


class Pair:
    """Two ends with one key each way."""

    def __init__(self, ours: str = US, theirs: str = NAT, original: tuple[str, str] = ("", "")):
        path = Path((ours, 4500), (theirs, 4500), encapsulated=True)
        self.us = Transport(OutboundSa(1, gcm()), InboundSa(2, gcm()), path, original)
        self.peer = OutboundSa(2, gcm())  # seals a payload as the peer's own stack gives it
        self.path = path

    def comes(self, packet: Packet, protocol: int) -> bytes:
        """Return what we make of the payload of a packet that the peer sent."""
        version, opened = self.us.open(self.peer.protect(bytes(packet.payload), protocol))
        assert version == (4 if opened[0] == 0x45 else 41)
        return opened


@pytest.mark.parametrize("payload", [UDP(sport=9, dport=9), TCP(dport=80), ICMP(), Raw(b"")])
@pytest.mark.parametrize("addresses", [(US, NAT), (US6, PEER6)])
def test_the_payload_travels_under_its_own_protocol(
    addresses: tuple[str, str], payload: Packet
) -> None:
    ours, theirs = addresses
    head = IPv6(src=ours, dst=theirs) if ":" in ours else IP(src=ours, dst=theirs)
    packet = bytes(head / payload / b"hello")
    pair = Pair(ours, theirs)
    size = 40 if ":" in ours else 20
    protocol, inner = InboundSa(1, gcm()).unprotect(pair.us.seal(packet, 4))
    assert protocol == packet[6 if size == 40 else 9]
    assert inner == packet[size:]


def test_an_ipv4_header_is_made_anew() -> None:
    """4500 0021 0000 0000 4011 + c000 0209 c633 6401 = 1 71f... see the words below.

    4500+0021+4011 = 8532; +c000 = 14532 -> 4533; +0209 = 473c; +c633 = 10d6f -> 0d70;
    +6401 = 7171; the checksum is its complement: 8e8e.
    """
    packet = Pair().comes(IP() / UDP(sport=9, dport=9, chksum=0) / b"hello", 17)
    assert packet.hex() == (
        "45000021000000004011" + "8e8e" + "c0000209" + "c6336401"
        + "00090009000d0000" + b"hello".hex()
    )  # fmt: skip


def test_an_ipv6_header_is_made_anew() -> None:
    payload = UDP(sport=9, dport=9) / b"hello"
    packet = Pair(US6, PEER6).comes(IPv6(src=PEER6, dst=US6) / payload, 17)
    assert packet == bytes(IPv6(src=PEER6, dst=US6) / payload)


def test_octets_after_the_packet_are_not_sent() -> None:
    packet = bytes(IP(src=US, dst=NAT) / UDP() / b"hello")
    sealed = Pair().us.seal(packet + b"padding", 4)
    assert InboundSa(1, gcm()).unprotect(sealed) == (17, packet[20:])
    packet = bytes(IPv6(src=US6, dst=PEER6) / UDP() / b"hello")
    sealed = Pair(US6, PEER6).us.seal(packet + b"padding", 41)
    assert InboundSa(1, gcm()).unprotect(sealed) == (17, packet[40:])


@pytest.mark.parametrize(
    ("packet", "reason"),
    [
        (IP(src=US, dst=NAT, frag=1) / UDP(), "fragment"),
        (IP(src=US, dst=NAT, flags="MF") / UDP(), "fragment"),
        (IP(src=US, dst=NAT, options=[b"\x94\x04\0\0"]) / UDP(), "options"),
        (IP(src=US, dst=NAT, len=1000) / UDP(), "malformed"),
        (IP(src=US, dst=PEER) / UDP(), "selectors"),
        (IP(src=PEER, dst=NAT) / UDP(), "selectors"),
        (IPv6(src=US6, dst=PEER6) / UDP(), "selectors"),
    ],
)
def test_what_is_not_from_host_to_host_is_dropped(packet: Packet, reason: str) -> None:
    pair = Pair()
    with pytest.raises(Drop, match=reason):
        pair.us.seal(bytes(packet), 4)


@pytest.mark.parametrize(
    ("extension", "reason"),
    [
        (IPv6ExtHdrHopByHop(), "options"),
        (IPv6ExtHdrRouting(), "options"),
        (IPv6ExtHdrFragment(), "fragment"),
        (IPv6ExtHdrDestOpt(), ""),  # these may be for the peer alone, and go inside
    ],
)
def test_ipv6_extension_headers_that_stay_outside_are_refused(
    extension: Packet, reason: str
) -> None:
    pair = Pair(US6, PEER6)
    packet = bytes(IPv6(src=US6, dst=PEER6) / extension / UDP())
    if reason:
        with pytest.raises(Drop, match=reason):
            pair.us.seal(packet, 41)
    else:
        assert InboundSa(1, gcm()).unprotect(pair.us.seal(packet, 41)) == (60, packet[40:])


@pytest.mark.parametrize("protocol", [0, 43, 44])
def test_ipv6_extension_headers_inside_deceive_nobody(protocol: int) -> None:
    with pytest.raises(Drop, match="inner"):
        Pair(US6, PEER6).comes(IPv6() / bytes(8), protocol)


def test_a_payload_no_ip_packet_could_hold_is_dropped() -> None:
    for pair in (Pair(), Pair(US6, PEER6)):
        with pytest.raises(Drop, match="inner"):
            pair.comes(IP() / bytes(65536), 17)


def test_a_dummy_is_shown_as_one() -> None:
    pair = Pair()
    assert pair.us.open(pair.peer.protect(b"anything", 59)) == (59, b"")


@pytest.mark.parametrize(
    ("ours", "theirs", "original"),
    [
        (US, PEER6, ("", "")),
        ("", NAT, ("", "")),
        (US, "peer.example", ("", "")),
        (US, NAT, (US6, PEER6)),
        (US, NAT, (US, "")),
    ],
)
def test_ends_that_cannot_be_are_refused(ours: str, theirs: str, original: tuple[str, str]) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the texts are ipaddress's, too
        Pair(ours, theirs, original)


class TestBehindNat:
    """RFC 3948 section 3.1.2: who receives makes the checksum that of the addresses it shows."""

    ORIGINAL = (US, PEER)

    def comes(self, payload: str, protocol: int = 17) -> str:
        pair = Pair(original=self.ORIGINAL)
        datagram = pair.peer.protect(bytes.fromhex(payload), protocol)
        return pair.us.open(datagram)[1][20:].hex()

    def test_udp_by_hand(self) -> None:
        # ports 0009 0009, length 000a, data 6869; the pseudo header of the peer is
        #   0a00 0002 c633 6401 0011 000a: 3452 with carries, and 9cd7 with the datagram -> 6328
        # and ours
        #   c000 0209 c633 6401 0011 000a: ec59 with carries, and 54df with the datagram -> ab20
        assert self.comes("00090009000a6328" + "6869") == "00090009000aab20" + "6869"

    def test_udp_without_a_checksum_keeps_having_none(self) -> None:
        assert self.comes("00090009000a0000" + "6869") == "00090009000a0000" + "6869"

    def test_udp_never_seems_to_have_none(self) -> None:
        # with data 138a ours sums to ec75 + 138a = ffff, whose complement UDP writes as ffff
        assert self.comes("00090009000ab807" + "138a") == "00090009000affff" + "138a"

    def test_udp_that_was_wrong_stays_wrong(self) -> None:
        # one less before, one less after
        assert self.comes("00090009000a6327" + "6869") == "00090009000aab1f" + "6869"

    @pytest.mark.parametrize(
        ("payload", "protocol"),
        [("0009", 17), ("00090009000a63", 17), ("00" * 17, 6), ("6869" * 20, 1), ("6869" * 20, 47)],
    )
    def test_nothing_else_is_touched(self, payload: str, protocol: int) -> None:
        assert self.comes(payload, protocol) == payload

    @given(st.binary(max_size=40), st.sampled_from((TCP, UDP)))
    def test_scapy_makes_the_same_of_both_versions(self, data: bytes, layer: type[Packet]) -> None:
        for ours, was, now in ((US, PEER, NAT), (US6, PEER6, NAT6)):
            head = IPv6 if ":" in ours else IP
            sent = head(bytes(head(src=was, dst=ours) / layer(sport=1000, dport=80) / data))
            shown = bytes(head(src=now, dst=ours) / layer(sport=1000, dport=80) / data)
            protocol = 6 if layer is TCP else 17
            opened = Pair(ours, now, (ours, was)).comes(sent, protocol)
            assert opened[-len(bytes(sent.payload)) :] == shown[-len(bytes(sent.payload)) :]

    def test_icmpv6_has_the_addresses_in_its_checksum(self) -> None:
        sent = IPv6(bytes(IPv6(src=PEER6, dst=US6) / ICMPv6EchoRequest(id=7)))
        opened = Pair(US6, NAT6, (US6, PEER6)).comes(sent, 58)
        assert opened == bytes(IPv6(src=NAT6, dst=US6) / ICMPv6EchoRequest(id=7))

    def test_where_we_are_behind_one_too(self) -> None:
        # the peer knows us as 203.0.113.5
        sent = IP(bytes(IP(src=PEER, dst="203.0.113.5") / TCP(dport=80)))
        opened = Pair(original=("203.0.113.5", PEER)).comes(sent, 6)
        assert opened[20:] == bytes(IP(src=NAT, dst=US) / TCP(dport=80))[20:]

    @pytest.mark.parametrize("layer", [TCP, UDP])
    def test_where_nobody_told_its_addresses_checksums_are_made_anew(
        self, layer: type[Packet]
    ) -> None:
        for ours, was, now, unknown in ((US, PEER, NAT, "0.0.0.0"), (US6, PEER6, NAT6, "::")):  # noqa: S104
            head = IPv6 if ":" in ours else IP
            sent = head(bytes(head(src=was, dst=was) / layer(sport=1000, dport=80) / b"data"))
            shown = bytes(head(src=now, dst=ours) / layer(sport=1000, dport=80) / b"data")
            opened = Pair(ours, now, (unknown, unknown)).comes(sent, 6 if layer is TCP else 17)
            assert opened[-len(bytes(sent.payload)) :] == shown[-len(bytes(sent.payload)) :]

    def test_nothing_is_corrected_on_the_way_out(self) -> None:
        packet = bytes(IP(src=US, dst=NAT) / TCP(dport=80))
        sealed = Pair(original=self.ORIGINAL).us.seal(packet, 4)
        assert InboundSa(1, gcm()).unprotect(sealed) == (6, packet[20:])


class Host:
    """One end with policy, engine and child, for TCP to one port."""

    def __init__(self, path: Path, spi: int, local: TrafficSelector, remote: TrafficSelector):
        self.child = ChildSa(
            "hosts", OutboundSa(spi ^ 1, gcm()), InboundSa(spi, gcm()), path, (local,), (remote,),
            1400, transport=True,
        )  # fmt: skip
        policy = Policy("hosts", Action.PROTECT, (SelectorPair(local, remote),), "hosts")
        self.engine = Engine(Spd((policy,)), Counters())
        self.engine.install(self.child)


def test_between_engines_the_selectors_are_those_of_the_packet_made_anew() -> None:
    path = Path((US, 500), (NAT, 500))
    here, there = cidr(US).start, cidr(NAT).start
    web = TrafficSelector(4, there, there, 6, 80, 80)
    us = Host(path, 0x1000, TrafficSelector(4, here, here, 6), TrafficSelector(4, there, there, 6))
    peer = Host(path.reversed, 0x1001, web, cidr(US))
    packets = [bytes(IP(src=US, dst=NAT, id=0, flags="DF") / TCP(dport=port)) for port in (80, 81)]
    batch = us.engine.seal_batch(packets)
    opened = peer.engine.open_batch([(data, None) for _, data, _ in batch.sealed])
    (shown,) = opened.inner
    assert (shown[20:], IP(shown).src, IP(shown).dst) == (packets[0][20:], US, NAT)
    assert dropped(peer.engine) == {"selectors": 1}
    foreign = bytes(IP(src=US, dst=NAT) / UDP(dport=80))
    assert us.engine.seal_batch([foreign]).sealed == []
    assert dropped(us.engine) == {"policy": 1}


def test_a_peer_that_moved_is_shown_where_it_is() -> None:
    path = Path((US, 4500), (NAT, 4500), encapsulated=True)
    host = Host(path, 0x1000, cidr(US), cidr("192.0.2.0/24"))
    host.child.path = Path((US, 4500), ("192.0.2.77", 4500), encapsulated=True)
    datagram = OutboundSa(0x1000, gcm()).protect(bytes(UDP(chksum=0)), 17)
    (shown,) = host.engine.open_batch([(datagram, None)]).inner
    assert IP(shown).src == "192.0.2.77"
    (sealed,) = host.engine.seal_batch([bytes(IP(src=US, dst="192.0.2.77") / UDP())]).sealed
    assert sealed[0] is host.child


@pytest.mark.parametrize("tos", [0, 0xB8, 0xBB])
def test_the_packets_own_traffic_class_is_the_outer_one(tos: int) -> None:
    path = Path((US, 500), (NAT, 500))
    us, peer = (
        Host(path, 0x1000, cidr(US), cidr(NAT)),
        Host(path.reversed, 0x1001, cidr(NAT), cidr(US)),
    )
    sent = bytes(IP(src=US, dst=NAT, id=0, tos=tos) / UDP(sport=9, dport=9))
    ((_, datagram, outer),) = us.engine.seal_batch([sent]).sealed
    assert outer == tos
    # whatever became of it on the way: there is no other header that could say
    for marked in (tos, tos | 3):
        (shown,) = peer.engine.open_batch([(datagram, None)], marked).inner
        wanted = bytes(IP(src=US, dst=NAT, id=0, proto=17, tos=marked) / sent[20:])
        assert shown == wanted
        ((_, datagram, _),) = us.engine.seal_batch([sent]).sealed
