"""What waits is bounded, and told as often as needed."""

from collections.abc import Callable

import pytest

from esp.batch import Acquire
from ikebana.worker.held import Held
from policy.flow import Flow, flow_of
from policy.spd import SelectorPair
from tests.esp.tunnel import cidr, udp4

ONE, OTHER = (
    SelectorPair(cidr("10.1.0.0/24"), cidr(net)) for net in ("10.2.0.0/24", "10.3.0.0/24")
)
BOTH = frozenset((ONE, OTHER))


def waiting(pair: SelectorPair = ONE, tunnel: str = "net", size: int = 0) -> Acquire:
    packet = udp4(size)
    return Acquire(tunnel, flow_of(packet), pair, packet)


def test_the_daemon_is_told_of_each_pair_once_in_five_seconds() -> None:
    held = Held()
    told = [
        held.wants_telling(waiting(pair), now)
        for now in (0.0, 4.9, 5.0, 5.1)
        for pair in (ONE, OTHER)
    ]
    assert told == [True, True, False, False, True, True, False, False]


def test_what_came_up_is_told_anew_and_what_still_waits_is_not() -> None:
    held = Held()
    assert all(held.wants_telling(waiting(pair), 0.0) for pair in (ONE, OTHER))
    held.settle("net", frozenset((OTHER,)))
    assert held.wants_telling(waiting(ONE), 1.0)
    assert not held.wants_telling(waiting(OTHER), 1.0)


def test_packets_come_back_in_order_and_once() -> None:
    held = Held()
    for size in (1, 2, 3):
        assert held.hold(waiting(size=size))
    assert held.take("net") == [udp4(1), udp4(2), udp4(3)]
    assert held.take("net") == held.take("other") == []


def test_nothing_is_left_of_a_tunnel_that_is_settled() -> None:
    held = Held()
    held.wants_telling(waiting(), 0.0)
    held.hold(waiting())
    held.settle("net", BOTH)
    assert held.tunnels == {"net"}
    held.take("net")
    held.settle("net", frozenset())
    held.settle("net", frozenset())
    assert held.tunnels == frozenset()


def test_there_is_room_for_so_many_packets_and_tunnels() -> None:
    held = Held()
    assert [held.hold(waiting()) for _ in range(66)] == [True] * 64 + [False] * 2
    assert [held.hold(waiting(tunnel=f"t{n}")) for n in range(257)] == [True] * 255 + [False] * 2
    held.take("net")
    assert held.hold(waiting(tunnel="t256"))


def test_a_packet_waits_ten_seconds_at_most_and_is_counted() -> None:
    held = Held()
    assert held.hold(waiting(size=1), 0.0)
    assert held.hold(waiting(size=2), 6.0)
    assert held.hold(waiting(tunnel="other"), 0.0)
    assert held.expire(9.9) == 0
    assert held.expire(10.0) == 2
    assert held.take("net") == [udp4(2)]
    assert held.take("other") == []
    assert held.expire(100.0) == 0


def test_one_tunnel_holds_so_many_octets() -> None:
    held = Held()
    big = waiting(size=32 * 1024 - 28)
    assert len(big.packet) == 32 * 1024
    assert [held.hold(big) for _ in range(5)] == [True] * 4 + [False]
    assert len(held.take("net")) == 4
    assert held.hold(big)


def test_all_together_hold_four_mebibytes_and_who_comes_late_has_room() -> None:
    held = Held()
    size = 1400
    kept = {f"t{n}": 0 for n in range(256)}
    for tunnel in kept:
        while held.hold(waiting(size=size, tunnel=tunnel)):
            kept[tunnel] += 1
    assert sum(kept.values()) * (size + 28) <= 4 * 1024 * 1024
    assert kept["t0"] == 64
    assert min(kept.values()) == kept["t255"] == 5


@pytest.mark.parametrize("leave", [lambda held: held.expire(10.0), lambda held: held.take("t0")])
def test_room_comes_back_with_what_leaves(leave: Callable[[Held], object]) -> None:
    held = Held()
    assert held.hold(waiting(size=60_000, tunnel="t0"), 0.0)
    full = [held.hold(waiting(size=60_000, tunnel=f"t{n}"), 5.0) for n in range(1, 256)]
    assert 10 < full.index(False) < 40
    leave(held)
    assert held.hold(waiting(size=60_000, tunnel="t0"), 10.0)


def test_only_what_a_child_carries_is_taken_and_the_rest_keeps_its_place() -> None:
    held = Held()
    for size in (1, 2, 3, 4):
        assert held.wants_telling(waiting(OTHER if size == 2 else ONE), 0.0) is (size < 3)
        assert held.hold(waiting(OTHER if size == 2 else ONE, size=size), 0.0)
    seen: list[Flow] = []

    def second(flow: Flow) -> bool:
        seen.append(flow)
        return len(seen) == 2

    assert held.take("net", second) == [udp4(2)]
    held.settle("net", frozenset())
    assert not held.wants_telling(waiting(ONE), 1.0)  # some of these wait still
    assert held.wants_telling(waiting(OTHER), 1.0)
    assert held.take("net") == [udp4(1), udp4(3), udp4(4)]
    assert held.expire(100.0) == 0
