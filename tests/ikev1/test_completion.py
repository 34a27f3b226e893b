"""What phase 1 ends in."""

from ikecore.actions import Established
from ikev1.message import Exchange

from .network import Network, quiet, said


def test_without_xauth_the_sa_is_up_at_once() -> None:
    net = Network(quiet("moon"), quiet("sun"))
    net.lose_when(said("moon", Exchange.QUICK), times=99)
    net.initiate("moon")
    assert len(net.seen(Established, "moon")) == len(net.seen(Established, "sun")) == 1


def test_phase_1_keys_that_life_does_not_need_are_gone() -> None:
    net = Network(quiet("moon"), quiet("sun"))
    net.initiate("moon")
    sa = net.up("moon")[0]
    assert net.hosts["moon"].endpoint.has_sa(sa)
