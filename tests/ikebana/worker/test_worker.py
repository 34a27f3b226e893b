"""Two workers joined by loopback: an IP packet into one TUN comes out of the other."""

import socket
from dataclasses import replace
from typing import Literal

import pytest

from ikebana.worker.carrier import Descriptors
from ikebana.worker.messages import (
    Done,
    Ike,
    Ipsec,
    Limit,
    Message,
    Move,
    Moved,
    Network,
    Policies,
    Remove,
    Report,
    Traffic,
)
from ikebana.worker.worker import Worker
from policy.path import Path
from policy.spd import Action, Policy, SelectorPair
from tests.esp.tunnel import MOON_NETS, SUN_NETS, cidr, udp4, udp6
from tests.ikebana.worker.rig import HOST, acquired, installs, policies, side, two, wait
from tundev.raw import RawError, open_ah, open_esp
from tundev.udp import CannotListen, open_udp

MARKER = bytes(4)


def test_packets_of_both_versions_come_out_of_the_other_tun() -> None:
    with two() as (moon, sun):
        there = [udp4(1), udp6(2), udp4(1300), udp4(3), udp6(1200)]
        moon.send(*there)
        sun.take()
        assert sun.got() == there
        back = [udp4(7, source="10.2.0.1", target="10.1.0.1")]
        sun.send(*back)
        moon.take()
        assert moon.got() == back
        assert moon.drops() == sun.drops() == {}


def test_a_batch_is_more_than_one_run_and_keeps_its_order() -> None:
    with two() as (moon, sun):
        there = [udp4(size) for size in (100, 100, 40, 900, 900, 900, 10, 11)] * 7
        moon.send(*there)
        while wait(sun.udp, 0):
            sun.worker.on_udp(sun.udp, 0.0)
        assert sun.got() == there


def test_flows_of_several_children_each_go_along_their_path() -> None:
    with side() as moon, side() as sun, side() as mars:
        moon.worker.handle(installs(moon.at, sun.at)[0])
        sun.worker.handle(installs(moon.at, sun.at)[1])
        nets = (cidr("10.3.0.0/24"),)
        ours, theirs = installs(moon.at, mars.at, 0x3000, "far")
        moon.worker.handle(replace(ours, remote_ts=nets))
        mars.worker.handle(replace(theirs, local_ts=nets))
        both = (
            Policy("net", Action.PROTECT, (SelectorPair(MOON_NETS[0], SUN_NETS[0]),), "net"),
            Policy("far", Action.PROTECT, (SelectorPair(MOON_NETS[0], nets[0]),), "far"),
        )
        moon.worker.handle(Policies(both, ()))
        mixed = [udp4(size, target=f"10.{2 + size % 2}.0.1") for size in range(20)]
        moon.send(*mixed)
        sun.take()
        mars.take()
        assert sun.got() == mixed[::2]
        assert mars.got() == mixed[1::2]


def test_esp_without_udp_goes_through_the_raw_sockets() -> None:
    addresses = "127.66.0.1", "127.66.0.2"
    try:
        one, other = (open_esp(4, 0, address) for address in addresses)
    except RawError as error:
        pytest.skip(str(error))
    with one, other, side() as moon, side() as sun:
        path = Path((addresses[0], 500), (addresses[1], 500))
        ours, theirs = installs(path.local, path.remote)
        moon.worker.attach(Descriptors(moon.tun.fileno(), {}, {4: one}))
        sun.worker.attach(Descriptors(sun.tun.fileno(), {}, {4: other}))
        moon.worker.handle(policies())
        moon.worker.handle(replace(ours, path=path))
        sun.worker.handle(replace(theirs, path=path.reversed))
        moon.send(udp4(1), udp6(2))
        assert wait(other)
        sun.worker.on_raw(other)
        assert sun.got() == [udp4(1), udp6(2)]
        assert sun.said(Moved) == []


