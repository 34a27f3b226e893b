"""What is believed of ICMP, and what is not."""

from dataclasses import replace

import pytest

from esp.child import ChildSa
from ikebana.worker.children import child_of, overhead_of
from ikebana.worker.messages import Ipsec
from ikebana.worker.path_mtu import LIFETIME, PathMtu
from policy.mtu import Overhead
from policy.path import Path
from policy.treatment import DontFragment, Treatment
from tests.esp.tunnel import udp4
from tests.ikebana.worker.rig import installs

PEER = ("192.0.2.2", 4500)
SPI = 0x1001  # outbound; 0x1000 comes in
WIDE, NARROW = 1438, 1238  # of paths of 1500 and 1300 octets


def child(
    here: str = "192.0.2.1",
    there: str = PEER[0],
    spi: int = 0x1000,
    *,
    in_udp: bool = True,
    df: DontFragment = DontFragment.COPY,
) -> tuple[ChildSa, Overhead]:
    order, _ = installs((here, 4500), (there, 4500), spi)
    path = replace(order.path, encapsulated=in_udp)
    order = replace(order, path=path, treatment=Treatment(df=df))
    return child_of(order), overhead_of(order)


def learning(
    here: str = "192.0.2.1", there: str = PEER[0], *, in_udp: bool = True
) -> tuple[PathMtu, ChildSa, bytes]:
    """Return a table with a child that has sent two packets, and how the last one began."""
    one, overhead = child(here, there, in_udp=in_udp)
    table = PathMtu()
    table.add(one, overhead, 1500, 0.0)
    one.seal(udp4(), 4)
    return table, one, one.seal(udp4(), 4)[:100]


def test_a_child_has_what_its_route_leaves() -> None:
    _, one, _ = learning()
    assert one.mtu == WIDE


def test_an_error_about_a_packet_of_ours_narrows_the_path() -> None:
    table, one, quote = learning()
    assert table.learn(1.0, PEER, quote, 1300)
    assert one.mtu == NARROW
    assert table.known(PEER[0], 1.0) == 1300


def test_it_is_the_peers_path_and_so_of_all_its_children_now_and_later() -> None:
    table, one, quote = learning()
    sibling, overhead = child(spi=0x2000)
    stranger, _ = child(there="192.0.2.3", spi=0x3000)
    table.add(sibling, overhead, 1500, 0.0)
    table.add(stranger, overhead, 1500, 0.0)
    assert table.learn(1.0, PEER, quote, 1300)
    later, _ = child(spi=0x4000)
    table.add(later, overhead, 1500, 2.0)
    assert [each.mtu for each in (one, sibling, stranger, later)] == [NARROW, NARROW, WIDE, NARROW]


def test_who_lets_routers_cut_believes_nothing_over_ipv4() -> None:
    table, one, quote = learning()
    clear, overhead = child(spi=0x2000, df=DontFragment.CLEAR)
    table.add(clear, overhead, 1500, 0.0)
    assert table.learn(1.0, PEER, quote, 1300)
    assert (one.mtu, clear.mtu) == (NARROW, WIDE)


@pytest.mark.parametrize(
    ("remote", "quote"),
    [
        (PEER, b""),
        (PEER, SPI.to_bytes(4, "big")),  # and no more than that
        (PEER, (SPI + 1).to_bytes(4, "big") + b"\0\0\0\2"),
        (PEER, (SPI - 1).to_bytes(4, "big") + b"\0\0\0\2"),  # the one that comes in
        (PEER, SPI.to_bytes(4, "big") + b"\0\0\0\0"),
        (PEER, SPI.to_bytes(4, "big") + b"\0\0\0\3"),  # not sent yet
        (PEER, bytes(4) + SPI.to_bytes(4, "big") + b"\0\0\0\2"),  # AH knows no UDP
        (("192.0.2.3", 4500), SPI.to_bytes(4, "big") + b"\0\0\0\2"),
        ((PEER[0], 4501), SPI.to_bytes(4, "big") + b"\0\0\0\2"),
        ((PEER[0], 0), SPI.to_bytes(4, "big") + b"\0\0\0\2"),
    ],
)
def test_what_was_not_sent_there_is_not_believed(remote: tuple[str, int], quote: bytes) -> None:
    table, one, _ = learning()
    assert not table.learn(1.0, remote, quote, 1300)
    assert one.mtu == WIDE


def test_a_packet_long_ago_is_no_proof() -> None:
    table, one, quote = learning()
    one.outbound.seq = 1 << 17
    assert not table.learn(1.0, PEER, quote, 1300)


