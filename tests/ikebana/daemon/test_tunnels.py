"""A connection as the daemon runs it."""

from types import SimpleNamespace
from typing import cast

import pytest

from ikebana.config.compile import compile_config
from ikebana.daemon.tunnels import Tunnel, is_half_open, make_tunnel, policy_of
from ikecore.actions import ChildClosed, Closed, Reason
from ikecore.profile import ChildProfile
from policy.selectors import TrafficSelector
from policy.spd import SelectorPair
from tests.ikebana.config.sample import CONNECTION, config
from tests.ikebana.daemon.lives import Fixed

SA = b"an SA's "


def test_the_policy_has_the_pairs_of_each_child_and_no_others() -> None:
    one, two, six = map(TrafficSelector.from_cidr, ("10.1.1.0/24", "10.1.2.0/24", "2001:db8::/64"))
    there, other = map(TrafficSelector.from_cidr, ("10.2.1.0/24", "10.2.2.0/24"))
    plan = compile_config(config(CONNECTION)).tunnels[0]
    policy = policy_of(plan, (ChildProfile((one, six), (there,)), ChildProfile((two,), (other,))))
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


def test_the_policy_of_a_child_between_the_ends_is_made_when_both_are_known() -> None:
    text = CONNECTION + '[connection.ipsec]\nmode = "transport"\n'
    one = make_tunnel(compile_config(config(text)).tunnels[0], Fixed())
    assert (one.policy.selectors, one.find_policy()) == ((), False)
    one.local, one.remote = "192.0.2.1", frozenset({"192.0.2.2"})
    assert one.find_policy()
    (pair,) = one.policy.selectors
    assert (str(pair.local), str(pair.remote)) == ("192.0.2.1/32", "192.0.2.2/32")
    assert not one.find_policy()
    assert [str(net) for net in one.remote_nets] == ["192.0.2.2/32"]
