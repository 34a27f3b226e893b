"""What an attacker does to the packet worker, one test each."""

import os
import socket
import struct
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace

import pytest

from ikebana.worker.messages import Acquired, Done, Ike, Moved, Network, Traffic
from ikebana.worker.worker import Worker
from tests.esp.flows import internet_checksum
from tests.esp.tunnel import udp4
from tests.ikebana.worker.rig import HOST, Side, installs, policies, side, two, wait
from tundev.udp import open_udp, receive_batch, send_rows

MARKER = bytes(4)


@contextmanager
def stranger() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        yield sock


def wiretap(moon: Side, sun: Side, *packets: bytes) -> list[bytes]:
    """Return what moon sends; none of it reaches sun."""
    moon.send(*packets)
    return [data for data, *_ in receive_batch(sun.udp, 1000)]


def flood(moon: Side, sender: socket.socket, count: int, now: float) -> int:
    """Send so many IKE datagrams; return how many the daemon is given."""
    given = 0
    for start in range(0, count, 50):
        for _ in range(min(50, count - start)):
            sender.sendto(MARKER + b"ike", moon.at)
        moon.take(now)
        given += len(moon.said(Ike))
    assert not wait(moon.udp, 0)
    return given


class TestSomeoneWhoFloodsThePort:
    def test_with_ike_gets_a_burst_and_a_rate_through(self) -> None:
        with side() as moon, stranger() as attacker:
            assert flood(moon, attacker, 600, now=100.0) == 500
            assert moon.drops() == {"ike_rate": 100}
            assert flood(moon, attacker, 200, now=100.0625) == 125  # 2000 a second
            assert flood(moon, attacker, 50, now=100.0625) == 0
            assert moon.drops() == {"ike_rate": 225}
            assert flood(moon, attacker, 600, now=9999.0) == 500  # saved up no further

    def test_with_ike_from_elsewhere_keeps_no_peer_that_has_a_tunnel_out(self) -> None:
        with two() as (moon, sun), stranger() as attacker:
            attacker.bind(("127.0.0.9", 0))
            assert flood(moon, attacker, 600, now=100.0) == 500
            assert flood(moon, attacker, 50, now=100.0) == 0
            assert flood(moon, sun.udp, 50, now=100.0) == 50

    def test_with_ike_costs_the_tunnel_nothing(self) -> None:
        with two() as (moon, sun), stranger() as attacker:
            flood(sun, attacker, 600, now=1.0)
            for _ in range(10):
                attacker.sendto(MARKER + b"ike", sun.at)
            moon.send(udp4(1))
            sun.take(1.0)
            assert sun.got() == [udp4(1)]
            assert sun.said(Ike) == []

    def test_with_keepalives_wakes_nobody(self) -> None:
        with side() as moon, stranger() as attacker:
            for _ in range(5):
                attacker.sendto(b"\xff", moon.at)
            moon.take()
            assert moon.drops() == {"keepalives": 5}
            assert moon.worker.outbox == []

    def test_with_scraps_of_headers_is_counted(self) -> None:
        scraps = [
            b"",
            b"\x00",
            bytes(3),
            b"\xff\xff",
            b"\xff" * 4,
            b"\x00\x00\x10\x01",
            bytes(4),
        ]
        with two() as (_, sun), stranger() as attacker:
            for scrap in scraps:
                attacker.sendto(scrap, sun.at)
            sun.take()
            # four octets of 0 are a marker with nothing behind: IKE's to refuse
            assert [one.data for one in sun.said(Ike)] == [b""]
            assert sun.drops() == {"malformed": len(scraps) - 1}
            assert sun.got() == []


