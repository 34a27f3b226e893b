"""When an IKE SA changes its addresses: ours changed, or the peer does not answer (RFC 4555 3.5).

The end that decides does it at once; the other one only when its own address is gone.
"""

from typing import Final

from ikecore.actions import Action, Moved, Noted, ReauthWanted
from ikecore.events import AddressesChanged
from ikev2.exchanges.update_addresses import (
    ProveAddress,
    TellAddresses,
    UpdateAddresses,
    go,
    resend,
    unsay,
)
from ikev2.mobike import NOT_SAID, Move, home
from ikev2.sa import IkeSa, State
from ikev2.ways import additional, may_leave_from, way, ways
from policy.path import Path

_PATIENCE: Final = 2  # repeats of a request before other addresses are tried


def addresses_changed(sa: IkeSa, event: AddressesChanged, now: float) -> list[Action]:
    """Heed that our addresses or routes are now these."""
    mobility = sa.mobility
    was_lost = not may_leave_from(sa, sa.path.local[0])
    learn(sa, event)
    if sa.state is not State.ESTABLISHED:
        return []
    if not mobility.in_use:
        return _without_mobike(sa)
    mobility.refused.clear()
    best = _best(sa)
    if best is None:
        text = f"no address of ours leads to {sa.path.remote[0]}; waiting for one"
        return [Noted(sa.sa, sa.connection, text)]
    actions: list[Action] = []
    if best != sa.path:
        gone = not may_leave_from(sa, sa.path.local[0])
        here = sa.path.local[0]
        why = f"our address {here} is gone" if gone else f"the route left {here}"
        actions = go(sa, best, why, now) if mobility.decides else _go_unasked(sa, best, why, now)
    elif was_lost and mobility.decides:  # a NAT may have forgotten us meanwhile
        actions = go(sa, best, "our address is back", now)
    else:
        actions = resend(sa, now)
    if additional(sa) != mobility.told:
        actions += sa.start(TellAddresses(), now)
    return actions


def learn(sa: IkeSa, event: AddressesChanged) -> None:
    """Let an SA that is not up yet know our addresses: IKE_AUTH tells the peer of them."""
    mobility = sa.mobility
    mobility.is_told = True
    mobility.usable, mobility.routes = event.usable, event.route


def _best(sa: IkeSa) -> Path | None:
    """Return the path to use now; the one in use as long as nothing speaks against it."""
    here, there = sa.path.local[0], sa.path.remote[0]
    routed = sa.mobility.routes.get(there, here)
    if sa.mobility.decides and routed != here and routed and may_leave_from(sa, routed):
        return way(sa, routed, there)
    if may_leave_from(sa, here):
        return sa.path
    return next(iter(ways(sa)), None)


def _without_mobike(sa: IkeSa) -> list[Action]:
    """Start anew from another address: a peer without MOBIKE follows nobody."""
    mobility = sa.mobility
    here, there = sa.path.local[0], sa.path.remote[0]
    if may_leave_from(sa, here):
        mobility.left = ""
        return []
    if not mobility.decides or mobility.left == here or not mobility.routes.get(there):
        return []
    mobility.left = here
    text = f"our address {here} is gone and the peer has no MOBIKE: authenticating anew"
    return [Noted(sa.sa, sa.connection, text), ReauthWanted(sa.sa, sa.connection)]


def _go_unasked(sa: IkeSa, path: Path, why: str, now: float) -> list[Action]:
    """Send from another address though the peer decides: ours is gone (section 3.5, the end)."""
    actions: list[Action] = []
    if path.remote[0] == home(sa).remote[0]:
        moved = Moved(sa.sa, sa.connection, sa.path, path, why)
        actions = [*sa.move(path), moved]
    else:
        _go_alone(sa, path, why, now)
    sa.mobility.told, sa.mobility.stranded = NOT_SAID, True
    return [*actions, *resend(sa, now), *sa.start(TellAddresses(), now)]


def _go_alone(sa: IkeSa, path: Path, why: str, now: float) -> None:
    """Let the IKE SA go where nobody has proved to be; the children stay."""
    mobility = sa.mobility
    mobility.moves = mobility.moves or [Move(home(sa), now, why)]
    sa.path = path


def search(sa: IkeSa, now: float) -> list[Action]:
    """Let what is about to be sent again go another way, if it was sent often enough (3.11).

    The IKE SA alone tries; the children stay where they are until one way has answered.  The end
    that does not decide looks for the other one only when its own address is gone (3.6).
    """
    mobility = sa.mobility
    if not mobility.in_use or sa.state is not State.ESTABLISHED:
        return []
    if not (mobility.decides or mobility.stranded):
        return []
    silent_ones = [f for f in sa.requests if f.due <= now < f.deadline and f.attempt >= _PATIENCE]
    if not silent_ones:
        return []
    found = [way for way in ways(sa) if _ends(way) != _ends(sa.path)]
    if not found:
        return []
    mobility.tried.add(_ends(sa.path))
    left = [way for way in found if _ends(way) not in mobility.tried]
    for flight in silent_ones if left else ():
        flight.attempt -= 1  # patience grows with each round, so that all ways have their turn
    if not left:
        mobility.tried.clear()
    path = (left or found)[0]
    silent = f"no answer from {sa.path.remote[0]} to {sa.path.local[0]}"
    if not mobility.decides:
        _go_alone(sa, path, silent, now)
        return []
    mobility.begin(sa.path, mobility.moves[0].why if mobility.searching else silent, now)
    mobility.searching = True
    sa.path = path
    unsay(sa)
    return sa.start(UpdateAddresses(), now)


def _ends(path: Path) -> tuple[str, str]:
    return path.local[0], path.remote[0]


def resume(sa: IkeSa, now: float) -> list[Action]:
    """Say on this SA, which has renewed another one, what that one had not settled."""
    mobility = sa.mobility
    if not mobility.in_use or not mobility.moves:
        return []
    mobility.generation += 1
    if mobility.decides:
        return sa.start(UpdateAddresses(), now)
    return sa.start(ProveAddress(mobility.generation), now)
