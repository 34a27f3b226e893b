"""What follows when a connection's SAs end: its state, its routes, and whether it starts again."""

from dataclasses import dataclass
from typing import Final

from ikebana.config.connection import CloseAction, DpdAction, Initiation
from ikebana.control.view import ConnectionState as State
from ikebana.daemon.orders import RouteState


@dataclass(frozen=True, slots=True)
class Aftermath:
    """``starts``: this end begins again; otherwise a packet, the peer or the operator does."""

    state: State
    routes: RouteState
    starts: bool = False


WAIT: Final = Aftermath(State.DOWN, RouteState.BLOCKED)
ARM: Final = Aftermath(State.IDLE, RouteState.TRAP)
AGAIN: Final = Aftermath(State.DOWN, RouteState.BLOCKED, starts=True)


def after_delete(action: CloseAction, initiation: Initiation) -> Aftermath:
    """Return what follows when the peer deleted what there was, or it ended otherwise."""
    match action, initiation:
        case (CloseAction.HOLD, _) | (CloseAction.RESTART, Initiation.ON_DEMAND):
            return ARM
        case CloseAction.RESTART, Initiation.ACTIVE:
            return AGAIN
        case _:
            return WAIT


def after_death(action: DpdAction, initiation: Initiation) -> Aftermath:
    """Return what follows when the peer does not answer any more."""
    match action, initiation:
        case DpdAction.HOLD, _:
            return ARM
        case DpdAction.RESTART, Initiation.ACTIVE | Initiation.ON_DEMAND:
            return AGAIN
        case _:
            return WAIT
