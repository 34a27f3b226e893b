"""A connection as the daemon runs it."""

from types import SimpleNamespace
from typing import cast

import pytest

from ikebana.daemon.tunnels import Tunnel, is_half_open, policy_of
from ikecore.actions import ChildClosed, Closed, Reason
from ikecore.profile import ChildProfile
from policy.selectors import TrafficSelector
from policy.spd import SelectorPair

SA = b"an SA's "


def test_the_policy_has_the_pairs_of_each_child_and_no_others() -> None:
    one, two, six = map(TrafficSelector.from_cidr, ("10.1.1.0/24", "10.1.2.0/24", "2001:db8::/64"))
    there, other = map(TrafficSelector.from_cidr, ("10.2.1.0/24", "10.2.2.0/24"))
    policy = policy_of("net", (ChildProfile((one, six), (there,)), ChildProfile((two,), (other,))))
    assert policy.selectors == (SelectorPair(one, there), SelectorPair(two, other))
    assert (policy.name, policy.tunnel) == ("net", "net")


def tunnel(*up: bytes) -> Tunnel:
    return cast("Tunnel", SimpleNamespace(established_at=dict.fromkeys(up, 1.0)))


def closed(connection: str) -> Closed:
    return Closed(SA, connection, False, Reason.FAILED)


@pytest.mark.parametrize(
    ("report", "found", "half_open"),
    [
        (closed("net"), tunnel(), True),
        (closed("net"), tunnel(SA), False),
        (closed(""), None, True),
        (closed("gone by reload"), None, False),
        (ChildClosed(SA, "net", 256), tunnel(), False),
    ],
)
def test_an_sa_that_never_came_up_ends_without_a_line(
    report: Closed | ChildClosed, found: Tunnel | None, half_open: bool
) -> None:
    assert is_half_open(report, found) is half_open
