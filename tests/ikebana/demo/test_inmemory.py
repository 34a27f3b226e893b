"""A gateway whose devices are lists."""

from itertools import count

from ikebana.config.compile import compile_config
from ikebana.config.load import parse
from ikebana.control.view import ConnectionState
from ikebana.demo.config import MOON, SUN, Side, toml
from ikebana.demo.inmemory import MemoryGateway
from ikebana.demo.ping import ipv4
from ikebana.demo.wire import Kind, classify

INNER = ipv4(MOON.host, SUN.host, 253, bytes(100))


def gateway(here: Side, there: Side, more: str = "", psk: str = "ab" * 32) -> MemoryGateway:
    clock = count()
    text = toml(here, there, psk).replace("initiation", f"{more}\ninitiation")
    plan = compile_config(parse(text.encode()))
    return MemoryGateway(plan, here.outside, there.outside, lambda: float(next(clock)))


def pass_on(moon: MemoryGateway, sun: MemoryGateway) -> list[Kind]:
    """Carry what there is until nobody says anything; return what it was."""
    seen: list[Kind] = []
    while moon.outbox or sun.outbox or any([moon.acknowledge(), sun.acknowledge()]):
        for here, there in ((moon, sun), (sun, moon)):
            packets, here.outbox = here.outbox, []
            seen += map(classify, packets)
            there.from_wire(packets)
    return seen


def test_two_of_them_connect_and_carry_a_packet() -> None:
    moon, sun = gateway(MOON, SUN), gateway(SUN, MOON)
    moon.up()
    # MOBIKE goes to 4500 for IKE; without a NAT ESP stays plain (RFC 4555 section 3.3)
    assert pass_on(moon, sun) == [Kind.IKE, Kind.IKE, Kind.IKE_NAT, Kind.IKE_NAT]
    assert moon.view().state is sun.view().state is ConnectionState.CONNECTED
    assert moon.view().children[0].inbound_spi == sun.view().children[0].outbound_spi
    moon.from_tun([INNER])
    assert pass_on(moon, sun) == [Kind.ESP]
    assert sun.tun == [INNER]
    assert (sun.view().packets_in, moon.view().packets_out) == (1, 1)


def test_they_encapsulate_when_told_to() -> None:
    moon, sun = (gateway(a, b, "force_encap = true") for a, b in ((MOON, SUN), (SUN, MOON)))
    moon.up()
    assert pass_on(moon, sun) == [Kind.IKE, Kind.IKE, Kind.IKE_NAT, Kind.IKE_NAT]
    moon.from_tun([INNER])
    assert pass_on(moon, sun) == [Kind.ESP_UDP]
    assert sun.tun == [INNER]


def test_nothing_leaves_before_there_is_a_tunnel() -> None:
    moon = gateway(MOON, SUN)
    moon.from_tun([INNER])
    assert moon.outbox == []
    assert moon.tun[0][20:22] == b"\x03\x0d"  # its host is told: administratively prohibited


def test_a_failure_is_kept_with_its_text() -> None:
    moon, sun = gateway(MOON, SUN), gateway(SUN, MOON, psk="cd" * 32)
    moon.up()
    pass_on(moon, sun)
    assert not moon.view().state.is_up
    assert any("AUTH" in line for line in moon.failures)
