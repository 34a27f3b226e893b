"""The first packets of a tunnel that has to come up: held, told, let go."""

from dataclasses import replace

from ikebana.worker.messages import Acquired, Arm, Install, Policies, Remove
from policy.spd import Action, Policy, SelectorPair
from tests.esp.tunnel import MOON_NETS, SUN_NETS, cidr, udp4
from tests.ikebana.worker.rig import Side, acquired, installs, policies, side, wait

HELD = 64  # packets for one tunnel
TUNNELS = 256  # that can have packets held


def many(count: int) -> Policies:
    """Arm ``count`` tunnels: number n to the network 10.9.n.0/24 of 10.9.0.0/16 and on."""
    nets = [cidr(f"10.{9 + number // 256}.{number % 256}.0/24") for number in range(count)]
    pairs = [SelectorPair(MOON_NETS[0], net) for net in nets]
    rows = [Policy(f"t{n}", Action.PROTECT, (pair,), f"t{n}") for n, pair in enumerate(pairs)]
    return Policies(tuple(rows), tuple(row.name for row in rows))


def to(number: int, size: int = 1) -> bytes:
    return udp4(size, target=f"10.{9 + number // 256}.{number % 256}.1")


def join(moon: Side, sun: Side) -> Install:
    """Give sun its end; return moon's order."""
    ours, theirs = installs(moon.at, sun.at)
    sun.worker.handle(theirs)
    return ours


def test_first_packets_are_held_and_not_lost_once_the_tunnel_is_up() -> None:
    with side() as moon, side() as sun:
        moon.worker.handle(policies("net"))
        moon.send(udp4(1))
        moon.send(udp4(2), udp4(3))
        assert moon.said(Acquired) == [acquired(udp4())]
        assert not wait(sun.udp, 0)
        moon.worker.handle(join(moon, sun))
        sun.take()
        assert sun.got() == [udp4(1), udp4(2), udp4(3)]
        moon.send(udp4(4))
        sun.take()
        assert sun.got() == [udp4(4)]
        assert moon.said(Acquired) == []
        assert moon.drops() == {"acquires": 3}


def test_a_tunnel_that_lost_its_sa_is_told_anew() -> None:
    with side() as moon, side() as sun:
        moon.worker.handle(policies("net"))
        moon.send(udp4(1))
        moon.worker.handle(join(moon, sun))
        moon.worker.handle(Remove(1, 0x1000))
        moon.worker.outbox.clear()
        moon.send(udp4(2))
        assert moon.said(Acquired) == [acquired(udp4())]


def test_a_try_that_failed_is_followed_by_another_when_packets_still_come() -> None:
    with side() as moon:
        moon.worker.handle(policies("net"))
        told = []
        for now in (0.0, 1.0, 4.9, 5.0, 5.1, 9.9, 10.0):
            moon.send(udp4(), now=now)
            told.append(len(moon.said(Acquired)))
        assert told == [1, 0, 0, 1, 0, 0, 1]


def test_new_policies_with_the_tunnel_still_armed_keep_what_is_held() -> None:
    with side() as moon, side() as sun:
        moon.worker.handle(policies("net"))
        moon.send(udp4(1))
        moon.worker.handle(policies("net"))
        moon.send(udp4(2))
        assert moon.said(Acquired) == [acquired(udp4())]
        moon.worker.handle(join(moon, sun))
        sun.take()
        assert sun.got() == [udp4(1), udp4(2)]


def test_disarmed_without_sa_the_held_are_let_go_and_counted() -> None:
    with side() as moon:
        moon.worker.handle(policies("net"))
        moon.send(udp4(1), udp4(2))
        moon.worker.handle(policies())
        assert moon.drops() == {"acquires": 2, "no_sa": 2}
        moon.send(udp4(3))
        assert moon.drops() == {"acquires": 2, "no_sa": 3}
        moon.worker.handle(policies("net"))
        moon.worker.outbox.clear()
        moon.send(udp4(4))
        assert moon.said(Acquired) == [acquired(udp4())]


def test_disarmed_with_an_sa_nothing_is_lost() -> None:
    with side() as moon, side() as sun:
        moon.worker.handle(policies("net"))
        moon.send(udp4(1))
        moon.worker.handle(join(moon, sun))
        moon.worker.handle(policies())
        sun.take()
        assert sun.got() == [udp4(1)]
        assert moon.drops() == {"acquires": 1}


def test_a_tunnel_taken_out_of_the_configuration_leaves_nothing_behind() -> None:
    with side() as moon:
        moon.worker.handle(policies("net"))
        moon.send(udp4(1), udp4(2))
        moon.worker.handle(Policies((), ()))
        assert moon.drops() == {"acquires": 2, "no_sa": 2}
        moon.worker.handle(policies("net"))  # another one of this name
        moon.worker.outbox.clear()
        moon.send(udp4(3))
        assert moon.said(Acquired) == [acquired(udp4())]


def test_a_held_packet_that_now_belongs_to_another_tunnel_waits_for_that_one() -> None:
    with side() as moon:
        moon.worker.handle(policies("net"))
        moon.send(udp4(1))
        moon.worker.outbox.clear()
        other = Policy("new", Action.PROTECT, policies().policies[0].selectors, "new")
        rest = Policy("net", Action.PROTECT, (), "net")
        moon.worker.handle(Policies((other, rest), ("new", "net")))
        moon.worker.handle(installs(moon.at, moon.at)[0])
        assert moon.said(Acquired) == [acquired(udp4(), "new")]
        assert not wait(moon.udp, 0)


