"""The tests that a pair of gateways goes through: TCP, UDP at its highest rate, ping."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeAlias

from benchmarks import iperf
from benchmarks.pairs import Pair
from benchmarks.wish import Wish

Sample: TypeAlias = dict[str, float]
"""What one run found: ``rate`` in Mbit/s, ``a`` and ``b`` CPU µs a packet, ``ping`` in ms."""
Test: TypeAlias = Callable[[Pair], Sample]

MOST_LOST: Final = 2.0  # per cent
_STEP: Final = 1.08  # between two rates that are tried
_STEPS: Final = 56
_BUFFER: Final = 2 << 20
_SENDER_LIMIT: Final = 0.93  # share of the wanted rate below which iperf3 cannot send faster
MSS: Final = 1348  # of an inner MTU of 1400, timestamps taken off


def tcp(wish: Wish, *options: str) -> Test:
    """Return the test of TCP from ca to cb, with iperf3's options."""

    def measure(pair: Pair) -> Sample:
        return of_tcp(pair.iperf(wish.seconds, *options))

    return measure


def of_tcp(found: dict[str, Any]) -> Sample:
    """Return a TCP run's sample; the two directions of ``--bidir`` are taken together."""
    sums = [found["end"][key] for key in ("sum_received", "sum_received_bidir_reverse")
            if key in found["end"]]  # fmt: skip
    rate = sum(one["bits_per_second"] for one in sums) / 1e6
    packets = sum(one["bytes"] for one in sums) / (found["start"].get("tcp_mss_default") or MSS)
    return sample(rate, found["cpu"], packets)


def sample(rate: float, cpu: list[float], packets: float) -> Sample:
    """Return a sample of so many Mbit/s, CPU seconds of A and B, and packets."""
    a, b = cpu
    each = 1e6 / max(packets, 1)
    return {"rate": rate, "a": a * each, "b": b * each}


class Udp:
    """The highest rate with less than 2 % loss, by pair: later rounds begin where one ended."""

    def __init__(self, wish: Wish, size: int, least: float) -> None:
        self._seconds = wish.udp_seconds
        self._size = size
        self._rates = [least * _STEP**step for step in range(_STEPS)]  # Mbit/s
        self._last: dict[str, int] = {}

    def __call__(self, pair: Pair) -> Sample:
        """Return rate and CPU per packet of the best run; empty if every rate lost too much."""
        low, high, best = -1, len(self._rates), Sample()
        at, stride = self._last.get(pair.name, high // 2), 3
        while high - low > 1:
            found = self._try(pair, self._rates[at])
            if found is None:
                high = at
                at = max(at - stride, 0) if low < 0 else (low + high) // 2
            else:
                low, best = at, found
                if found["rate"] < _SENDER_LIMIT * self._rates[at]:
                    break
                at = min(at + stride, high - 1) if high == len(self._rates) else (low + high) // 2
            stride *= 2
        self._last[pair.name] = max(low, 0)
        return best

    def _try(self, pair: Pair, rate: float) -> Sample | None:
        found = udp(pair, self._seconds, self._size, rate)
        return found if found["lost"] < MOST_LOST else None


def udp(pair: Pair, seconds: float, size: int, rate: float) -> Sample:
    """Send datagrams of ``size`` octets at ``rate`` Mbit/s; ``lost`` is in per cent."""
    found = pair.iperf(seconds, "-u", "-l", str(size), "-b", f"{rate:.2f}M", *_window())
    total = found["end"]["sum"]
    got = total["bits_per_second"] / 1e6 * (1 - total["lost_percent"] / 100)
    return sample(got, found["cpu"], total["packets"]) | {"lost": total["lost_percent"]}


def ping_idle(wish: Wish) -> Test:
    """Return the test of ping alone."""
    return lambda pair: {"ping": iperf.ping(pair.lab, wish.udp_seconds)}


def ping_loaded(wish: Wish) -> Test:
    """Return the test of ping beside one TCP stream."""
    return lambda pair: {"ping": iperf.ping_during(pair.lab, wish.seconds)}


def _window() -> tuple[str, ...]:
    """Return as large a socket buffer as is allowed: else the host loses before the gateway."""
    allowed = int(Path("/proc/sys/net/core/rmem_max").read_text())
    return ("-w", str(min(allowed, _BUFFER)))
