"""A stream of pings through the tunnel while both ends rekey every two seconds, child and IKE.

20 s in ``make test``, 180 s with ``--soak``.  On a good wire nothing is lost.  On a wire that
loses, doubles and reorders a tenth of all packets the tunnel never goes down, and the stream loses
what the wire lost.  A strongSwan that rekeys, too, loses its outbound SA there when a collision
meets a retransmission: with it only we rekey, and both rekeying is measured and told.
"""

import contextlib
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

import pytest

from tests.interop.duo import (
    HOST_A,
    HOST_B,
    PATIENT,
    connection_toml,
    gateway_toml,
    wait_for_ping,
)
from tests.interop.sides import Ours, Side, Swan
from tests.lab.echo import Stream
from tests.lab.relay import Counters, Weather
from tests.lab.relay_lab import RelayLab
from tests.lab.strongswan import StrongSwan
from tests.lab.topology import Lab, LabError, wait_for

pytestmark = [pytest.mark.lab, pytest.mark.timeout(600)]

EVERY: Final = 2  # seconds between two rekeys, at each end, of the child and of the IKE SA
SECONDS: Final = 20
SOAK: Final = 180
INTERVAL: Final = 0.005
ROUGH: Final = Weather(loss=0.1, duplicate=0.1, reorder=0.1)
NEVER: Final = 0  # a lifetime without end
SHORT: Final = {"allow_short_lifetimes": True}
SHARE: Final = 2.0  # points between the stream's losses and the wire's own
PERSISTENT: Final = ("retransmit_timeout = 0.3", "retransmit_base = 1.3", "retransmit_tries = 12")


@dataclass(frozen=True, slots=True)
class Heard:
    """What became of the stream."""

    sent: int
    lost: int
    gap: float
    down: float  # seconds in which our connection was not connected, as the status has it

    @property
    def percent(self) -> float:
        """The lost share."""
        return 100 * self.lost / self.sent

    def __str__(self) -> str:
        return (
            f"{self.lost} of {self.sent} pings lost ({self.percent:.2f} %), longest gap "
            f"{self.gap:.2f} s, down {self.down:.1f} s"
        )


@pytest.fixture
def seconds(times: int) -> int:
    return SOAK if times > 1 else SECONDS


def ours(lab: Lab, name: str, *, rekeys: bool = True) -> Ours:
    dpd = {"interval_s": 5, "timeout_s": 30}
    lifetime = EVERY if rekeys else NEVER
    text = connection_toml(lab, side=name, lifetime_s=lifetime, retry=PATIENT, dpd=dpd)
    return Ours(lab, name, gateway_toml(lab, text, side=name, lab_keys=SHORT))


def swan(lab: Lab, *, rekeys: bool = True) -> Swan:
    """Return a strongSwan; it deletes nothing hard within the test."""
    peer = StrongSwan(lab, "gb", PERSISTENT)
    often = [f"rekey_time = {EVERY}s", "rand_time = 0s"] if rekeys else ["rekey_time = 0s"]
    child, ike = [*often, "life_time = 60s"], [*often, "over_time = 60s"]
    return Swan(lab, peer, peer.connection(lines=ike, child_lines=child))


def hear(lab: Lab, a: Ours, seconds: int) -> Heard:
    """Let the stream flow both ways and watch our connection meanwhile."""
    wait_for_ping(lab, 10)
    down, step = 0.0, 0.1
    with Stream(lab["ca"], HOST_B, INTERVAL) as one, Stream(lab["cb"], HOST_A, INTERVAL) as other:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            time.sleep(step)
            if not a.see().state.is_up:
                down += step
    return Heard(one.sent + other.sent, one.lost + other.lost, max(one.gap, other.gap), down)