@pytest.mark.parametrize("addresses", [("127.66.0.1", "127.66.0.2"), ("::1", "::1")])
@pytest.mark.parametrize("esn", [False, True])
def test_ah_goes_through_raw_sockets_of_its_own(addresses: tuple[str, str], esn: bool) -> None:
    version: Literal[4, 6] = 6 if ":" in addresses[0] else 4
    try:
        one, other = (open_ah(version, 0, address) for address in addresses)
    except RawError as error:
        pytest.skip(str(error))
    with one, other, side() as moon, side() as sun:
        path = Path((addresses[0], 500), (addresses[1], 500))
        keys = {"inbound_integ": bytes(32), "outbound_integ": bytes(32)}
        orders = installs(
            path.local, path.remote, protocol=Ipsec.AH, encr="", integ="sha256", esn=esn
        )
        moon.worker.attach(Descriptors(moon.tun.fileno(), {}, {}, {version: one}))
        sun.worker.attach(Descriptors(sun.tun.fileno(), {}, {}, {version: other}))
        moon.worker.handle(policies())
        for near, order, way in ((moon, orders[0], path), (sun, orders[1], path.reversed)):
            bare = {"inbound_encr": b"", "outbound_encr": b"", "path": way, **keys}
            near.worker.handle(replace(order, **bare))  # type: ignore[arg-type]  # a table
            (done,) = near.said(Done)
            # of AH nobody would tell that an IPv6 path takes less
            assert (done.ok, done.mtu) == (True, 1500 - 20 - 28 if version == 4 else 1280 - 72)
        big = udp4(3000)
        moon.send(udp4(1), udp6(2), big)
        assert wait(other)
        sun.worker.on_ah(other)
        assert sun.got() == [udp4(1), udp6(2), big]
        assert sun.said(Moved) == []
        assert {name for name in sun.drops() if name != "no_sa"} == set()


@pytest.mark.parametrize(
    ("encr", "key", "integ", "mac"),
    [("aes256gcm16", 36, "", 0), ("chacha20poly1305", 36, "", 0), ("aes128", 16, "sha256", 32)],
)
@pytest.mark.parametrize("esn", [False, True])
def test_other_algorithms_are_installed_too(
    encr: str, key: int, integ: str, mac: int, esn: bool
) -> None:
    with two() as (moon, sun):
        orders = installs(
            moon.at,
            sun.at,
            encr=encr,
            integ=integ,
            esn=esn,
            inbound_encr=bytes(key),
            outbound_encr=bytes(key),
            inbound_integ=bytes(mac),
            outbound_integ=bytes(mac),
        )
        for one, order in zip((moon, sun), orders, strict=True):
            one.worker.handle(order)
            assert [done.ok for done in one.said(Done)] == [True]
        moon.send(udp4(5))
        sun.take()
        assert sun.got() == [udp4(5)]


class TestInstalling:
    def test_is_acknowledged_with_the_largest_inner_packet(self) -> None:
        with side() as moon:
            order, _ = installs(moon.at, moon.at)
            moon.worker.handle(order)
            (done,) = moon.said(Done)
            assert (done.token, done.ok) == (0x1000, True)
            # 1500 less IPv4, UDP, ESP header, IV, ICV: down to fours, less the trailer
            assert done.mtu == (1500 - 20 - 8 - 8 - 8 - 16) // 4 * 4 - 2

    @pytest.mark.parametrize(
        "wrong",
        [
            {"encr": "rot13"},
            {"encr": ""},
            {"integ": "crc32", "inbound_integ": bytes(4)},
            {"encr": "aes128gcm16", "inbound_encr": bytes(19)},
            {"encr": "aes128gcm16", "outbound_encr": bytes(21)},
            {"encr": "aes128gcm16", "integ": "sha256"},
            {"encr": "aes128", "inbound_encr": bytes(16), "outbound_encr": bytes(16)},
            {"encr": "aes128", "integ": "sha256", "inbound_encr": bytes(16),
             "outbound_encr": bytes(16), "inbound_integ": bytes(32), "outbound_integ": bytes(31)},
            {"inbound_spi": 1 << 32},
            {"outbound_spi": 1 << 32},
            {"inbound_spi": -1},
            {"outbound_spi": 0},
            {"protocol": Ipsec.AH, "integ": "sha256", "inbound_integ": bytes(32),
             "outbound_integ": bytes(32)},  # a key to encrypt with
            {"protocol": Ipsec.AH, "encr": "", "inbound_encr": b"", "outbound_encr": b"",
             "integ": "sha256", "inbound_integ": bytes(32), "outbound_integ": bytes(32)},  # in UDP
            {"protocol": Ipsec.AH, "encr": "", "inbound_encr": b"", "outbound_encr": b""},
        ],
        ids=str,
    )  # fmt: skip
    def test_what_cannot_be_is_refused_and_nothing_is_installed(
        self, wrong: dict[str, object]
    ) -> None:
        with side() as moon:
            moon.worker.handle(policies())
            moon.worker.handle(replace(installs(moon.at, moon.at)[0], **wrong))  # type: ignore[arg-type]  # wrong on purpose
            assert moon.said(Done) == [Done(0x1000, ok=False)]
            moon.send(udp4())
            assert moon.drops()["no_sa"] == 1
            assert not wait(moon.udp, 0)
            moon.worker.handle(Report())
            assert [one.children for one in moon.said(Traffic)] == [()]

    def test_a_refusal_leaves_what_is_there(self) -> None:
        with two() as (moon, sun):
            moon.worker.handle(installs(moon.at, sun.at, encr="rot13")[0])
            moon.send(udp4())
            sun.take()
            assert sun.got() == [udp4()]

    def test_only_the_daemons_words_are_obeyed(self) -> None:
        odd: list[Message] = [Done(1), acquired(udp4()), Moved(1, HOST, 1), Limit(1, hard=False)]
        with side() as moon:
            for message in odd:
                moon.worker.handle(message)
            assert moon.drops() == {"odd_message": 4}
            assert moon.worker.outbox == []


