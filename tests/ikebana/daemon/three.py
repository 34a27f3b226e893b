"""A connection with three children, on a clock that only moves when told."""

from ikebana.config.connection import CloseAction, Initiation
from ikecore.profile import ChildProfile
from policy.flow import Flow
from policy.selectors import TrafficSelector
from tests.ikebana.daemon.lives import LOCAL, Life


def child(number: int) -> ChildProfile:
    return ChildProfile(LOCAL, (TrafficSelector.from_cidr(f"10.2.{number}.0/24"),))


def flow(number: int) -> Flow:
    local, remote = LOCAL[0].start + 1, TrafficSelector.from_cidr(f"10.2.{number}.1/32").start
    return Flow(4, 17, local, remote, 5, 5)


THREE = ONE, TWO, THIRD = child(1), child(2), child(3)


def life_of(
    initiation: Initiation = Initiation.ACTIVE, close: CloseAction = CloseAction.RESTART
) -> Life:
    return Life(initiation, close=close, children=THREE)


def connected() -> tuple[Life, bytes, list[int]]:
    life = life_of()
    sa = life.authenticate()
    spis = [life.child(sa, one) for one in THREE]
    life.forget()
    return life, sa, spis
