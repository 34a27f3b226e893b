"""Actions are values: frozen and closed, so that a runner's match can be exhaustive."""

import dataclasses
from typing import get_args

import pytest

from ikecore.actions import Action, ChildEstablished, Reason
from ikecore.child import ChildSpec, Keys, Mode
from ikecore.profile import ChildProfile
from ikecore.proposals import Protocol, Suite
from ikecore.timetable import NEVER
from policy.path import Path
from policy.selectors import TrafficSelector
from suites.encr import ENCR_BY_NAME
from suites.secret import Secret


@pytest.mark.parametrize("kind", get_args(Action))
def test_every_action_is_frozen(kind: type) -> None:
    assert dataclasses.is_dataclass(kind)
    assert kind.__dataclass_params__.frozen  # type: ignore[attr-defined]  # dataclasses' own


def test_every_reason_reads_as_words() -> None:
    assert all(reason.value == reason.value.strip() and reason.value for reason in Reason)


@pytest.mark.parametrize(("ends", "told"), [(NEVER, 0.0), (90.0, 90.0)])
def test_a_child_is_told_of_as_the_worker_has_it(ends: float, told: float) -> None:
    keys = Keys(Secret(b""), Secret(b""))
    net = (TrafficSelector.from_cidr("10.1.0.0/24"),)
    more = (TrafficSelector.from_cidr("10.1.0.0/16"),)
    suite = Suite(Protocol.ESP, ENCR_BY_NAME["aes128gcm16"])
    path = Path(("192.0.2.1", 500), ("192.0.2.2", 500))
    spec = ChildSpec("net", b"s" * 8, 1000, 2000, suite, keys, keys, net, net, path, Mode.TRANSPORT)
    wanted = ChildProfile(net, more)
    made = ChildEstablished.of(spec, wanted, ends, 999, "why", 0.5)
    assert (made.sa, made.connection, made.inbound_spi) == (spec.sa, "net", 1000)
    assert (made.outbound_spi, made.suite, made.mode) == (2000, suite, Mode.TRANSPORT)
    assert (made.local_ts, made.remote_ts, made.narrowed) == (net, net, True)
    assert (made.child, made.rekey_at) == (wanted, told)
    assert (made.replaces, made.why, made.took) == (999, "why", 0.5)
