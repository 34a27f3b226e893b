"""What super-packets are cut into equals packets built by hand; impossible headers are refused."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esp.checksum import ones_sum
from esp.segments import finish_checksum, headers_end, segments
from esp.vnet import GSO_ECN, GSO_TCP4, GSO_TCP6, GSO_UDP
from policy.flow import MalformedPacket
from tests.esp.flows import (
    ACK,
    CWR,
    ECE,
    FIN,
    PSH,
    TCP,
    TIMESTAMPS,
    UDP,
    Stream,
    any_stream,
    seeded,
    v6,
)

STREAMS = {
    "tcp4": Stream(),
    "tcp4 with timestamps": Stream(options=TIMESTAMPS),
    "tcp4 with IP options": Stream(ip_options=bytes.fromhex("94040000")),
    "tcp6": v6(),
    "udp4": Stream(protocol=UDP),
    "udp6": v6(protocol=UDP),
}


def whole(stream: Stream, payload: bytes, flags: int = ACK) -> memoryview:
    """Build a super-packet; the stream does not move on."""
    return memoryview(bytearray(stream.copy().packet(payload, flags)))


def cut(packet: memoryview, stream: Stream, mss: int, first: int = 0) -> list[bytes]:
    made = segments(packet, stream.l4, stream.kind, mss, first)
    return [bytes(head) + bytes(part) for head, part in made]


@pytest.mark.parametrize("name", STREAMS)
@pytest.mark.parametrize("size", [1000, 2001, 2999, 3000])
def test_segments_are_the_packets_that_hands_build(name: str, size: int) -> None:
    stream, payload = STREAMS[name].copy(), seeded(size).randbytes(size)
    made = cut(whole(stream, payload), stream, 1000)
    assert made == [stream.packet(payload[at : at + 1000]) for at in range(0, size, 1000)]


def test_fin_and_psh_stay_with_the_last_and_cwr_with_the_first() -> None:
    stream = Stream()
    packet = whole(stream, bytes(300), ACK | FIN | PSH | ECE | CWR)
    flags = [one[33] for one in cut(packet, stream, 100)]
    assert flags == [ACK | ECE | CWR, ACK | ECE, ACK | ECE | FIN | PSH]


def test_the_ecn_bit_of_the_kind_changes_nothing() -> None:
    stream = Stream()
    packet = whole(stream, bytes(300), ACK | CWR)
    made = segments(packet, 20, GSO_TCP4 | GSO_ECN, 100)
    assert [bytes(head) + bytes(part) for head, part in made] == cut(packet, stream, 100)


def test_sequence_and_identification_count_over_their_ends() -> None:
    stream = Stream(sequence=0xFFFFFFFF, ident=0xFFFF)
    made = cut(whole(stream, bytes(200)), stream, 100)
    assert [one[24:28].hex() for one in made] == ["ffffffff", "00000063"]
    assert [one[4:6].hex() for one in made] == ["ffff", "0000"]


def test_identification_counts_on_where_fragmenting_is_allowed() -> None:
    stream = Stream(fragment=0, ident=9)
    made = cut(whole(stream, bytes(300)), stream, 100)
    assert [one[4:6].hex() for one in made] == ["0009", "000a", "000b"]


@pytest.mark.parametrize("name", STREAMS)
def test_what_was_cut_elsewhere_is_left_out(name: str) -> None:
    stream = STREAMS[name]
    packet = whole(stream, bytes(range(250)), ACK | PSH | CWR)
    everything = cut(packet, stream, 100)
    assert cut(packet, stream, 100, 100) == everything[1:]
    assert cut(packet, stream, 100, 200) == everything[2:]
    assert cut(packet, stream, 100, 300) == []


def test_a_checksum_of_0_is_told_as_ffff_by_udp_alone() -> None:
    for stream, at, told in ((Stream(protocol=UDP), 26, "ffff"), (Stream(), 36, "0000")):
        bare = stream.copy().packet(b"\0\0")
        payload = bare[at : at + 2]  # what is missing for the sum to become 0xFFFF
        made = cut(whole(stream, payload + bytes(2)), stream, 2)
        assert made[0][at : at + 2].hex() == told
        assert made[0] == stream.copy().packet(payload)


def test_a_packet_without_payload_is_one_segment() -> None:
    stream = Stream()
    assert cut(whole(stream, b""), stream, 100) == [stream.copy().packet(b"")]


def test_ipv6_extension_headers_are_carried_along() -> None:
    plain = v6().packet(bytes(200))
    options = bytes((TCP, 0, 1, 4, 0, 0, 0, 0))
    packet = plain[:4] + (len(plain) - 32).to_bytes(2, "big") + b"\0" + plain[7:40] + options
    made = segments(memoryview(bytearray(packet + plain[40:])), 48, GSO_TCP6, 100)
    segment = b"".join(next(iter(made)))
    first = v6().packet(bytes(100))
    assert segment[:8] == plain[:4] + (128).to_bytes(2, "big") + b"\0" + plain[7:8]
    assert segment[40:] == options + first[40:]


@given(st.integers(0, 1 << 32), st.integers(1, 5000), st.integers(1, 1500))
def test_any_stream_any_size(seed: int, size: int, mss: int) -> None:
    rng = seeded(seed)
    stream, payload = any_stream(rng), rng.randbytes(size)
    mss = max(mss, size // 40)
    made = cut(whole(stream, payload), stream, mss)
    assert made == [stream.packet(payload[at : at + mss]) for at in range(0, size, mss)]


IMPOSSIBLE = {
    "no octets": (b"", 20, GSO_TCP4, 100),
    "no kind": (Stream().packet(bytes(300)), 20, 0, 100),
    "an unknown kind": (Stream().packet(bytes(300)), 20, 3, 100),
    "a segment size of 0": (Stream().packet(bytes(300)), 20, GSO_TCP4, 0),
    "a negative segment size": (Stream().packet(bytes(300)), 20, GSO_TCP4, -5),
    "IPv6 that is said to be IPv4": (v6().packet(bytes(300)), 40, GSO_TCP4, 100),
    "IPv4 that is said to be IPv6": (Stream().packet(bytes(300)), 20, GSO_TCP6, 100),
    "UDP that is said to be TCP": (Stream(protocol=UDP).packet(bytes(300)), 20, GSO_TCP4, 100),
    "TCP that is said to be UDP": (v6().packet(bytes(300)), 40, GSO_UDP, 100),
    "TCP inside of the IPv4 header": (Stream().packet(bytes(300)), 0, GSO_TCP4, 100),
    "TCP after the IPv4 header": (Stream().packet(bytes(300)), 24, GSO_TCP4, 100),
    "TCP beyond the packet": (Stream().packet(bytes(300)), 60000, GSO_TCP4, 100),
    "TCP inside of the IPv6 header": (v6().packet(bytes(300)), 20, GSO_TCP6, 100),
    "TCP after the IPv6 header": (v6().packet(bytes(300)), 48, GSO_TCP6, 100),
    "half an IPv4 header": (Stream().packet(b"")[:12], 20, GSO_TCP4, 100),
    "half an IPv6 header": (v6().packet(b"")[:30], 40, GSO_TCP6, 100),
    "half a TCP header": (Stream().packet(b"")[:33], 20, GSO_TCP4, 100),
    "half a UDP header": (Stream(protocol=UDP).packet(b"")[:25], 20, GSO_UDP, 100),
    "segments above 64 KiB": (Stream().packet(b"") + bytes(70000), 20, GSO_TCP4, 65500),
}


@pytest.mark.parametrize("name", IMPOSSIBLE)
def test_refused_at_once(name: str) -> None:
    packet, l4, kind, mss = IMPOSSIBLE[name]
    with pytest.raises(MalformedPacket):
        segments(memoryview(bytearray(packet)), l4, kind, mss)


@pytest.mark.parametrize("offset", range(16))
def test_a_data_offset_lies(offset: int) -> None:
    packet = bytearray(Stream().packet(bytes(30)))
    packet[32] = offset << 4
    view = memoryview(packet)
    if 5 <= offset <= 12:
        assert headers_end(view, 20, GSO_TCP4, 10) == (TCP, 20 + offset * 4)
    else:
        with pytest.raises(MalformedPacket):
            segments(view, 20, GSO_TCP4, 10)


def test_a_fragment_of_ipv6_is_no_super_packet() -> None:
    later = v6(protocol=44).packet(bytes((TCP, 0, 0, 8)) + bytes(200))
    with pytest.raises(MalformedPacket):
        segments(memoryview(bytearray(later)), 48, GSO_TCP6, 100)


def test_segments_larger_than_the_packet_are_one() -> None:
    stream = Stream()
    assert cut(whole(stream, bytes(99)), stream, 65535) == [stream.copy().packet(bytes(99))]


@given(st.binary(max_size=120), st.integers(0, 65535), st.integers(0, 255), st.integers(0, 65535))
def test_noise_is_refused_or_cut(octets: bytes, l4: int, kind: int, mss: int) -> None:
    try:
        made = segments(memoryview(bytearray(octets)), l4, kind, mss)
    except MalformedPacket:
        return
    assert sum(len(part) for _, part in made) <= len(octets)


@given(st.data(), st.sampled_from(sorted(STREAMS)))
def test_damaged_headers_are_refused_or_cut(data: st.DataObject, name: str) -> None:
    stream = STREAMS[name]
    packet = whole(stream, bytes(data.draw(st.integers(0, 50))))
    at = data.draw(st.integers(0, len(packet) - 1))
    packet[at] = data.draw(st.integers(0, 255))
    packet = packet[: data.draw(st.integers(0, len(packet)))]
    try:
        made = segments(packet, stream.l4, stream.kind, data.draw(st.integers(0, 60)))
    except MalformedPacket:
        return
    assert sum(len(part) for _, part in made) <= len(packet)


@pytest.mark.parametrize("name", STREAMS)
def test_a_checksum_is_finished(name: str) -> None:
    stream = STREAMS[name]
    right = stream.copy().packet(b"odd sizes")
    at = 6 if stream.protocol == UDP else 16
    length = len(right)
    pseudo = ones_sum(
        stream.source + stream.target + bytes((0, stream.protocol))
    ) + length - stream.l4  # fmt: skip
    packet = bytearray(right + b"what lies behind is not its own")
    packet[stream.l4 + at : stream.l4 + at + 2] = (pseudo % 0xFFFF).to_bytes(2, "big")
    finish_checksum(packet, stream.l4, at, length)
    assert packet[:length] == right


@pytest.mark.parametrize(
    ("start", "offset", "length"),
    [(20, 16, 37), (20, 16, 41), (41, 0, 40), (65535, 16, 40), (20, 65535, 40), (20, 5, 40),
     (-2, 6, 40), (20, -2, 40), (0, 0, 1), (0, 0, 0), (0, 0, 40), (18, 6, 40)],
)  # fmt: skip
def test_a_checksum_outside_of_its_packet_is_refused(start: int, offset: int, length: int) -> None:
    with pytest.raises(MalformedPacket):
        finish_checksum(bytearray(40), start, offset, length)


def test_a_checksum_in_the_header_of_ipv6_is_refused() -> None:
    """It could turn one address into another after all policies were asked."""
    packet = bytearray(v6().packet(bytes(100)))
    finish_checksum(packet, 40, 16, len(packet))
    with pytest.raises(MalformedPacket):
        finish_checksum(packet, 38, 0, len(packet))


def test_no_octets_have_no_checksum() -> None:
    with pytest.raises(MalformedPacket):
        finish_checksum(bytearray(), 20, 16, 40)


def test_a_field_at_the_very_end_is_inside() -> None:
    packet = bytearray(40)
    finish_checksum(packet, 20, 18, 40)
    assert packet[38:] == b"\0\0"


def test_headers_are_found_in_all_streams() -> None:
    for stream in STREAMS.values():
        packet = whole(stream, bytes(9))
        assert headers_end(packet, stream.l4, stream.kind, 5) == (stream.protocol, stream.head_len)
    assert replace(Stream(), options=TIMESTAMPS).head_len == 52