@contextlib.contextmanager
def rekeying(*sides: Side) -> Iterator[None]:
    """Let each side rekey its IKE SA and children every :data:`EVERY` seconds meanwhile.

    Lifetimes would do it on a good wire.  On a bad one a lifetime of two seconds ends, now and
    then, before a request that was lost twice is answered, and with it the child.
    """
    ending = threading.Event()

    def often(side: Side, first: float) -> None:
        pause = first
        while not ending.wait(pause):
            with contextlib.suppress(AssertionError, LabError):  # busy: the next time will do
                side.rekey("ike")
            pause = EVERY

    threads = [
        threading.Thread(target=often, args=(side, EVERY / (1 + number)), daemon=True)
        for number, side in enumerate(sides)
    ]
    for thread in threads:
        thread.start()
    yield
    ending.set()
    for thread in threads:
        thread.join()


def dropped(*sides: Side) -> str:
    """Return what our gateways count as dropped, and the log's last lines, for a failure."""
    return "\n".join(
        f"{[(name, n) for name, n in one.client.counters().items() if n]}\n{one.log[-4000:]}"
        for one in sides
        if isinstance(one, Ours)
    )


def rekeyed(side: Ours, seconds: int) -> None:
    """Assert that there were about as many rekeys as there had to be."""
    log = side.log
    for what in ("CHILD_SA rekeyed", "IKE SA rekeyed"):
        times = log.count(what)
        assert times >= seconds / EVERY / 4, f"{what}: only {times} times"


def wire_loss(counters: dict[str, Counters]) -> float:
    """Return by how many percent a ping and its answer have to be lost."""
    there, back = (one.lost / one.arrived for one in counters.values())
    return 100 * (1 - (1 - there) * (1 - back))


def connected(a: Side, b: Side) -> None:
    a.up()
    wait_for(lambda: a.children() and b.children(), 10, "both ends connected")


def test_two_of_ours_lose_nothing(lab: Lab, seconds: int) -> None:
    b, a = ours(lab, "gb"), ours(lab, "ga")
    connected(a, b)
    heard = hear(lab, a, seconds)
    assert heard.lost == 0, f"{heard}\n{dropped(a, b)}"
    rekeyed(a, seconds)
    rekeyed(b, seconds)


def test_strongswan_and_we_lose_nothing(lab: Lab, seconds: int) -> None:
    b, a = swan(lab), ours(lab, "ga")
    connected(a, b)
    heard = hear(lab, a, seconds)
    assert heard.lost == 0, f"{heard}\n{dropped(a, b)}"
    rekeyed(a, seconds)


def test_two_of_ours_on_a_bad_wire(relay_lab: RelayLab, seconds: int) -> None:
    b, a = ours(relay_lab, "gb", rekeys=False), ours(relay_lab, "ga", rekeys=False)
    connected(a, b)
    relay_lab.weather(ROUGH)
    with rekeying(a, b):
        heard = hear(relay_lab, a, seconds)
    wires = wire_loss(relay_lab.counters())
    assert heard.down == 0, f"{heard}\n{a.log[-4000:]}"
    assert abs(heard.percent - wires) < SHARE, f"{heard}; the wire's own: {wires:.2f} %"
    rekeyed(a, seconds)


def test_we_rekey_with_strongswan_on_a_bad_wire(relay_lab: RelayLab, seconds: int) -> None:
    b, a = swan(relay_lab, rekeys=False), ours(relay_lab, "ga", rekeys=False)
    connected(a, b)
    relay_lab.weather(ROUGH)
    with rekeying(a):
        heard = hear(relay_lab, a, seconds)
    wires = wire_loss(relay_lab.counters())
    assert heard.down == 0, f"{heard}\n{a.log[-4000:]}"
    assert abs(heard.percent - wires) < SHARE, f"{heard}; the wire's own: {wires:.2f} %"
    rekeyed(a, seconds)


def test_both_rekeying_with_strongswan_on_a_bad_wire_is_measured(
    relay_lab: RelayLab, seconds: int, record_property: Callable[[str, object], None],
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    b, a = swan(relay_lab), ours(relay_lab, "ga", rekeys=False)
    connected(a, b)
    relay_lab.weather(ROUGH)
    with rekeying(a):
        heard = hear(relay_lab, a, seconds)
    text = f"{heard}; the wire's own: {wire_loss(relay_lab.counters()):.2f} %"
    record_property("measured", text)
    with capsys.disabled():
        sys.stdout.write(f"\nboth rekey, strongSwan, a bad wire: {text}\n")
