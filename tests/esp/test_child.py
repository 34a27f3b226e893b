"""What a child carries out, lets in, and where its peer is."""

import pytest

from esp.child import ChildSa
from esp.inner import carried_as
from esp.sa import Drop, InboundSa, OutboundSa
from policy.flow import MalformedPacket, flow_key, flow_of
from policy.path import Path
from policy.selectors import TrafficSelector
from policy.treatment import Treatment
from tests.esp.tunnel import MOON, MOON_NETS, MTU, SUN, SUN_NETS, child_pair, gcm, udp4, udp6

ELSEWHERE = ("192.0.2.9", 1024)


def admits(packet: bytes) -> bool:
    _, sun = child_pair()
    answers = {sun.admits(flow_key(packet), packet) for _ in range(2)}  # the second remembered
    assert len(answers) == 1
    return answers.pop()


def test_carries_from_local_to_remote_only() -> None:
    moon, _ = child_pair()
    assert moon.carries(flow_of(udp4()))
    assert moon.carries(flow_of(udp6()))
    assert not moon.carries(flow_of(udp4(source="10.2.0.1", target="10.1.0.1")))
    assert not moon.carries(flow_of(udp4(target="10.3.0.1")))


def test_admits_from_remote_to_local_only() -> None:
    assert admits(udp4())
    assert admits(udp6())
    assert not admits(udp4(source="10.9.0.1"))
    assert not admits(udp4(target="10.9.0.1"))
    assert not admits(udp6(source="fd09::1"))
    assert not admits(udp4(source="10.2.0.1", target="10.1.0.1"))


def test_a_selector_of_one_version_admits_nothing_of_the_other() -> None:
    _, sun = child_pair(nets=1)
    assert not sun.admits(flow_key(udp6()), udp6())


def test_more_flows_than_are_remembered_are_still_admitted() -> None:
    _, sun = child_pair()
    packet = bytearray(udp4())
    for port in range(5000):
        packet[20:22] = port.to_bytes(2, "big")
        one = bytes(packet)
        assert sun.admits(flow_key(one), one)


def test_what_cannot_be_classified_is_malformed() -> None:
    _, sun = child_pair()
    with pytest.raises(MalformedPacket):
        sun.admits(b"key", b"\x45")


def test_the_source_follows_the_path() -> None:
    moon, _ = child_pair()
    assert moon.source == SUN
    moon.path = Path(MOON, ELSEWHERE, encapsulated=True)
    assert moon.source == ELSEWHERE


def test_without_encapsulation_no_source_is_followed() -> None:
    moon, _ = child_pair()
    moon.path = Path(MOON, SUN)
    assert moon.source is None


def dns(*, later_fragments: bool) -> ChildSa:
    here, there = (
        TrafficSelector(4, one.start, one.end, 17, 53, 53) for one in (MOON_NETS[0], SUN_NETS[0])
    )
    return ChildSa(
        "dns", OutboundSa(1, gcm()), InboundSa(2, gcm()), Path(MOON, SUN), (here,), (there,), 1400,
        later_fragments=later_fragments,
    )  # fmt: skip


@pytest.mark.parametrize("later_fragments", [False, True])
def test_later_fragments_go_with_the_first_one_where_both_ends_want_it(
    later_fragments: bool,
) -> None:
    child = dns(later_fragments=later_fragments)
    for proto, is_inside in ((17, later_fragments), (6, False)):
        out = udp4(frag=9, proto=proto)
        back = udp4(source="10.2.0.1", target="10.1.0.1", frag=9, proto=proto)
        assert child.carries(flow_of(out)) is is_inside
        assert child.admits(flow_key(back), back) is is_inside
    foreign = udp4(source="10.9.0.1", target="10.1.0.1", frag=9)
    assert not child.admits(flow_key(foreign), foreign)
    first = udp4(source="10.2.0.1", target="10.1.0.1", flags="MF")  # from port 9
    assert not child.admits(flow_key(first), first)


def test_padding_makes_packets_alike_and_is_gone_at_the_other_end() -> None:
    moon, sun = child_pair(treatment=Treatment(tfc=256))
    small, large, huge = udp4(1), udp4(200), udp4(MTU)
    sealed = [moon.seal(one, 4) for one in (small, large, huge)]
    assert len(sealed[0]) == len(sealed[1]) < len(sealed[2])
    opened = [sun.open(one) for one in sealed]
    assert all(carried_as(inner) == 4 == next_header for next_header, inner in opened)
    for (_, inner), sent in zip(opened, (small, large, huge), strict=True):
        assert inner.startswith(sent)
    assert opened[2][1] == huge  # above the path already
    assert moon.rows_out is None
    assert sun.rows_in is not None


@pytest.mark.parametrize("tfc", [0, 500, 0xFFFF])
def test_a_dummy_is_padded_as_packets_are_and_says_what_it_is(tfc: int) -> None:
    moon, sun = child_pair(treatment=Treatment(tfc=tfc))
    next_header, inner = sun.open(moon.dummy())
    assert next_header == 59
    assert len(inner) == {0: 64, 500: 500}.get(tfc, MTU)


def test_after_its_end_a_child_has_no_dummies_either() -> None:
    moon, _ = child_pair()
    moon.end()
    with pytest.raises(Drop):
        moon.dummy()
