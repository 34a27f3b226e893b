"""Random lives: whatever an endpoint reports, a connection is never stuck and never leaks."""

from hypothesis import example, given, settings
from hypothesis import strategies as st

from ikebana.config.connection import CloseAction, DpdAction, Initiation
from ikebana.control.view import ConnectionState as State
from ikebana.daemon.orders import MakeChild, RouteState, Try
from ikecore.actions import Reason, ReauthWanted
from ikecore.profile import ChildProfile
from tests.ikebana.daemon.lives import NO_CHILD, Life
from tests.ikebana.daemon.three import THREE, flow

STEPS = st.sampled_from(
    (
        "refused", "ours", "theirs", "answer", "refuse", "peer child", "lose", "expire", "delete",
        "die", "rekey child", "rekey ike", "reauth", "up", "down", "clear", "packet", "crash",
        "sleep", "sleep longer",
    )
)  # fmt: skip


class Walk:
    """A life, and what its endpoint knows."""

    def __init__(self, initiation: Initiation, close: CloseAction) -> None:
        self.life = Life(initiation, DpdAction.RESTART, close=close, children=THREE)
        self.sas: dict[bytes, list[int]] = {}
        self.answered = 0

    def step(self, what: str, draw: int) -> None:
        life, core = self.life, self.life.core
        sas = list(self.sas)
        sa = sas[draw % len(sas)] if sas else b""
        spis = self.sas.get(sa, [])
        child = THREE[draw % 3]
        match what:
            case "refused" if core.trying:
                life.fail()
            case "ours" if core.trying:
                new = life.authenticate()
                first = life.seen(Try)[-1].first
                self.sas[new] = [life.child(new, first)] if draw % 3 else []
                if not draw % 3:
                    life.fail(NO_CHILD, new, first)
            case "theirs":
                self.sas[life.authenticate(ours=False)] = []
            case "answer" | "refuse":
                self._answer(accept=what == "answer")
            case "peer child" if sas:
                spis.append(life.child(sa, child))
            case "lose" if spis:
                life.lose(sa, spis.pop(), Reason.PEER_DELETED)
            case "expire" if spis:
                life.lose(sa, spis.pop(), Reason.LIFETIME)
            case "delete" if sas:
                self._end(sa, Reason.PEER_DELETED)
            case "die" if sas:
                self._end(sa, Reason.DPD_TIMEOUT)
            case "rekey child" if spis:
                spis.append(life.child(sa, _profile(life, spis[0]), replaces=spis[0]))
                life.lose(sa, spis.pop(0), Reason.REKEYED)
            case "rekey ike" if sas:
                self.sas[life.authenticate(replaces=sa)] = self.sas.pop(sa)
                life.end(sa, Reason.REKEYED)
            case "reauth" if sas:
                life.take(core.handle(ReauthWanted(sa, "net"), life.now))
            case "up":
                life.take(core.up(life.now))
            case "down" | "clear":
                life.take(core.down() if what == "down" else core.clear())
                for one in list(self.sas):
                    self._end(one, Reason.DELETED)
            case "packet":
                life.take(core.acquired(flow(draw % 3 + 1), life.now))
            case "crash":
                life.take(core.restart(life.now))
            case "sleep" | "sleep longer":
                life.sleep(2.0 if what == "sleep" else 14.0)

    def _answer(self, *, accept: bool) -> None:
        asked = self.life.seen(MakeChild)[self.answered :]
        self.answered += len(asked)
        for one in asked:
            if one.sa in self.sas and accept:
                self.sas[one.sa].append(self.life.child(one.sa, one.child))
            elif one.sa in self.sas:
                self.life.fail(NO_CHILD, one.sa, one.child)

    def _end(self, sa: bytes, reason: Reason) -> None:
        for spi in self.sas.pop(sa):
            self.life.lose(sa, spi, reason)
        self.life.end(sa, reason)


def _profile(life: Life, spi: int) -> ChildProfile:
    return next((one.child for one in life.core.children if one.inbound_spi == spi), THREE[0])


CROSSED = [("down", 0), ("theirs", 0), ("peer child", 0), ("up", 0), ("rekey child", 0)]


@settings(max_examples=200, deadline=None)
@example(Initiation.ACTIVE, CloseAction.RESTART, CROSSED)
@given(
    st.sampled_from(Initiation),
    st.sampled_from(CloseAction),
    st.lists(st.tuples(STEPS, st.integers(0, 5)), max_size=40),
)
def test_it_never_leaks_and_never_gets_stuck(
    initiation: Initiation, close: CloseAction, steps: list[tuple[str, int]]
) -> None:
    walk = Walk(initiation, close)
    life, core = walk.life, walk.life.core
    for what, draw in steps:
        walk.step(what, draw)
        assert (life.routes is RouteState.ACTIVE) is bool(core.children)
        assert core.state.is_up is bool(core.children)
        if core.held:
            assert core.state is State.DOWN
            assert core.next_timeout() == float("inf")
    if initiation is not Initiation.ACTIVE or close is not CloseAction.RESTART or core.held:
        return
    if "clear" in [what for what, _ in steps]:
        life.take(core.up(life.now))
    for _ in range(12):
        life.sleep(70.0)
        for what in ("ours", "answer"):
            walk.step(what, 1)
    assert core.mappings == (3, 3)
    assert core.state is State.CONNECTED
