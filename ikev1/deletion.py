"""What the peer's Delete payloads do (RFC 2408 section 3.15).

They come under any ISAKMP SA with the peer that is still there.  What they name has to be the
peer's own: inbound SPIs of its end, our outbound ones, or the cookies of an SA with it.
"""

from typing import Final

from ikecore.actions import Action, Reason
from ikecore.diagnosis import Code, diagnose
from ikev1.child import Child
from ikev1.establish import established
from ikev1.install import home_of
from ikev1.liveness import is_over
from ikev1.payloads.delete import Delete
from ikev1.payloads.types import ProtocolId
from ikev1.sa import IkeSa
from ikev1.state import State
from ikev1.succession import deleted_by_peer
from ikev1.uniqueness import come_back, lingering, others, revive, take_over

_REMEMBERED: Final = 64  # SPIs of one Delete


def heed_deletes(sa: IkeSa, deletes: tuple[Delete, ...], now: float) -> list[Action]:
    """Take down the children and the SA that the peer has deleted; pass over all else.

    Of a phase 1 under way nobody knows yet whether the peer took it for done.
    """
    if sa.state is State.NEGOTIATING:
        return []
    actions: list[Action] = []
    home = home_of(sa)
    _remember(home, deletes, now)
    for child in _named(home, deletes):
        if child.spi in home.children:  # one deletion may end another
            actions += deleted_by_peer(home, child, now)
    ended = {spi for one in deletes if one.protocol == ProtocolId.ISAKMP for spi in one.spis}
    if b"".join(sa.spis) in ended:
        actions += _end(sa, now)
    for one in (*others(sa), *lingering(sa)) if ended else ():
        if one.spis != sa.spis and b"".join(one.spis) in ended:
            actions += _end(one, now)
    return actions


def _remember(sa: IkeSa, deletes: tuple[Delete, ...], now: float) -> None:
    """Note SPIs that no child has, while a quick mode may still bring them."""
    there = {child.spec.outbound_spi for child in sa.children.values()}
    for delete in deletes:
        for spi in delete.children[:_REMEMBERED]:
            if spi not in there:
                sa.deleted.note(spi, now)


def _named(sa: IkeSa, deletes: tuple[Delete, ...]) -> list[Child]:
    named = {(delete.protocol, spi) for delete in deletes for spi in delete.children}
    return [
        child
        for child in sa.children.values()
        if (int(child.spec.suite.protocol), child.spec.outbound_spi) in named
    ]


def _end(sa: IkeSa, now: float) -> list[Action]:
    """End the SA; if there is another one with the peer, that has the children from now on."""
    if sa.state is State.REPLACED:
        return sa.close(Reason.REKEYED, now)
    if sa.state is State.CONFIGURING:
        seen = "deleted before XAUTH and mode config were over"
        refused = diagnose(1, Code.PEER_DELETED, evidence=seen)
        return [sa.fail(refused), *sa.close(Reason.FAILED, now)]
    revived: list[Action] = []
    heir = next(iter(others(sa)), None)
    if heir is None:
        heir, revived = revive(sa, now)
    if heir is None:
        return [*_end_older(sa, now), *sa.close(Reason.PEER_DELETED, now)]
    return [*revived, *_leave_to(heir, sa, now)]


def fall_back(sa: IkeSa, now: float) -> list[Action]:
    """Leave a silent SA for the one that it replaced, if the peer is heard on that.

    Then the peer never took the new one for done: its last message was lost for good.
    """
    if sa.state is not State.ESTABLISHED or not is_over(sa, now):
        return []
    heard = [one for one in lingering(sa) if one.heard_at > sa.liveness.since]
    older = max(heard, key=lambda one: one.heard_at, default=None)
    if older is None:
        return []
    back = come_back(older, "the peer is heard on it, and not on the one that replaced it")
    return [back, *_leave_to(older, sa, now)]


def _leave_to(heir: IkeSa, sa: IkeSa, now: float) -> list[Action]:
    """End an SA; another one has its children from now on."""
    told = [established(heir, sa.sa, now), *take_over(heir, sa, now)]
    return [*told, *sa.close(Reason.REKEYED, now)]


def _end_older(sa: IkeSa, now: float) -> list[Action]:
    """Delete the SAs that it replaced: they would answer for one that is not there any more."""
    actions: list[Action] = []
    for one in lingering(sa):
        actions += one.tell(Delete(ProtocolId.ISAKMP, (b"".join(one.spis),)))
        actions += one.close(Reason.PEER_DELETED, now)
    return actions