class TestSomeoneOnTheWay:
    def test_who_repeats_a_packet_gets_it_in_once(self) -> None:
        with two() as (moon, sun), stranger() as attacker:
            (sealed,) = wiretap(moon, sun, udp4(1))
            for _ in range(3):
                attacker.sendto(sealed, sun.at)
            sun.take()
            assert sun.got() == [udp4(1)]
            assert sun.drops()["replay"] == 2

    def test_who_slips_bad_packets_into_a_batch_costs_no_other(self) -> None:
        with two() as (moon, sun), stranger() as attacker:
            sealed = wiretap(moon, sun, *[udp4(size) for size in range(1, 6)])
            forged = sealed[1][:-1] + bytes((sealed[1][-1] ^ 1,))
            unknown = b"\xba\xad\xf0\x0d" + sealed[2][4:]
            for one in (sealed[0], forged, sealed[1], unknown, sealed[2], sealed[2][:20],
                        sealed[3], b"", b"\xff", MARKER + b"x", sealed[4]):  # fmt: skip
                attacker.sendto(one, sun.at)
            sun.take()
            assert sun.got() == [udp4(size) for size in range(1, 6)]
            drops = {name: n for name, n in sun.drops().items() if name != "moved"}
            assert drops == {"integrity": 1, "no_sa": 1, "malformed": 2, "keepalives": 1}
            assert [one.data for one in sun.said(Ike)] == [b"x"]

    def test_who_forges_or_repeats_from_elsewhere_moves_nobody(self) -> None:
        with two() as (moon, sun), stranger() as attacker:
            moon.send(udp4(1))
            sun.take()
            (sealed,) = wiretap(moon, sun, udp4(2))
            moon.udp.sendto(sealed, sun.at)
            sun.take()
            attacker.sendto(sealed, sun.at)
            attacker.sendto(sealed[:8] + bytes(len(sealed) - 8), sun.at)
            attacker.sendto(sealed[:4] + b"\x00\x00\xff\xff" + sealed[8:], sun.at)
            sun.take()
            assert sun.said(Moved) == []
            assert sun.drops() == {"replay": 2, "integrity": 1}

    def test_who_gives_each_packet_another_port_keeps_the_daemon_no_busier(self) -> None:
        with two() as (moon, sun), ExitStack() as stack:
            told: list[Moved] = []
            came: list[bytes] = []
            ports = [stack.enter_context(stranger()) for _ in range(100)]
            for _ in range(8):
                sealed = wiretap(moon, sun, *[udp4(1)] * len(ports))
                for at in range(0, len(ports), 20):
                    for port, one in zip(ports[at : at + 20], sealed[at : at + 20], strict=True):
                        port.sendto(one, sun.at)
                    sun.take(1.0)
                    told += sun.said(Moved)
                    came += sun.got()
            assert len(came) == 800
            assert len(told) == 800 / 20  # each wake-up tells where the newest came from
            assert told[-1].port == ports[-1].getsockname()[1]

    def test_who_takes_the_udp_header_off_moves_nobody_to_port_0(self) -> None:
        # an IP header before the ESP packet is what a raw socket brings
        header = bytes.fromhex("4500001400000000403200007f0000017f000001")
        with two() as (moon, sun), stranger() as attacker, open_udp(HOST, 0, 0) as raw:
            (sealed,) = wiretap(moon, sun, udp4(1))
            attacker.sendto(header + sealed, raw.getsockname())
            assert wait(raw)
            sun.worker.on_raw(raw)
            assert sun.got() == [udp4(1)]  # RFC 7296 section 2.23: accepted all the same
            assert sun.said(Moved) == []

    def test_who_sends_scraps_to_the_raw_socket_is_counted(self) -> None:
        with two() as (_, sun), stranger() as attacker, open_udp(HOST, 0, 0) as raw:
            for scrap in (b"", b"\x4f", b"\x00", b"\x45" * 19, b"\x45" * 23):
                attacker.sendto(scrap, raw.getsockname())
            assert wait(raw)
            sun.worker.on_raw(raw)
            assert sun.drops() == {"malformed": 1}  # the others have no IP header: not the kernel's

    def test_whose_runs_the_kernel_merges_is_judged_packet_by_packet(self) -> None:
        with two() as (moon, sun):
            packets = [udp4(100, tos=number) for number in range(10)]
            moon.send(*packets)
            sun.take()
            assert sun.got() == packets
            run = wiretap(moon, sun, *packets)
            run[4] = b"\xba\xad" + run[4][2:]
            send_rows(moon.udp, memoryview(b"".join(run)), len(run[0]), "", sun.at)
            sun.take()
            assert sun.got() == packets[:4] + packets[5:]
            assert sun.drops() == {"no_sa": 1}


