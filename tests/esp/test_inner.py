"""Inner packets: sanity, segment size, ICMP errors; scapy computes every checksum anew."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import (
    ICMPv6DestUnreach,
    ICMPv6EchoRequest,
    ICMPv6PacketTooBig,
    IPv6,
    IPv6ExtHdrFragment,
    IPv6ExtHdrHopByHop,
)
from scapy.packet import Packet, Raw

from esp.inner import (
    carried_as,
    clamp_mss,
    fragmentation_needed,
    is_oversized,
    is_sane,
    unreachable,
)
from tests.esp.tunnel import udp4, udp6

IP4, IP6 = IP(src="10.1.0.1", dst="10.2.0.1"), IPv6(src="fd01::1", dst="fd02::1")
ROUTER_ALERT = [b"\x94\x04\x00\x00"]


def rebuilt(octets: bytes) -> bytes:
    """Let scapy compute every length and checksum again."""
    packet = (IP if octets[0] >> 4 == 4 else IPv6)(octets)
    for layer in (IP, TCP, ICMP, ICMPv6PacketTooBig, ICMPv6DestUnreach):
        if layer in packet:
            name = "cksum" if "cksum" in packet[layer].fields else "chksum"
            del packet[layer].fields[name]
    return bytes(packet)


@pytest.mark.parametrize(
    "packet", [udp4(0), udp4(), udp6(0), udp6(), udp4() + b"tfc", udp6() + b"x"]
)
def test_whole_packets_are_sane(packet: bytes) -> None:
    assert is_sane(packet)


@pytest.mark.parametrize(
    "packet",
    [
        b"",
        b"\x45",
        udp4()[:-1],
        udp6()[:-1],
        udp6()[:39],
        b"\x44" + udp4()[1:],
        b"\x75" + udp4()[1:],
        b"\x05" + udp4()[1:],
        udp4()[:2] + b"\x00\x13" + udp4()[4:],  # total length below the header's
        b"\x4f" + udp4(0)[1:],
    ],
)
def test_lying_headers_are_not_sane(packet: bytes) -> None:
    assert not is_sane(packet)


NOISE = st.binary(max_size=80) | st.builds(
    lambda first, tail: first + bytes(tail),
    st.sampled_from([b"\x45", b"\x47", b"\x60"]),
    st.lists(st.sampled_from([0, 1, 2, 3, 4, 6, 58, 80, 255]), min_size=20, max_size=100),
)


def test_each_version_has_its_next_header() -> None:
    with_options = bytes(IP(src="10.1.0.1", dst="10.2.0.1", options=ROUTER_ALERT) / UDP())
    packets = (udp4(), with_options, udp6(), udp4()[:-1], with_options[:-1], udp6()[:-1])
    assert [carried_as(packet) for packet in packets] == [4, 4, 41, -1, -1, -1]


@given(NOISE, st.integers(0, 1500))
def test_noise_is_judged_without_harm(noise: bytes, mtu: int) -> None:
    is_sane(noise)
    assert len(clamp_mss(noise, mtu)) == len(noise)
    fragmentation_needed(noise, mtu)
    unreachable(noise)


@pytest.mark.parametrize(("ip", "limit"), [(IP4, 1360), (IP6, 1340)])
@pytest.mark.parametrize(
    "options",
    [
        [("MSS", 1460)],
        [("NOP", None), ("NOP", None), ("MSS", 1460), ("SAckOK", b"")],
        [("NOP", None), ("MSS", 1460)],  # at an odd offset
        [("SAckOK", b""), ("WScale", 7), ("MSS", 65535), ("EOL", None)],
    ],
)
@pytest.mark.parametrize("flags", ["S", "SA"])
def test_a_large_segment_size_is_lowered(
    ip: Packet, limit: int, options: list[tuple[str, object]], flags: str
) -> None:
    packet = bytes(ip / TCP(sport=1, dport=2, seq=77, flags=flags, options=options))
    clamped = clamp_mss(packet, 1400)
    assert clamped == rebuilt(clamped)
    assert dict((IP if ip is IP4 else IPv6)(clamped)[TCP].options)["MSS"] == limit


@given(st.integers(0, 65535), st.integers(0, 65535), st.integers(100, 2000), st.booleans())
def test_the_checksum_stays_right(mss: int, port: int, mtu: int, odd: bool) -> None:
    options = [("NOP", None)] * odd + [("MSS", mss)]
    packet = bytes(IP4 / TCP(sport=port, flags="S", options=options))
    clamped = clamp_mss(packet, mtu)
    assert clamped == rebuilt(clamped)
    assert dict(IP(clamped)[TCP].options)["MSS"] == min(mss, mtu - 40)


def test_ip_options_do_not_hide_a_syn() -> None:
    packet = bytes(
        IP(src="10.1.0.1", dst="10.2.0.1", options=ROUTER_ALERT)
        / TCP(flags="S", options=[("MSS", 1460)])
    )
    assert dict(IP(clamp_mss(packet, 1400))[TCP].options)["MSS"] == 1360


@pytest.mark.parametrize(
    "packet",
    [
        bytes(IP4 / TCP(flags="A", options=[("MSS", 1460)]) / Raw(b"x" * 60)),
        bytes(IP6 / TCP(flags="A", options=[("MSS", 1460)]) / Raw(b"x" * 60)),
        bytes(IP4 / TCP(flags="S")),
        bytes(IP4 / TCP(flags="S", options=[("MSS", 1360)])),
        bytes(IP(src="10.1.0.1", dst="10.2.0.1", frag=5) / TCP(flags="S", options=[("MSS", 1460)])),
        bytes(IP4 / TCP(flags="S", dataofs=15)),
        bytes(IP4 / TCP(flags="S", dataofs=0)),
        bytes(IP4 / TCP(flags="S", dataofs=7)) + b"\x03\x00\x02\x04\x05\xb4\x00\x00",
        bytes(IP4 / TCP(flags="S", dataofs=6)) + b"\x02\x03\x05\xb4",
        bytes(IP4 / TCP(flags="S", dataofs=6)) + b"\x01\x01\x01\x02",
        udp4(),
        udp6(),
    ],
)
def test_everything_else_is_the_same_object(packet: bytes) -> None:
    assert clamp_mss(packet, 1400) is packet


def test_too_big_for_ipv4_says_how_big() -> None:
    packet = udp4(1400, flags="DF")
    error = fragmentation_needed(packet, 1300)
    assert error is not None
    assert error == rebuilt(error)
    answer = IP(error)
    assert (answer.src, answer.dst, answer.proto) == ("10.2.0.1", "10.1.0.1", 1)
    assert (answer[ICMP].type, answer[ICMP].code, answer[ICMP].nexthopmtu) == (3, 4, 1300)
    assert error[28:] == packet[:548]
    assert len(error) == 576


def test_too_big_for_ipv6_says_how_big() -> None:
    packet = udp6(1400)
    error = fragmentation_needed(packet, 1300)
    assert error is not None
    assert error == rebuilt(error)
    answer = IPv6(error)
    assert (answer.src, answer.dst) == ("fd02::1", "fd01::1")
    assert answer[ICMPv6PacketTooBig].mtu == 1300
    assert error[48:] == packet[:1232]
    assert len(error) == 1280


def test_the_source_may_be_given() -> None:
    error = fragmentation_needed(udp4(1400, flags="DF"), 1300, bytes([10, 1, 0, 254]))
    assert error is not None
    assert IP(error).src == "10.1.0.254"


def test_ipv6_is_never_told_less_than_1280() -> None:
    assert fragmentation_needed(udp6(1240 - 8), 1000) is None
    error = fragmentation_needed(udp6(1240 - 7), 1000)
    assert error is not None
    assert IPv6(error)[ICMPv6PacketTooBig].mtu == 1280


def test_ipv4_that_may_be_fragmented_is_not_too_big() -> None:
    assert fragmentation_needed(udp4(1400), 1300) is None
    assert not is_oversized(udp4(1400), 1300)


def test_what_fits_is_not_too_big() -> None:
    assert fragmentation_needed(udp4(1300 - 28, flags="DF"), 1300) is None
    assert fragmentation_needed(udp6(1300 - 48), 1300) is None


def test_unreachable_names_the_administrator() -> None:
    for packet, size in ((udp4(), 128), (udp4(3), 31), (udp6(), 148), (udp6(4000), 4048)):
        assert len(packet) == size
        error = unreachable(packet)
        assert error is not None
        assert error == rebuilt(error)
    assert IP(unreachable(udp4()))[ICMP].code == 13
    assert IPv6(unreachable(udp6()))[ICMPv6DestUnreach].code == 1


BIG = Raw(bytes(1400))
SILENT = [
    IP4 / ICMP(type=3, code=4) / BIG,
    IP4 / ICMP(type=11) / BIG,
    IP4 / ICMP(type=5) / BIG,
    IP(src="10.1.0.1", dst="10.2.0.1", frag=5) / UDP() / BIG,
    IP(src="10.1.0.1", dst="224.0.0.5") / UDP() / BIG,
    IP(src="10.1.0.1", dst="255.255.255.255") / UDP() / BIG,
    IP(src="0.0.0.0", dst="10.2.0.1") / UDP() / BIG,  # noqa: S104 - the unspecified source
    IP(src="127.0.0.1", dst="10.2.0.1") / UDP() / BIG,
    IP(src="224.0.0.5", dst="10.2.0.1") / UDP() / BIG,
    IP6 / ICMPv6DestUnreach() / BIG,
    IP6 / ICMPv6PacketTooBig() / BIG,
    IP6 / IPv6ExtHdrHopByHop() / ICMPv6DestUnreach() / BIG,
    IP6 / IPv6ExtHdrFragment(offset=9, nh=17) / BIG,
    IPv6(src="fd01::1", dst="ff02::1") / UDP() / BIG,
    IPv6(src="::", dst="fd02::1") / UDP() / BIG,
    IPv6(src="ff02::1", dst="fd02::1") / UDP() / BIG,
]


@pytest.mark.parametrize("packet", SILENT, ids=lambda packet: packet.summary())
def test_nobody_is_told_about_errors_later_fragments_and_multicast(packet: Packet) -> None:
    if IP in packet:
        packet[IP].flags = "DF"
    assert is_sane(bytes(packet))
    assert unreachable(bytes(packet)) is None
    assert fragmentation_needed(bytes(packet), 1300) is None


def test_pings_are_told() -> None:
    assert unreachable(bytes(IP4 / ICMP())) is not None
    assert unreachable(bytes(IP6 / ICMPv6EchoRequest())) is not None
