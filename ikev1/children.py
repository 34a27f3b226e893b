"""What the outside, time and packets do to the children of an SA."""

from ikecore.actions import Action, Dropped, MoveChild, Reason
from ikecore.diagnosis import Code, diagnose
from ikecore.events import ChildCloseWanted, ChildExpired, ChildWanted, InstallFailed, RekeyWanted
from ikecore.inner import parts_of
from ikecore.profile import ChildProfile
from ikecore.timetable import NEVER
from ikev1 import succession
from ikev1.child import Child, ChildState
from ikev1.exchanges.quick import InitiateQuick
from ikev1.sa import IkeSa
from ikev1.state import State
from ikev1.succession import abandon, close_child, forget, kin, part_with, take_over

WHY_AGE = "its lifetime nears its end"


# -- what is wanted -------------------------------------------------------------------------------
def want_child(sa: IkeSa, event: ChildWanted, now: float) -> list[Action]:
    """Make a child, unless it is there or asked for; of a client's what its address makes of it."""
    parts = parts_of(event.child, sa.profile.children)
    missing = [one for one in parts if not _is_being_made(sa, one)]
    if sa.state is not State.ESTABLISHED or not missing:
        return [Dropped("not_wanted", str(event.child))]
    return [action for one in missing for action in sa.start(InitiateQuick(one), now)]


def _is_being_made(sa: IkeSa, wanted: ChildProfile) -> bool:
    if any(child.is_live and child.wanted == wanted for child in sa.children.values()):
        return True
    return any(one.wanted == wanted for one in sa.wanted(InitiateQuick))


def want_rekey(sa: IkeSa, event: RekeyWanted, now: float) -> list[Action]:
    """Renew a child."""
    child = sa.children.get(event.spi)
    if child is None or not child.is_live or child.heir:
        return [Dropped("not_wanted", f"{event.spi:08x} is on its way out")]
    return renew_child(sa, child, event.why, now)


def renew_child(sa: IkeSa, child: Child, why: str, now: float) -> list[Action]:
    """Ask for a child in the place of this one, unless that is being done."""
    if any(one.replaces == child.spi for one in sa.wanted(InitiateQuick)):
        return []
    return sa.start(InitiateQuick(child.wanted, child.spi, why), now)


def want_close(sa: IkeSa, event: ChildCloseWanted, now: float) -> list[Action]:
    """Delete one child, and what was there before it or is to come after it."""
    child = sa.children.get(event.spi)
    if child is None:
        return []
    traffic = ChildProfile(child.spec.local_ts, child.spec.remote_ts)
    actions = abandon(sa, traffic, now)
    for other in kin(sa, child):
        if other.state is not ChildState.LIVE:
            actions += close_child(sa, other, Reason.DELETED, now)
    return [*actions, *close_child(sa, child, Reason.DELETED, now), *sa.go_on(now)]


def expire(sa: IkeSa, event: ChildExpired, now: float) -> list[Action]:
    """Take it that a child may carry nothing more."""
    child = sa.children.get(event.spi)
    return [] if child is None else close_child(sa, child, Reason.LIFETIME, now)


def install_failed(sa: IkeSa, event: InstallFailed, now: float) -> list[Action]:
    """Take it that the worker does not have a child."""
    child = sa.children.get(event.spi)
    if child is None:
        return []
    failed = sa.fail(diagnose(2, Code.CHILD_INSTALL_FAILED), child.wanted)
    return [failed, *close_child(sa, child, Reason.FAILED, now)]


# -- packets --------------------------------------------------------------------------------------
def heard(sa: IkeSa, spi: int, now: float) -> list[Action]:
    """Take it that authenticated packets came in on a child: the peer has it."""
    child = sa.children.get(spi)
    return [] if child is None else [*succession.heard(sa, child, now), *sa.go_on(now)]


# -- time -----------------------------------------------------------------------------------------
def next_child_timeout(sa: IkeSa) -> float:
    """Return when :func:`handle_children` wants to be called, or ``NEVER``."""
    return min(
        (min(one.use_at, one.rekey_at, one.ends_at) for one in sa.children.values()), default=NEVER
    )


def handle_children(sa: IkeSa, now: float) -> list[Action]:
    """Use, renew and end what is due."""
    actions: list[Action] = []
    for child in tuple(sa.children.values()):
        if sa.children.get(child.spi) is child:
            actions += _age(sa, child, now)
    return actions


def _age(sa: IkeSa, child: Child, now: float) -> list[Action]:
    if child.ends_at <= now:
        child.ends_at = NEVER
        match child.state:
            case ChildState.PENDING:
                return close_child(sa, child, Reason.FAILED, now)
            case ChildState.LIVE:
                return close_child(sa, child, Reason.LIFETIME, now)
            case ChildState.RETIRED:
                return part_with(sa, child, now)
            case ChildState.DELETED:
                return forget(sa, child, now)
    if child.use_at <= now:
        return take_over(sa, child, now)
    if child.rekey_at > now:
        return []
    child.rekey_at = NEVER
    return renew_child(sa, child, WHY_AGE, now) if child.is_live else []


def adopt(newer: IkeSa, older: IkeSa) -> list[Action]:
    """Give the children of one SA to the one that replaces it."""
    moved: list[Action] = []
    for spi, child in older.children.items():
        child.change(sa=newer.sa)
        newer.children[spi] = child
        if child.spec.path != newer.path:
            child.change(path=newer.path)
            moved.append(MoveChild(spi, newer.path))
    older.children = {}
    newer.deleted.absorb(older.deleted)
    return moved
