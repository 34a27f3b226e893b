"""What is joined, what never is, and that nothing comes out that did not go in."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esp.checksum import ones_sum, pseudo_sum
from esp.coalesce import Coalescer, run_key
from esp.segments import finish_checksum, segments
from esp.vnet import NEEDS_CSUM, VNET, VNET_NONE
from tests.esp.flows import (
    ACK,
    CWR,
    ECE,
    FIN,
    KINDS,
    PSH,
    RST,
    SYN,
    TIMESTAMPS,
    UDP,
    URG,
    Device,
    Stream,
    any_stream,
    blurred,
    seeded,
    stream,
    v6,
)


def joined(packets: list[bytes], **options: bool) -> Device:
    device = Device()
    coalescer = Coalescer(device.write, **options)
    for packet in packets:
        coalescer.add(packet)
    coalescer.flush()
    assert [blurred(one) for one in device.packets] == [blurred(one) for one in packets]
    assert coalescer.merged + coalescer.singles == len(packets)
    return device


@pytest.mark.parametrize("name", KINDS)
def test_consecutive_packets_become_one(name: str) -> None:
    flow = stream(name)
    packets = [flow.packet(bytes((number,)) * 100) for number in range(5)]
    device = joined(packets)
    assert device.counts == [5]
    [[header, head, *parts]] = device.writes
    offset = 6 if flow.protocol == UDP else 16
    assert VNET.unpack(header) == (NEEDS_CSUM, flow.kind, flow.head_len, 100, flow.l4, offset)
    assert len(head) == flow.head_len
    assert b"".join(parts) == b"".join(bytes((number,)) * 100 for number in range(5))


@pytest.mark.parametrize("name", KINDS)
def test_the_kernel_can_finish_the_whole_without_cutting_it(name: str) -> None:
    """A local receiver, or a card that cuts by itself, takes the super-packet as one packet."""
    flow = stream(name)
    parts = [b"one" * 20, b"two" * 20, b"three" * 9]
    [[_, *rest]] = joined([flow.packet(part) for part in parts]).writes
    whole = bytearray(b"".join(rest))
    finish_checksum(whole, flow.l4, 6 if flow.protocol == UDP else 16, len(whole))
    once = stream(name).packet(b"".join(parts))
    assert blurred(bytes(whole)) == blurred(once)
    if not flow.is_v6:
        assert ones_sum(whole[:20]) == 0


@pytest.mark.parametrize("name", KINDS)
def test_one_packet_is_written_as_it_came(name: str) -> None:
    packet = stream(name).packet(b"alone")
    assert joined([packet]).writes == [[VNET_NONE, packet]]


@pytest.mark.parametrize("name", KINDS)
def test_a_shorter_one_is_the_last(name: str) -> None:
    flow = stream(name)
    sizes = [100, 100, 60, 100, 100]
    assert joined([flow.packet(bytes(size)) for size in sizes]).counts == [3, 2]


@pytest.mark.parametrize("name", KINDS)
def test_a_longer_one_begins_anew(name: str) -> None:
    flow = stream(name)
    assert joined([flow.packet(bytes(size)) for size in (60, 60, 100, 100)]).counts == [2, 2]


def test_psh_ends_a_run_and_is_kept() -> None:
    flow = stream()
    packets = [flow.packet(bytes(100), flags) for flags in (ACK, ACK | PSH, ACK, ACK)]
    device = joined(packets)
    assert device.counts == [2, 2]
    assert [write[1][33] for write in device.writes] == [ACK | PSH, ACK]


def test_ece_may_be_in_all_of_a_run() -> None:
    flow = stream()
    assert joined([flow.packet(bytes(9), ACK | ECE) for _ in range(3)]).counts == [3]


def test_ece_in_some_divides_runs() -> None:
    flow = stream()
    flags = [ACK, ACK, ACK | ECE, ACK | ECE]
    assert joined([flow.packet(bytes(9), one) for one in flags]).counts == [2, 2]


@pytest.mark.parametrize("flag", [FIN, SYN, RST, URG, CWR])
@pytest.mark.parametrize("at", range(3))
def test_other_flags_are_alone(flag: int, at: int) -> None:
    flow = stream()
    flags = [ACK | (flag if number == at else 0) for number in range(3)]
    counts = {0: [1, 2], 1: [1, 1, 1], 2: [2, 1]}[at]
    assert joined([flow.packet(bytes(9), one) for one in flags]).counts == counts


def test_without_ack_is_alone() -> None:
    flow = stream()
    assert joined([flow.packet(bytes(9), 0) for _ in range(2)]).counts == [1, 1]


def test_acknowledgements_without_payload_are_alone() -> None:
    flow = stream()
    assert joined([flow.packet(b""), flow.packet(b"1"), flow.packet(b"2")]).counts == [1, 2]


@pytest.mark.parametrize(
    "other",
    [
        replace(Stream(), source=b"\x0a\x01\x00\x02"),
        replace(Stream(), target=b"\x0a\x02\x00\x02"),
        replace(Stream(), ports=(40001, 5201)),
        replace(Stream(), ports=(40000, 5202)),
        replace(Stream(), tos=1),
        replace(Stream(), ttl=62),
        replace(Stream(), acknowledged=78),
        replace(Stream(), window=501),
        replace(Stream(), options=TIMESTAMPS),
        replace(Stream(), protocol=UDP),
        replace(Stream(), sequence=1101),
        replace(Stream(), sequence=1099),
        replace(Stream(), sequence=1000),
        v6(sequence=1100),
    ],
    ids=str,
)
def test_what_does_not_continue_is_written_after(other: Stream) -> None:
    flow, other = stream(), other.copy()
    if other.sequence == 1000 and other != flow:
        other.sequence = 1100
    packets = [flow.packet(bytes(100)), other.packet(bytes(100)), other.packet(bytes(100))]
    assert joined(packets).counts == [1, 2]


@pytest.mark.parametrize(
    "other",
    [replace(v6(), tos=1), replace(v6(), ttl=62), replace(v6(), ports=(1, 2)), v6(protocol=UDP)],
    ids=str,
)
def test_what_does_not_continue_over_ipv6(other: Stream) -> None:
    flow, other = v6(), other.copy()
    other.sequence = 1100
    packets = [flow.packet(bytes(100)), other.packet(bytes(100)), other.packet(bytes(100))]
    assert joined(packets).counts == [1, 2]


def test_other_timestamps_divide_runs() -> None:
    flow = Stream(options=TIMESTAMPS)
    packets = [flow.packet(bytes(100)), flow.packet(bytes(100))]
    flow.options = TIMESTAMPS[:-1] + b"\x78"
    assert joined([*packets, flow.packet(bytes(100)), flow.packet(bytes(100))]).counts == [2, 2]


def test_two_flows_in_turn_keep_their_order() -> None:
    one, other = stream(), Stream(ports=(1, 2))
    packets = [flow.packet(bytes(100)) for _ in range(3) for flow in (one, other)]
    assert joined(packets).counts == [1] * 6


def test_sequence_numbers_wrap() -> None:
    flow = Stream(sequence=0xFFFFFFFF - 150)
    assert joined([flow.packet(bytes(100)) for _ in range(4)]).counts == [4]


ALONE = {
    "DF is clear": replace(Stream(), fragment=0),
    "more fragments follow": replace(Stream(), fragment=0x2000),
    "a later fragment": replace(Stream(), fragment=0x4001),
    "the reserved bit": replace(Stream(), fragment=0xC000),
    "IP options": replace(Stream(), ip_options=bytes.fromhex("94040000")),
    "SCTP": replace(Stream(), protocol=132),
    "IPv6 extension headers": v6(protocol=60),
}


@pytest.mark.parametrize("name", ALONE)
def test_alone(name: str) -> None:
    flow = ALONE[name].copy()
    assert joined([flow.packet(bytes(100)) for _ in range(3)]).counts == [1, 1, 1]


@pytest.mark.parametrize("family", [Stream, v6])
def test_udp_without_a_checksum_is_alone(family: type[Stream]) -> None:
    flow = family(protocol=UDP)
    assert joined([flow.packet(bytes(100), checksum=False) for _ in range(2)]).counts == [1, 1]


@pytest.mark.parametrize("name", KINDS)
def test_octets_after_the_packet_keep_it_alone(name: str) -> None:
    flow = stream(name)
    packets = [flow.packet(bytes(100)), flow.packet(bytes(100)) + b"x", flow.packet(bytes(100))]
    assert joined(packets).counts == [1, 1, 1]


@pytest.mark.parametrize("name", ["udp4", "udp6"])
def test_a_udp_length_that_lies_keeps_it_alone(name: str) -> None:
    packets = []
    for change in (0, -1, 1):
        packet = bytearray(stream(name).packet(bytes(100)))
        packet[stream(name).l4 + 5] += change
        packets.append(bytes(packet))
    assert joined(packets).counts == [1, 1, 1]


@pytest.mark.parametrize("offset", [0, 1, 4, 15])
def test_a_data_offset_that_lies_keeps_it_alone(offset: int) -> None:
    flow = stream()
    packets = [bytearray(flow.packet(bytes(20))) for _ in range(2)]
    for packet in packets:
        packet[32] = offset << 4
    assert joined([bytes(packet) for packet in packets]).counts == [1, 1]


@pytest.mark.parametrize("name", KINDS)
def test_each_bit_that_is_wrong_comes_out_as_wrong(name: str) -> None:
    """Joined, the packet would be given a good checksum: nobody could see any more."""
    flow = stream(name)
    packets = [flow.packet(bytes(range(9))) for _ in range(3)]
    for at in range(len(packets[1])):
        wrong = bytearray(packets[1])
        wrong[at] ^= 0x10
        everything = [packets[0], bytes(wrong), packets[2]]
        device = Device()
        coalescer = Coalescer(device.write)
        for packet in everything:
            coalescer.add(packet)
        coalescer.flush()
        # as they came, identification and all, unless the bit is in what nothing covers
        covered = flow.is_v6 is False or at not in (1, 2, 3, 7)
        if covered:
            assert [bytes(one) for write in device.writes for one in write[1:]] == everything, at
        assert [blurred(one) for one in device.packets] == [blurred(one) for one in everything]


def test_two_errors_that_cancel_are_seen() -> None:
    flow = stream()
    one, other = (bytearray(flow.packet(bytes(100))) for _ in range(2))
    one[60] += 1
    other[60:62] = b"\xfe\xff"  # 0x0100 more in the one, as much less in the other
    device = Device()
    coalescer = Coalescer(device.write)
    coalescer.add(bytes(one))
    coalescer.add(bytes(other))
    coalescer.flush()
    assert (coalescer.bad, coalescer.merged, coalescer.singles) == (1, 0, 2)
    assert device.writes == [[VNET_NONE, bytes(one)], [VNET_NONE, bytes(other)]]


def test_a_run_is_no_longer_than_allowed() -> None:
    flow, datagrams = stream(), stream("udp4")
    assert joined([flow.packet(bytes(9)) for _ in range(130)]).counts == [64, 64, 2]
    assert joined([datagrams.packet(bytes(20)) for _ in range(70)]).counts == [32, 32, 6]


def test_a_super_packet_is_no_longer_than_a_packet_can_be() -> None:
    for flow, count in ((stream(), 45), (v6(), 45)):
        counts = joined([flow.packet(bytes(1448)) for _ in range(50)]).counts
        assert counts == [count, 50 - count]
    flow = stream()
    exact = [flow.packet(bytes(13099)) for _ in range(5)]
    assert joined(exact).counts == [5]
    assert len(b"".join(joined(exact).writes[0][1:])) == 65535


def test_datagrams_stay_apart_where_the_kernel_cannot_cut_them() -> None:
    device = Device()
    coalescer = Coalescer(device.write, most_udp=1)
    datagrams, flow = stream("udp4"), stream()
    for packet in [datagrams.packet(bytes(20)) for _ in range(3)]:
        coalescer.add(packet)
    for packet in [flow.packet(bytes(9)) for _ in range(3)]:
        coalescer.add(packet)
    coalescer.flush()
    assert device.counts == [1, 1, 1, 3]


@pytest.mark.parametrize("name", KINDS)
def test_merging_can_be_switched_off(name: str) -> None:
    flow = stream(name)
    packets = [flow.packet(bytes(100)) for _ in range(3)]
    assert joined(packets, merge=False).writes == [[VNET_NONE, one] for one in packets]


@given(st.binary(max_size=100))
def test_noise_is_written_as_it_came(octets: bytes) -> None:
    device = Device()
    coalescer = Coalescer(device.write)
    for _ in range(2):
        coalescer.add(octets)
    coalescer.flush()
    assert device.writes == [[VNET_NONE, octets]] * 2


@given(st.integers(0, 1 << 32))
def test_what_comes_out_is_what_went_in(seed: int) -> None:
    rng = seeded(seed)
    flows = [any_stream(rng) for _ in range(rng.randrange(1, 4))]
    packets = []
    for _ in range(rng.randrange(1, 60)):
        flow = rng.choice(flows)
        flags = rng.choice([ACK] * 8 + [ACK | PSH, ACK | FIN, SYN, ACK | CWR, ACK | ECE])
        packet = flow.packet(rng.randbytes(rng.choice([0, 1, 100, 100, 100, 333])), flags)
        if rng.random() < 0.05:
            octets = bytearray(packet)
            octets[rng.randrange(len(octets))] ^= 1 << rng.randrange(8)
            packet = bytes(octets)
        packets += [packet] * rng.choice([0] + [1] * 20 + [2])
    joined(packets)


def test_the_pseudo_header_is_never_told_as_no_checksum() -> None:
    """A super-packet of UDP whose field is 0 could be taken for one without a checksum."""
    flow = stream("udp4")
    for last in range(0xFFFF):
        flow.target = b"\x0a\x02" + last.to_bytes(2, "big")
        if pseudo_sum(flow.copy().packet(b""), UDP, 8 + 60) == 0:
            break
    [[_, head, *_parts]] = joined([flow.packet(bytes(30)), flow.packet(bytes(30))]).writes
    assert head[26:28] == b"\xff\xff"


def test_keys_are_equal_only_for_what_may_be_joined() -> None:
    flow = Stream(options=TIMESTAMPS)
    one, other = flow.packet(bytes(10)), flow.packet(bytes(50), ACK | PSH)
    assert run_key(one, 20, 6, 52) == run_key(other, 20, 6, 52)
    flow.ttl = 1
    assert run_key(one, 20, 6, 52) != run_key(flow.packet(b""), 20, 6, 52)


@given(st.integers(0, 1 << 32), st.integers(13, 1400), st.integers(2, 32))
def test_what_was_cut_apart_is_joined_to_the_same_octets(seed: int, mss: int, count: int) -> None:
    rng = seeded(seed)
    flow = replace(any_stream(rng), fragment=0x4000)
    payload = rng.randbytes(mss * (count - 1) + rng.randrange(13, mss + 1))
    whole = flow.copy().packet(payload, rng.choice([ACK, ACK | PSH, ACK | ECE]))
    cut = segments(memoryview(bytearray(whole)), flow.l4, flow.kind, mss)
    [[_, *rest]] = joined([bytes(head) + bytes(part) for head, part in cut]).writes
    again = bytearray(b"".join(rest))
    finish_checksum(again, flow.l4, 6 if flow.protocol == UDP else 16, len(again))
    assert again == whole
