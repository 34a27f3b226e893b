"""INFORMATIONAL: probes and deletes, asked and answered (RFC 7296 sections 1.4 and 2.4)."""

from ikecore.actions import Action, Reason
from ikecore.proposals import Protocol
from ikev2.exchange import Alone
from ikev2.message import Exchange, Message
from ikev2.payloads.chain import Payload
from ikev2.payloads.delete import Delete
from ikev2.payloads.notify import Notify
from ikev2.sa import IkeSa, State
from ikev2.silence import silent


class Probe:
    """Ask the peer whether it lives: an empty request (section 2.4)."""

    kind = Exchange.INFORMATIONAL
    alone = False

    def is_moot(self, sa: IkeSa) -> bool:
        """Return whether another request asks that already."""
        return len(sa.requests) > 0

    def payloads(self, _sa: IkeSa, _now: float) -> tuple[Payload, ...]:
        """Say nothing: any answer will do."""
        return ()

    def on_response(self, _sa: IkeSa, _message: Message, _now: float) -> list[Action]:
        """Be content: the SA has noted that it heard the peer."""
        return []

    def on_silence(self, sa: IkeSa, now: float) -> list[Action]:
        """Declare the peer dead."""
        return presume_dead(sa, now)


def presume_dead(sa: IkeSa, now: float) -> list[Action]:
    """Declare a peer dead that answers no request, unless its ESP was heard since."""
    since = sa.requests.started
    dies_at = sa.heard_at + sa.profile.dpd_timeout
    if sa.heard_at > since and now < dies_at:
        sa.requests.extend(dies_at)
        return []
    failed = sa.fail(silent(sa, now - since))
    if sa.profile.keep_on_timeout:
        sa.requests.extend(now + sa.profile.dpd_timeout)
        return [failed]
    return [failed, *sa.close(Reason.DPD_TIMEOUT, now)]


class DeleteIke(Alone):
    """Tell the peer that this IKE SA and its children are gone (section 1.4.1)."""

    kind = Exchange.INFORMATIONAL

    def __init__(self, reason: Reason, *words: Notify) -> None:
        self._reason = reason
        self._words = words

    def payloads(self, _sa: IkeSa, _now: float) -> tuple[Payload, ...]:
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
    if sa.state not in (State.ESTABLISHED, State.REKEYED, State.AUTH_SENT):
        return sa.close(reason, now)
    gone = sa.remove_children(reason, now)
    sa.queue.clear()
    sa.postponed.clear()
    actions = [*gone, sa.become(State.DELETING, reason.value)]
    actions += sa.start(DeleteIke(reason, *words), now)
    sa.requests.hurry(now + sa.patience)
    return actions
