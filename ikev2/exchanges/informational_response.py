"""INFORMATIONAL answered: probes, deletes, news (RFC 7296 sections 1.4, 2.4, 2.25)."""

from itertools import islice
from typing import Final

from ikecore.actions import Action, Reason
from ikecore.proposals import Protocol
from ikev2.child import Child, ChildState
from ikev2.exchanges.creation import Creation
from ikev2.exchanges.delete_child import deleted_by_peer
from ikev2.exchanges.rekey_ike import claim, inherit_from_rival
from ikev2.extensions import heed_lifetime
from ikev2.failures import refused_by_peer
from ikev2.heir import leave_to_newer
from ikev2.message import Message
from ikev2.payloads.delete import Delete
from ikev2.payloads.types import NotifyType
from ikev2.sa import IkeSa, State

_REMEMBERED: Final = 512  # SPIs that a peer deletes before it has answered


def answer_informational(sa: IkeSa, message: Message, now: float) -> list[Action]:
    """Answer a probe with nothing, a Delete with our halves' SPIs (section 1.4.1)."""
    deletes = message.all(Delete)
    if any(d.protocol == Protocol.IKE for d in deletes):
        inherited = inherit_from_rival(sa, now) or leave_to_newer(sa, now)
        reason = Reason.REKEYED if sa.state is State.REKEYED else Reason.PEER_DELETED
        return [*inherited, *sa.answer(message.header, (), now), *sa.close(reason, now)]
    if message.notify(NotifyType.AUTHENTICATION_FAILED) is not None:
        return [*sa.answer(message.header, (), now), *_refused_late(sa, now)]
    heed_lifetime(sa, message, now)
    claimed = claim(sa, now)
    answer, actions = _delete_children(sa, deletes, now)
    return [*claimed, *actions, *sa.answer(message.header, answer, now)]


def _delete_children(
    sa: IkeSa, deletes: tuple[Delete, ...], now: float
) -> tuple[tuple[Delete, ...], list[Action]]:
    """Take children down; what we are deleting ourselves is not named in the answer."""
    told: dict[int, list[int]] = {}
    actions: list[Action] = []
    holder = next((heir for heir in sa.heirs if heir.children), sa)
    for child in _named(holder, deletes):
        if child.state in (ChildState.LIVE, ChildState.REKEYED):
            told.setdefault(child.spec.suite.protocol, []).append(child.spi)
        if child.state is not ChildState.RETIRED:
            actions += deleted_by_peer(holder, child, now)
    for creation in sa.under_way(Creation):  # it may be one whose answer has not come yet
        fresh = (spi for d in deletes for spi in d.spis)
        creation.deleted.update(islice(fresh, _REMEMBERED - len(creation.deleted)))
    return tuple(Delete(protocol, tuple(spis)) for protocol, spis in told.items()), actions


def _named(sa: IkeSa, deletes: tuple[Delete, ...]) -> list[Child]:
    """Return the children that the peer names by its inbound SPIs, our outbound ones."""
    wanted = {(d.protocol, spi) for d in deletes for spi in d.spis}
    return [
        child
        for child in sa.children.values()
        if (child.spec.suite.protocol, child.spec.outbound_spi) in wanted
    ]


def _refused_late(sa: IkeSa, now: float) -> list[Action]:
    """Take it that the initiator refuses our AUTH after the exchange (section 2.21.2)."""
    return [
        sa.fail(refused_by_peer(sa.profile, "AUTHENTICATION_FAILED")),
        *sa.close(Reason.FAILED, now),
    ]
