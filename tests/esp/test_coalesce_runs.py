"""Runs that were verified elsewhere are joined with each other and with single packets."""

import pytest

from esp.coalesce import Coalescer, Run
from esp.vnet import VNET_NONE
from tests.esp.flows import ACK, KINDS, PSH, UDP, Device, Stream, blurred, stream


def run_of(name: str, count: int, flow: Stream | None = None, flags: int = ACK) -> Run:
    """Make what a verified run is handed over as; its packets lie in one buffer."""
    flow = flow or stream(name)
    packets = [flow.packet(bytes((number,)) * 100) for number in range(count - 1)]
    packets.append(flow.packet(b"z" * 100, flags))
    buffer = bytearray(b"".join(packets))
    size, view = len(packets[0]), memoryview(buffer)
    raw = [view[number * size : (number + 1) * size] for number in range(count)]
    parts = [one[flow.head_len :] for one in raw]
    is_udp = flow.protocol == UDP
    following, last = (0, 0) if is_udp else (flow.sequence, flags)
    head = packets[0][: flow.head_len]
    return Run(head, flow.l4, flow.protocol, raw, parts, 100, following, last)


@pytest.mark.parametrize("name", KINDS)
def test_runs_and_packets_of_one_flow_join(name: str) -> None:
    flow, same = stream(name), stream(name)
    device = Device()
    coalescer = Coalescer(device.write)
    coalescer.add(flow.packet(b"\0" * 100))
    coalescer.add_run(run_of(name, 3, flow))
    coalescer.add(flow.packet(b"z" * 100))
    coalescer.add_run(run_of(name, 2, flow))
    coalescer.flush()
    assert device.counts == [7]
    payloads = [b"\0", b"\0", b"\1", b"z", b"z", b"\0", b"z"]
    expected = [same.packet(one * 100) for one in payloads]
    assert [blurred(one) for one in device.packets] == [blurred(one) for one in expected]
    assert (coalescer.merged, coalescer.runs, coalescer.singles) == (7, 1, 0)


def test_held_is_the_oldest_buffer_until_the_run_is_written() -> None:
    flow, device = stream(), Device()
    coalescer = Coalescer(device.write)
    coalescer.add(flow.packet(bytes(100)))
    assert coalescer.held is None
    first, second = run_of("tcp4", 3, flow), run_of("tcp4", 3, flow)
    coalescer.add_run(first)
    coalescer.add_run(second)
    assert coalescer.held is first[3][0].obj
    coalescer.add_run(run_of("tcp6", 2))
    assert coalescer.held not in (None, first[3][0].obj)
    coalescer.flush()
    assert coalescer.held is None
    assert device.counts == [7, 2]


def test_psh_ends_a_run_that_was_handed_over() -> None:
    flow, device = stream(), Device()
    coalescer = Coalescer(device.write)
    coalescer.add_run(run_of("tcp4", 3, flow, ACK | PSH))
    coalescer.add_run(run_of("tcp4", 3, flow))
    coalescer.flush()
    assert device.counts == [3, 3]
    assert [write[1][33] for write in device.writes] == [ACK | PSH, ACK]


def test_a_run_that_does_not_continue_begins_anew() -> None:
    flow, device = stream(), Device()
    coalescer = Coalescer(device.write)
    coalescer.add_run(run_of("tcp4", 3, flow))
    flow.sequence += 1
    coalescer.add_run(run_of("tcp4", 3, flow))
    coalescer.flush()
    assert device.counts == [3, 3]


@pytest.mark.parametrize(("name", "counts"), [("tcp4", [64, 64, 12]), ("udp6", [32] * 4 + [12])])
def test_a_run_longer_than_allowed_is_divided(name: str, counts: list[int]) -> None:
    flow, device = stream(name), Device()
    run = run_of(name, 140, flow, ACK | PSH)
    coalescer = Coalescer(device.write)
    coalescer.add_run(run)
    coalescer.flush()
    assert device.counts == counts
    assert [blurred(one) for one in device.packets] == [blurred(bytes(one)) for one in run.raw]


def test_a_run_of_one_is_written_as_it_came() -> None:
    device, run = Device(), run_of("tcp4", 1)
    coalescer = Coalescer(device.write)
    coalescer.add_run(run)
    coalescer.flush()
    assert device.writes == [[VNET_NONE, bytes(run.raw[0])]]


def test_a_damaged_packet_beside_a_verified_run_costs_it_its_merging_alone() -> None:
    flow, device = stream(), Device()
    wrong = bytearray(flow.packet(bytes(100)))
    wrong[70] = 1
    run = run_of("tcp4", 3, flow)
    coalescer = Coalescer(device.write)
    coalescer.add(bytes(wrong))
    coalescer.add_run(run)
    coalescer.flush()
    assert device.writes == [[VNET_NONE, bytes(one)] for one in (wrong, *run.raw)]
    assert coalescer.bad == 1


@pytest.mark.parametrize(("merge", "most"), [(False, 64), (True, 1)])
@pytest.mark.parametrize("name", KINDS)
def test_merging_can_be_switched_off(name: str, merge: bool, most: int) -> None:
    device, run = Device(), run_of(name, 3)
    coalescer = Coalescer(device.write, merge=merge, most=most)
    coalescer.add_run(run)
    assert device.writes == [[VNET_NONE, bytes(one)] for one in run.raw]
    assert (coalescer.singles, coalescer.merged, coalescer.held) == (3, 0, None)


def test_datagrams_alone_may_stay_apart() -> None:
    device = Device()
    coalescer = Coalescer(device.write, most_udp=1)
    coalescer.add(stream().packet(bytes(100)))
    coalescer.add_run(run_of("udp4", 3))
    coalescer.add_run(run_of("tcp4", 3))
    coalescer.flush()
    assert device.counts == [1, 1, 1, 1, 3]


def test_a_run_without_payload_stays_apart() -> None:
    run = run_of("tcp4", 2)
    device = Device()
    coalescer = Coalescer(device.write)
    coalescer.add_run(run._replace(parts=[run.raw[0][:0]] * 2, mss=0))
    assert device.counts == [1, 1]
