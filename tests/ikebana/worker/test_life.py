"""A child's life in the worker: on standby, used, retired, worn out."""

from dataclasses import replace

from ikebana.worker.messages import (
    Done,
    Limit,
    Message,
    Move,
    Policies,
    Remove,
    Retire,
    Traffic,
    Use,
)
from ikebana.worker.worker import Worker
from ikecore.child import Mode
from policy.path import Path
from policy.spd import Action, Policy, SelectorPair
from tests.esp.tunnel import cidr, udp4
from tests.ikebana.worker.rig import HOST, Side, installs, policies, side, two

BACK = udp4(source="10.2.0.1", target="10.1.0.1")


def spi_of(sender: Side, receiver: Side, packet: bytes) -> int:
    """Let a packet through; return the SPI that it came on."""
    before = {spi: packets for spi, packets, *_ in children(receiver)}
    sender.send(packet)
    receiver.take()
    assert receiver.got() == [packet]
    (changed,) = [spi for spi, packets, *_ in children(receiver) if packets != before[spi]]
    return changed


def children(one: Side) -> tuple[tuple[int, ...], ...]:
    one.worker.report(changed_only=False)
    return one.said(Traffic)[-1].children


def test_a_rekey_has_no_gap() -> None:
    with two() as (moon, sun):
        ours, theirs = installs(moon.at, sun.at, 0x2000)
        sun.worker.handle(installs(moon.at, sun.at, 0x2000, standby=True)[1])
        assert spi_of(sun, moon, BACK) == 0x1000
        moon.worker.handle(ours)
        assert spi_of(sun, moon, BACK) == 0x1000
        assert spi_of(moon, sun, udp4()) == theirs.inbound_spi
        assert spi_of(sun, moon, BACK) == 0x2000
        for one, old in ((moon, 0x1000), (sun, 0x1001)):
            one.worker.handle(Remove(1, old))
        assert spi_of(moon, sun, udp4()) == theirs.inbound_spi
        assert spi_of(sun, moon, BACK) == 0x2000
        assert moon.drops() == sun.drops() == {}


def test_the_daemon_says_when_to_use_and_to_retire() -> None:
    with two() as (moon, sun):
        moon.worker.handle(installs(moon.at, sun.at, 0x2000)[0])
        sun.worker.handle(installs(moon.at, sun.at, 0x2000, standby=True)[1])
        orders: list[Message] = [Use(0x2001), Retire(0x1001), Use(0xBAD), Retire(0xBAD)]
        for order in orders:
            sun.worker.handle(order)
            assert spi_of(sun, moon, BACK) == 0x2000
        moon.worker.handle(Retire(0x2000))
        assert spi_of(moon, sun, udp4()) == 0x1001


def test_transport_mode_carries_from_host_to_host() -> None:
    hosts = (cidr(HOST),)
    policy = Policy("net", Action.PROTECT, (SelectorPair(hosts[0], hosts[0]),), "net")
    with side() as moon, side() as sun:
        for one, order in zip((moon, sun), installs(moon.at, sun.at), strict=True):
            one.worker.handle(Policies((policy,), ()))
            between = replace(order, mode=Mode.TRANSPORT, local_ts=hosts, remote_ts=hosts)
            one.worker.handle(between)
            (done,) = one.said(Done)
            # of 1500 octets: IP, UDP, ESP, IV, ICV, and the trailer's two
            assert (done.ok, done.mtu) == (True, 20 + (1500 - 20 - 8 - 8 - 8 - 16) // 4 * 4 - 2)
        packet = udp4(33, source=HOST, target=HOST, id=0)
        moon.send(packet, udp4(34, source=HOST, target=HOST, flags="MF"))
        sun.take()
        assert sun.got() == [packet]
        assert moon.drops() == {"fragment": 1}
        nowhere = Path(("", 4500), ("::1", 4500))
        moon.worker.handle(Move(0x1000, nowhere))
        moon.send(packet)
        sun.take()
        assert sun.got() == [packet]
        assert moon.drops() == {"fragment": 1, "odd_message": 1}
        moon.worker.handle(replace(between, path=nowhere))
        assert [done.ok for done in moon.said(Done)] == [False]


def test_the_end_of_the_numbers_is_told_once() -> None:
    with side(Worker(near_end=3)) as moon:
        moon.worker.handle(policies())
        moon.worker.handle(installs(moon.at, moon.at)[0])
        told = []
        for _ in range(5):
            moon.send(udp4())
            told.append(moon.said(Limit))
        assert told == [[], [], [Limit(0x1000, hard=False)], [], []]


def test_limits_of_the_way_out_are_told_at_once() -> None:
    with side() as moon:
        moon.worker.handle(policies())
        moon.worker.handle(installs(moon.at, moon.at, soft_packets=2, hard_packets=4)[0])
        told = []
        for _ in range(6):
            moon.send(udp4())
            told += [moon.said(Limit)]
        soft, hard = Limit(0x1000, hard=False), Limit(0x1000, hard=True)
        assert told == [[], [soft], [], [hard], [], []]
        assert moon.drops() == {"soft_limits": 1, "hard_limits": 1, "no_key": 2}


def test_limits_of_the_way_in_are_told_with_the_report() -> None:
    with two() as (moon, sun):
        size = len(udp4())
        _, theirs = installs(moon.at, sun.at, soft_octets=2 * size, hard_octets=3 * size)
        sun.worker.handle(replace(theirs, outbound_encr=bytes(20)))
        told, came = [], 0
        for _ in range(4):
            moon.send(udp4())
            sun.take()
            came += len(sun.got())
            sun.worker.report()
            told.append(sun.said(Limit))
        assert told == [[], [Limit(0x1001, hard=False)], [Limit(0x1001, hard=True)], []]
        assert came == 3
        assert sun.drops() == {"soft_limits": 1, "hard_limits": 1, "no_key": 1}


def test_a_key_that_has_sealed_is_not_taken_again() -> None:
    with two() as (moon, sun):
        moon.send(udp4())
        again = installs(moon.at, sun.at)[0]
        moon.worker.handle(Remove(1, again.inbound_spi))
        moon.worker.handle(replace(again, token=7))
        assert [done.ok for done in moon.said(Done) if done.token == 7] == [False]
