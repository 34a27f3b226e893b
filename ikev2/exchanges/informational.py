"""INFORMATIONAL: probes and deletes, asked and answered (RFC 7296 sections 1.4 and 2.4)."""

from ikecore.actions import Action, ChildClosed, Reason, RemoveChild
from ikecore.diagnosis import Code, diagnose
from ikecore.proposals import Protocol
from ikev2.failures import refused_by_peer
from ikev2.message import Exchange, Message
from ikev2.payloads.chain import Payload
from ikev2.payloads.delete import Delete
from ikev2.payloads.notify import Notify
from ikev2.payloads.types import NotifyType
from ikev2.sa import IkeSa, State


class Probe:
    """Ask the peer whether it lives: an empty request (section 2.4)."""

    kind = Exchange.INFORMATIONAL

    def payloads(self, _sa: IkeSa) -> tuple[Payload, ...]:
        """Say nothing: any answer will do."""
        return ()

    def on_response(self, _sa: IkeSa, _message: Message, _now: float) -> list[Action]:
        """Be content: the SA has noted that it heard the peer."""
        return []

    def on_silence(self, sa: IkeSa, now: float) -> list[Action]:
        """Declare the peer dead, unless its ESP was heard since the probe went out."""
        dies_at = sa.heard_at + sa.profile.dpd_timeout
        if sa.heard_at > sa.requests.started and now < dies_at:
            sa.requests.extend(dies_at)
            return sa.retransmit(now)
        silent = f"no answer for {now - sa.requests.started:.0f} s"
        failed = sa.fail(diagnose(1, Code.DPD_TIMEOUT, evidence=silent))
        if sa.profile.keep_on_timeout:
            sa.requests.extend(now + sa.profile.dpd_timeout)
            return [failed, *sa.retransmit(now)]
        return [failed, *sa.close(Reason.DPD_TIMEOUT, now)]


class DeleteIke:
    """Tell the peer that this IKE SA and its children are gone (section 1.4.1)."""

    kind = Exchange.INFORMATIONAL

    def __init__(self, reason: Reason, *words: Notify) -> None:
        self._reason = reason
        self._words = words

    def payloads(self, _sa: IkeSa) -> tuple[Payload, ...]:
        """Say Delete, or the error that says the same."""
        return self._words or (Delete(Protocol.IKE),)

    def on_response(self, sa: IkeSa, _message: Message, now: float) -> list[Action]:
        """End."""
        return sa.close(self._reason, now)

    def on_silence(self, sa: IkeSa, now: float) -> list[Action]:
        """End all the same."""
        return sa.close(self._reason, now)


def delete(sa: IkeSa, reason: Reason, now: float, *words: Notify) -> list[Action]:
    """End the SA and tell the peer; the children stop now, the SA when the answer comes."""
    if sa.state in (State.DELETING, State.CLOSED):
        return []
    if sa.state not in (State.ESTABLISHED, State.AUTH_SENT):
        return sa.close(reason, now)
    gone = sa.remove_children(now)
    while len(sa.queue) > (0 if sa.requests.open else 1):  # the window is one request wide
        sa.queue.pop()
    actions = [*gone, sa.become(State.DELETING, reason.value)]
    actions += sa.start(DeleteIke(reason, *words), now)
    sa.requests.hurry(now + sa.patience)
    return actions


def answer_informational(sa: IkeSa, message: Message, now: float) -> list[Action]:
    """Answer a probe with nothing, a Delete with our halves' SPIs (section 1.4.1)."""
    deletes = message.all(Delete)
    if any(d.protocol == Protocol.IKE for d in deletes):
        return [*sa.answer(message.header, (), now), *sa.close(Reason.PEER_DELETED, now)]
    if message.notify(NotifyType.AUTHENTICATION_FAILED) is not None:
        return [*sa.answer(message.header, (), now), *_refused_late(sa, now)]
    wanted = {spi for d in deletes if d.protocol == Protocol.ESP for spi in d.spis}
    ours = [spec.inbound_spi for spec in sa.children.values() if spec.outbound_spi in wanted]
    actions: list[Action] = []
    for spi in ours:
        del sa.children[spi]
        sa.resources.spis.free(spi, now)
        actions += [RemoveChild(spi), ChildClosed(sa.sa, sa.connection, spi)]
    told = (Delete(Protocol.ESP, tuple(ours)),) if ours else ()
    actions += sa.answer(message.header, told, now)
    if ours and not sa.children:  # nothing left to protect: the next try starts anew
        actions += delete(sa, Reason.PEER_DELETED, now)
    return actions


def _refused_late(sa: IkeSa, now: float) -> list[Action]:
    """Take it that the initiator refuses our AUTH after the exchange (section 2.21.2)."""
    return [
        sa.fail(refused_by_peer(sa.profile, "AUTHENTICATION_FAILED")),
        *sa.close(Reason.FAILED, now),
    ]


def answer_create_child(sa: IkeSa, message: Message, now: float) -> list[Action]:
    """Refuse a new child, or a rekey of either SA: one child a connection (section 1.3)."""
    return sa.answer(message.header, (Notify(NotifyType.NO_ADDITIONAL_SAS),), now)