def test_nothing_is_believed_of_a_child_that_is_gone() -> None:
    table, one, quote = learning()
    table.remove(one.inbound.spi)
    table.remove(one.inbound.spi)
    assert not table.learn(1.0, PEER, quote, 1300)
    assert table.overhead(one.inbound.spi) is None


@pytest.mark.parametrize("told", [0, 1, 68, 575])
def test_no_path_is_believed_to_be_narrower_than_all_are(told: int) -> None:
    table, one, quote = learning()
    assert table.learn(1.0, PEER, quote, told)
    assert table.known(PEER[0], 1.0) == 576
    assert one.mtu == 514


def test_nor_one_of_ipv6() -> None:
    there = ("2001:db8::2", 4500)
    table, one, quote = learning("2001:db8::1", there[0])
    assert table.learn(1.0, there, quote, 1000)
    assert (table.known(there[0], 1.0), one.mtu) == (1280, 1198)


def test_what_is_wider_than_known_is_no_news() -> None:
    table, one, quote = learning()
    assert table.learn(1.0, PEER, quote, 1300)
    assert not table.learn(2.0, PEER, quote, 1300)
    assert not table.learn(2.0, PEER, quote, 9000)
    assert table.learn(3.0, PEER, quote, 1200)
    assert one.mtu == 1138


def test_a_route_that_is_narrower_stays_the_bound() -> None:
    table, one, quote = learning()
    table.move(one.inbound.spi, 1200, 0.0)
    assert table.learn(1.0, PEER, quote, 1300)
    assert one.mtu == 1138


def test_after_ten_minutes_the_path_may_be_wider() -> None:
    table, one, quote = learning()
    assert table.learn(1.0, PEER, quote, 1300)
    table.handle_timeout(LIFETIME)
    assert one.mtu == NARROW
    table.handle_timeout(LIFETIME + 1.0)
    assert one.mtu == WIDE
    assert table.learn(LIFETIME + 2.0, PEER, quote, 1400)


def test_a_flood_of_news_is_taken_at_a_bounded_rate() -> None:
    table, _, quote = learning()
    believed = sum(table.learn(1.0, PEER, quote, 1400 - n) for n in range(400))
    assert believed == 40
    assert not table.learn(1.0, PEER, quote, 600)
    assert table.learn(1.2, PEER, quote, 600)


def test_a_child_that_moved_has_its_new_path() -> None:
    table, one, quote = learning()
    assert table.learn(1.0, PEER, quote, 1300)
    one.path = Path(one.path.local, ("192.0.2.9", 4500), encapsulated=True)
    table.move(one.inbound.spi, 0, 2.0)
    assert one.mtu == WIDE
    one.path = Path(one.path.local, PEER, encapsulated=True)
    table.move(one.inbound.spi, 1400, 3.0)
    assert one.mtu == NARROW
    table.move(0x9999, 1400, 3.0)


def test_without_udp_there_is_no_port() -> None:
    table, one, quote = learning(in_udp=False)
    assert not table.learn(1.0, PEER, quote, 1300)
    assert table.learn(1.0, (PEER[0], 0), quote, 1300)
    assert one.mtu == 1246  # eight more, without a UDP header


def authenticating(here: str, there: str) -> tuple[PathMtu, ChildSa]:
    """Return a table with a child of AH."""
    order, _ = installs((here, 4500), (there, 4500))
    order = replace(
        order,
        protocol=Ipsec.AH,
        encr="",
        integ="sha256",
        inbound_encr=b"",
        outbound_encr=b"",
        inbound_integ=bytes(32),
        outbound_integ=bytes(32),
        path=replace(order.path, encapsulated=False),
        treatment=Treatment(df=DontFragment.COPY),
    )
    one, table = child_of(order), PathMtu()
    table.add(one, overhead_of(order), 1500, 0.0)
    return table, one


@pytest.mark.parametrize("cut", [0, 20], ids=["with its IPv4 header", "without"])
def test_ah_is_known_behind_its_first_four_octets(cut: int) -> None:
    table, one = authenticating("192.0.2.1", PEER[0])
    quote = one.seal(udp4(), 4)[cut:128]
    assert table.learn(1.0, (PEER[0], 0), quote, 1300)
    assert one.mtu == 1300 - 20 - 28


def test_ah_over_ipv6_is_as_small_as_every_path_takes_for_nobody_tells() -> None:
    _, one = authenticating("2001:db8::1", "2001:db8::2")
    assert one.mtu == 1280 - 40 - 32


def test_our_own_kernel_is_believed_without_a_quote() -> None:
    table, one, _ = learning()
    assert table.narrow(1.0, PEER[0], 1300)
    assert one.mtu == NARROW
    assert not table.narrow(1.0, PEER[0], 1500)