class TestRemoving:
    def test_is_acknowledged_and_its_packets_are_counted_from_then_on(self) -> None:
        with two() as (moon, sun):
            sun.worker.handle(Remove(77, 0x1001))
            assert sun.said(Done) == [Done(77)]
            moon.send(udp4(), udp4())
            sun.take()
            assert sun.got() == []
            assert sun.drops() == {"no_sa": 2}
            sun.send(udp4(source="10.2.0.1", target="10.1.0.1"))
            assert sun.drops() == {"no_sa": 3}

    def test_what_is_not_there_is_acknowledged_too(self) -> None:
        with side() as moon:
            moon.worker.handle(Remove(1, 0xBAD))
            assert moon.said(Done) == [Done(1)]


class TestAPeerThatMoves:
    """RFC 7296 section 2.23: it is told, and the daemon decides."""

    def test_is_told_and_not_followed_before_the_daemon_says_so(self) -> None:
        with two() as (moon, sun), open_udp(HOST, 0, 0) as elsewhere:
            fresh = HOST, int(elsewhere.getsockname()[1])
            moon.worker.attach(
                Descriptors(moon.tun.fileno(), {HOST: elsewhere})
            )  # a NAT's new mapping
            moon.send(udp4(1))
            sun.take()
            assert sun.got() == [udp4(1)]
            assert sun.said(Moved) == [Moved(0x1001, *fresh)]

            answer = udp4(2, source="10.2.0.1", target="10.1.0.1")
            sun.send(answer)
            assert wait(moon.udp)
            assert not wait(elsewhere, 0)
            moon.worker.on_udp(moon.udp, 0.0)

            sun.worker.handle(Move(0x1001, Path(sun.at, fresh, encapsulated=True)))
            sun.send(answer)
            assert wait(elsewhere)
            assert not wait(moon.udp, 0)
            moon.worker.on_udp(elsewhere, 0.0)
            assert moon.got() == [answer, answer]

            moon.send(udp4(3))
            sun.take()
            assert sun.said(Moved) == []

    def test_is_told_once_although_the_daemon_does_not_follow(self) -> None:
        with two() as (moon, sun), open_udp(HOST, 0, 0) as elsewhere:
            moon.worker.attach(Descriptors(moon.tun.fileno(), {HOST: elsewhere}))
            for number in (1, 2, 3):
                moon.send(udp4(number))
                sun.take()
            assert len(sun.said(Moved)) == 1

    def test_what_fits_is_reckoned_anew_for_the_new_path(self) -> None:
        with two() as (moon, _):
            moon.send(udp4(1300, flags="DF"))
            assert moon.drops() == {}
            moon.worker.handle(Move(0x1000, Path(moon.at, moon.at, encapsulated=True), 1280))
            moon.send(udp4(1300, flags="DF"))
            assert moon.drops() == {"too_big": 1}

    def test_a_move_of_a_child_that_is_gone_means_nothing(self) -> None:
        with side() as moon:
            moon.worker.handle(Move(0xBAD, Path(moon.at, moon.at, encapsulated=True)))
            assert moon.worker.outbox == []