def test_a_host_that_sends_on_meanwhile_fills_a_bounded_queue() -> None:
    with side() as moon, side() as sun:
        moon.worker.handle(policies("net"))
        for size in range(1, HELD + 11):
            moon.send(udp4(size))
        assert moon.said(Acquired) == [acquired(udp4())]
        assert moon.drops() == {"acquires": HELD + 10, "queue_full": 10}
        moon.worker.handle(join(moon, sun))
        while wait(sun.udp, 0):
            sun.worker.on_udp(sun.udp, 0.0)
        assert sun.got() == [udp4(size) for size in range(1, HELD + 1)]


def test_what_waits_too_long_is_let_go_and_counted() -> None:
    with side() as moon, side() as sun:
        moon.worker.handle(policies("net"))
        moon.send(udp4(1), udp4(2), now=0.0)
        moon.send(udp4(3), now=5.0)
        moon.worker.tick(9.0)
        assert moon.drops() == {"acquires": 3}
        moon.worker.tick(10.0)
        assert moon.drops() == {"acquires": 3, "held_expired": 2}
        moon.worker.handle(join(moon, sun))
        sun.take()
        assert sun.got() == [udp4(3)]


def test_a_host_that_scans_all_networks_is_held_for_a_bounded_number_of_tunnels() -> None:
    with side() as moon:
        count = TUNNELS + 20
        moon.worker.handle(many(count))
        for _ in range(2):
            for number in range(count):
                moon.send(to(number))
        # each is told, and once: those without room come up for the host's next packet
        assert moon.said(Acquired) == [
            acquired(to(number), f"t{number}") for number in range(count)
        ]
        assert moon.drops() == {"acquires": 2 * count, "queue_full": 2 * 20}
        moon.worker.handle(Policies((), ()))
        assert moon.drops()["no_sa"] == 2 * TUNNELS


SECOND = udp4(source="10.1.0.200", target="10.2.0.1")


def halves() -> tuple[SelectorPair, SelectorPair]:
    """Return what two children of the same tunnel are for."""
    return (
        SelectorPair(cidr("10.1.0.0/25"), SUN_NETS[0]),
        SelectorPair(cidr("10.1.0.128/25"), SUN_NETS[0]),
    )


def half(moon: Side, sun: Side, number: int) -> Install:
    """Give sun its end of one of the two children; return moon's order."""
    pair = halves()[number]
    ours, theirs = installs(moon.at, sun.at, 0x1000 * (number + 1))
    local, remote = (pair.local,), (pair.remote,)
    sun.worker.handle(replace(theirs, local_ts=remote, remote_ts=local))
    return replace(ours, local_ts=local, remote_ts=remote)


def test_each_child_of_a_tunnel_comes_up_by_its_own_packets() -> None:
    with side() as moon, side() as sun:
        moon.worker.handle(Policies((Policy("net", Action.PROTECT, halves(), "net"),), ("net",)))
        moon.send(udp4(1), udp4(2), SECOND, udp4(3))
        assert moon.said(Acquired) == [acquired(udp4()), acquired(SECOND)]
        moon.worker.handle(half(moon, sun, 0))
        sun.take()
        assert sun.got() == [udp4(1), udp4(2), udp4(3)]
        assert moon.said(Acquired) == []  # of the other one the daemon knows
        moon.worker.handle(half(moon, sun, 1))
        sun.take()
        assert sun.got() == [SECOND]
        assert moon.drops() == {"acquires": 4}  # SECOND was looked at once


def test_a_child_that_is_lost_beside_another_is_told_of() -> None:
    with side() as moon, side() as sun:
        moon.worker.handle(Policies((Policy("net", Action.PROTECT, halves(), "net"),), ("net",)))
        moon.worker.handle(half(moon, sun, 0))
        moon.worker.handle(half(moon, sun, 1))
        moon.worker.handle(Remove(1, 0x2000))
        moon.send(udp4(1), SECOND)
        assert moon.said(Acquired) == [acquired(SECOND)]
        sun.take()
        assert sun.got() == [udp4(1)]


def test_one_tunnel_is_armed_without_a_word_about_the_others() -> None:
    with side() as moon:
        moon.worker.handle(policies())
        moon.worker.handle(Arm("net", True))
        moon.send(udp4(1))
        assert moon.said(Acquired) == [acquired(udp4())]
        moon.worker.handle(Arm("net", False))
        moon.send(udp4(2))
        assert moon.drops() == {"acquires": 1, "no_sa": 2}  # what was held is let go, too


def test_policies_in_parts_take_effect_together() -> None:
    with side() as moon:
        first, second = many(2).policies
        moon.worker.handle(Policies((first,), ("t0",), more=True))
        moon.send(to(0))
        assert moon.drops() == {"policy": 1}
        moon.worker.handle(Policies((second,), ()))
        moon.send(to(0), to(1))
        assert [one.tunnel for one in moon.said(Acquired)] == ["t0"]
        assert moon.drops() == {"policy": 1, "acquires": 1, "no_sa": 1}
