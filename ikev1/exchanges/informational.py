"""INFORMATIONAL: what is told and not answered (RFC 2408 section 4.8, RFC 2409 section 5.7).

Nothing here is done before the HASH over the message was verified: the SA sees to that.  What is
said again, octet for octet, does not get here either, since its message ID was used.
"""

from itertools import islice
from typing import Final

from ikecore.actions import Action, Noted, Reason
from ikecore.diagnosis import Code, diagnose
from ikecore.profile import Role, Uniqueness
from ikev1.child import Child, ChildState
from ikev1.deletion import heed_deletes
from ikev1.exchange import Phase2
from ikev1.exchanges.quick import refused_by_peer
from ikev1.failures import refused_in_phase1, refused_in_quick_mode
from ikev1.flight import Flight
from ikev1.install import home_of
from ikev1.keys import informational_hash
from ikev1.labels import notify_name
from ikev1.lifetimes import heed_lifetime
from ikev1.liveness import answer_probe, take_answer
from ikev1.message import Exchange, Message
from ikev1.payloads.delete import Delete
from ikev1.payloads.notify import Notify
from ikev1.payloads.types import DOI, NotifyType, ProtocolId, is_error
from ikev1.rules import Place
from ikev1.sa import IkeSa
from ikev1.state import State
from ikev1.succession import deleted_by_peer, remove
from ikev1.uniqueness import lingering, remove_stale

_HEEDED: Final = 8  # notifies of one message: each may cost a line in the log, or an answer
_SPIS: Final = 200  # of one Delete of ours, so that it needs no fragments
_DOIS: Final = (0, DOI)  # of an ISAKMP SA many say 0 (RFC 2408 section 3.14)
_NEWS: Final = (NotifyType.ADDRESS_NOTIFICATION, NotifyType.NOTIFY_SA_LIFETIME)
_UP: Final = (State.CONFIGURING, State.ESTABLISHED, State.REPLACED)


class Informational(Phase2):
    """News of the peer: Deletes, errors, probes; one message, and what answers it is another."""

    kind = Exchange.INFORMATIONAL
    place = Place.INFORMATIONAL
    answers_repeats = False

    def __init__(self, sa: IkeSa) -> None:
        self._sa = sa

    def expected_hash(self, sa: IkeSa, message: Message) -> bytes:
        """Return HASH(1) of section 5.7."""
        return informational_hash(sa.keys, message.header.message_id, message.after_first)

    def on_message(self, sa: IkeSa, _flight: Flight, message: Message, now: float) -> list[Action]:
        """Take Deletes, then notifies as long as the SA is there."""
        actions = heed_deletes(sa, message.all(Delete), now)
        known = (one for one in message.notifies() if one.doi in _DOIS)
        for notify in islice(known, _HEEDED):
            if sa.state is State.CLOSED:
                break
            actions += _heed(sa, notify, now)
        return actions

    def on_silence(self, _sa: IkeSa, _flight: Flight, _now: float) -> list[Action]:
        """Expect nothing: there is but one message."""
        return []


def _heed(sa: IkeSa, notify: Notify, now: float) -> list[Action]:
    """Do what a notify is for."""
    if is_error(notify.type) and notify.type not in _NEWS:
        return _heed_error(sa, notify, now)
    if sa.state is State.NEGOTIATING:
        return []
    match notify.type:
        case NotifyType.R_U_THERE:
            return answer_probe(sa, notify)
        case NotifyType.R_U_THERE_ACK:
            return take_answer(sa, notify)
        case NotifyType.INITIAL_CONTACT if sa.state is State.ESTABLISHED:
            sa.initial_contact = True
            return [*remove_stale(sa, now), *_forget_lost(sa, now)]
        case NotifyType.INITIAL_CONTACT:
            sa.initial_contact = True
        case NotifyType.RESPONDER_LIFETIME if sa.state is State.ESTABLISHED:
            heed_lifetime(sa, notify)
    return []


def _forget_lost(sa: IkeSa, now: float) -> list[Action]:
    """Drop the children that this SA took over: the peer has lost them with the SA before.

    Some peers say INITIAL-CONTACT only once phase 1 is over.
    """
    if sa.profile.uniqueness is Uniqueness.NEVER:
        return []
    lost = [child for child in sa.children.values() if child.began_at < sa.started_at]
    return [a for child in lost for a in sa.drop_child(child, Reason.REPLACED, now)]


def _heed_error(sa: IkeSa, notify: Notify, now: float) -> list[Action]:
    """Take it that the peer refuses: phase 1, the child that is being made, or one that is there.

    A notify does not say which exchange it is about (RFC 2408 section 3.14): its SPI may.
    """
    name = notify_name(notify.type)
    is_late = notify.type == NotifyType.AUTHENTICATION_FAILED and sa.state is State.ESTABLISHED
    if sa.state in (State.NEGOTIATING, State.CONFIGURING) or is_late:
        sa.connection = sa.profile.name
        refused = refused_in_phase1(sa.profile, name, proven=True)
        if sa.state is State.CONFIGURING and sa.profile.legacy.xauth is not Role.NONE:
            refused = diagnose(1, Code.USER_REFUSED, evidence=f"{name} while the user logged in")
        return [sa.fail(refused), *sa.close(Reason.FAILED, now)]
    home = home_of(sa)
    spi = int.from_bytes(notify.spi, "big") if len(notify.spi) == 4 else 0
    if notify.type == NotifyType.INVALID_SPI:
        lost = [c for c in home.children.values() if spi and c.spec.outbound_spi == spi]
        return [action for child in lost for action in deleted_by_peer(home, child, now)]
    for child in [c for c in home.children.values() if spi and _is_refused(c, spi)]:
        refused = refused_in_quick_mode(sa.profile, child.wanted, notify.type)
        gone = remove(home, child, Reason.FAILED, now)
        return [home.fail(refused, child.wanted), *gone]
    noted = Noted(sa.sa, sa.connection, f"the peer tells of an error: {name}")
    return refused_by_peer(sa, notify, now) or [noted]


def _is_refused(child: Child, spi: int) -> bool:
    """Tell whether an SPI, of either end, is that of a child which waits for QM3."""
    spec = child.spec
    return child.state is ChildState.PENDING and spi in (spec.inbound_spi, spec.outbound_spi)


def delete(sa: IkeSa, reason: Reason, now: float) -> list[Action]:
    """End the SA and its children at once, and tell the peer, which does not answer."""
    told: list[Action] = []
    if sa.state in _UP:
        by_protocol: dict[int, list[int]] = {}
        for child in sa.children.values():
            by_protocol.setdefault(child.spec.suite.protocol, []).append(child.spi)
        for protocol, spis in by_protocol.items():
            for start in range(0, len(spis), _SPIS):
                told += sa.tell(Delete.of_children(protocol, tuple(spis[start : start + _SPIS])))
        old = lingering(sa) if sa.state is State.ESTABLISHED else []
        for one in (*old, sa):  # the older ones first, so that the peer does not go back to them
            told += one.tell(Delete(ProtocolId.ISAKMP, (b"".join(one.spis),)))
        told += [action for one in old for action in one.close(reason, now)]
    return [*told, *sa.close(reason, now)]