class TestIke:
    def test_goes_to_the_daemon_with_its_path_and_without_its_marker(self) -> None:
        with side() as moon, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
            peer.sendto(MARKER + b"ike", moon.at)
            moon.take()
            path = Path(moon.at, (HOST, peer.getsockname()[1]), encapsulated=True)
            assert moon.said(Ike) == [Ike(path, b"ike")]

    def test_tells_which_of_our_addresses_it_came_to(self) -> None:
        wildcard = "0.0.0.0"  # noqa: S104 - many local addresses on one socket are what is tested
        with side() as moon, open_udp(wildcard, 0, 0) as udp, open_udp(HOST, 0, 0) as peer:
            moon.worker.attach(Descriptors(-1, {wildcard: udp}))
            port = udp.getsockname()[1]
            peer.sendto(MARKER + b"ike", ("127.0.0.9", port))
            assert wait(udp)
            moon.worker.on_udp(udp, 0.0)
            (ike,) = moon.said(Ike)
            assert ike.path.local == ("127.0.0.9", port)

    def test_over_ipv6_has_an_ipv6_path(self) -> None:
        try:
            udp = open_udp("::1", 0, 0)
        except CannotListen as error:
            pytest.skip(str(error))
        with udp, side() as moon:
            udp.sendto(MARKER + b"ike", udp.getsockname()[:2])
            assert wait(udp)
            moon.worker.on_udp(udp, 0.0)
            at = ("::1", udp.getsockname()[1])
            assert moon.said(Ike) == [Ike(Path(at, at, encapsulated=True), b"ike")]


def test_what_the_network_says_is_passed_on_once_for_many_datagrams() -> None:
    with two() as (moon, sun):
        sun.udp.close()
        moon.send(*[udp4(number) for number in range(1, 9)])
        moon.take()
        assert moon.said(Network) == [Network(HOST, "port unreachable")]
        moon.send(udp4(1))
        assert wait(moon.udp)
        moon.worker.tick(1.0)  # while others keep the socket busy
        assert moon.said(Network) == [Network(HOST, "port unreachable")]


def test_without_a_socket_for_the_family_packets_are_counted() -> None:
    with side() as moon:
        moon.worker.handle(policies())
        encapsulated = Path(("::1", 4500), ("::1", 4500), encapsulated=True)
        for path in (encapsulated, Path(("::1", 500), ("::1", 500)), Path((HOST, 1), (HOST, 1))):
            moon.worker.handle(installs(moon.at, moon.at, path=path)[0])
            moon.send(udp4(1), udp4(2))
        assert moon.drops() == {"no_socket": 6}


def test_a_path_that_takes_nothing_is_counted() -> None:
    with side() as moon:
        moon.worker.handle(policies())
        nowhere = Path(moon.at, ("::1", 4500), encapsulated=True)  # not from an IPv4 socket
        moon.worker.handle(installs(moon.at, moon.at, path=nowhere)[0])
        moon.send(udp4(1), udp4(2))
        assert moon.drops() == {"queue_full": 2}


def test_a_worker_without_tun_survives() -> None:
    with two() as (moon, sun):
        sun.worker.attach(Descriptors(-1, {HOST: sun.udp}))
        moon.send(udp4())
        sun.take()
        sun.worker.on_tun(0.0)
        assert sun.drops() == {"tun_full": 1}
        bare = Worker()
        bare.on_tun(0.0)
        bare.handle(installs(moon.at, sun.at)[0])
        assert isinstance(bare.outbox[-1], Done)


def test_a_full_tun_is_counted_and_blocks_nothing() -> None:
    with two() as (moon, sun):
        sun.tun.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4608)
        moon.send(*[udp4(1000)] * 30)
        sun.take()
        came = len(sun.got())
        assert 0 < came < 30
        assert sun.drops() == {"tun_full": 30 - came}


def test_the_senders_of_what_is_too_big_are_told() -> None:
    with two() as (moon, _):
        moon.send(udp4(1480, flags="DF"))
        (error,) = moon.got()
        assert (error[9], error[20:22]) == (1, b"\x03\x04")
        assert moon.drops() == {"too_big": 1}


def test_with_nothing_there_nothing_happens() -> None:
    with side() as moon:
        moon.worker.on_udp(moon.udp, 0.0)
        moon.worker.on_tun(0.0)
        assert (moon.worker.outbox, moon.drops()) == ([], {})