@pytest.mark.skipif(os.geteuid() != 0, reason="needs a raw socket")
def test_someone_who_forges_icmp_errors_about_any_address_does_not_drown_the_daemon() -> None:
    told = []
    with side() as moon, socket.socket(socket.AF_INET, socket.SOCK_RAW, 1) as attacker:
        for number in range(1200):
            attacker.sendto(unreachable(moon.at[1], number), (HOST, 0))
            if number % 50 == 49:
                for _ in range(3):
                    moon.worker.on_udp(moon.udp, 100.0)
                told += moon.said(Network)
        assert moon.drops() == {"icmp_in": 1200}
    assert len(told) == 500


@pytest.mark.skipif(os.geteuid() != 0, reason="needs a raw socket")
def test_someone_who_forges_icmp_errors_fills_no_buffer_that_datagrams_need() -> None:
    """While there is always a datagram to receive: the kernel counts both in one room."""
    with two() as (moon, sun), socket.socket(socket.AF_INET, socket.SOCK_RAW, 1) as attacker:
        for _ in range(40):
            for number in range(200):
                attacker.sendto(unreachable(sun.at[1], number), (HOST, 0))
            moon.send(udp4(1))
            sun.take()
            assert sun.got() == [udp4(1)]
        assert sun.worker.counts["icmp_in"] == 40 * 200


def unreachable(port: int, number: int) -> bytes:
    """Return the ICMP error that says a datagram of this port did not get to some host."""
    ends = (socket.inet_aton(HOST), bytes((10, 9, *number.to_bytes(2, "big"))))
    quote = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 100, 1, 0, 64, 17, 0, *ends)
    body = struct.pack("!BBHI", 3, 3, 0, 0) + quote + struct.pack("!HHHH", port, 4500, 80, 0)
    return body[:2] + internet_checksum(body).to_bytes(2, "big") + body[4:]


class TestAHostBehindUs:
    def test_that_sends_nonsense_into_the_tunnel_costs_no_other(self) -> None:
        noise = [b"\x00", b"\x45", b"\x60" * 39, b"\x45" * 20, b"\xff" * 100, bytes(1400)]
        with two() as (moon, sun):
            mixed = [part for number, one in enumerate(noise) for part in (one, udp4(number))]
            moon.send(*mixed)
            sun.take()
            assert sun.got() == [udp4(number) for number in range(len(noise))]
            assert sum(moon.drops().values()) == len(noise)

    def test_that_sends_to_other_networks_reaches_none(self) -> None:
        with two() as (moon, sun):
            moon.send(udp4(target="192.0.2.1"), udp4(source="192.0.2.1"), udp4(target="10.2.1.1"))
            assert not wait(sun.udp, 0)
            assert moon.drops() == {"policy": 3}


def test_a_peer_that_sends_for_networks_not_its_own_reaches_nobody() -> None:
    with two() as (moon, sun):
        _, theirs = installs(moon.at, sun.at)
        only_ipv6 = replace(theirs, remote_ts=theirs.remote_ts[1:], outbound_encr=bytes(20))
        sun.worker.handle(only_ipv6)
        moon.send(udp4(1))
        sun.take()
        assert sun.got() == []
        assert sun.drops() == {"selectors": 1}


class TestADaemonTooBusyToListen:
    def test_is_spared_what_comes_again(self) -> None:
        with side() as moon, stranger() as attacker:
            attacker.sendto(MARKER + b"ike", moon.at)
            moon.take()
            moon.worker.handle(policies("net"))
            moon.send(udp4())
            moon.worker.report()
            moon.worker.handle(installs(moon.at, moon.at, encr="rot13")[0])
            kinds = [type(one) for one in moon.worker.outbox]
            assert kinds == [Ike, Acquired, Traffic, Done]
            moon.worker.shed()
            assert [type(one) for one in moon.worker.outbox] == [Acquired, Done]
            assert moon.drops()["queue_full"] == 1

    def test_does_not_make_the_worker_grow(self) -> None:
        worker = Worker()
        worker.outbox = [Done(number) for number in range(5000)]
        worker.shed()
        assert [one.token for one in worker.outbox if isinstance(one, Done)] == list(range(1024))
        assert worker.counts["queue_full"] == 5000 - 1024
