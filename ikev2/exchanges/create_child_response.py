"""CREATE_CHILD_SA as its responder (RFC 7296 sections 1.3, 2.8, 2.25).

The child is in the worker before the answer leaves.  One that renews another waits with sending
until the initiator shows that it has it: by a packet, or by its Delete of the old one.
"""

from typing import Final

from ikecore.actions import Action
from ikecore.profile import ChildProfile
from ikecore.proposals import Protocol
from ikev2.child import Child, ChildState
from ikev2.children import Agreed, Asked, Refusal, agree, answer_payloads, best_fit
from ikev2.exchanges.create_child import CreateChild
from ikev2.exchanges.creation import Creation, Rival
from ikev2.exchanges.rekey_child import RekeyChild
from ikev2.exchanges.rekey_ike import RekeyIke, claim
from ikev2.exchanges.rekey_ike_response import answer_rekey_ike, refuse
from ikev2.install import Made, install
from ikev2.message import Message
from ikev2.payloads.chain import Payload
from ikev2.payloads.ke import KeyExchangeData
from ikev2.payloads.nonce import OCTETS, Nonce
from ikev2.payloads.notify import Notify
from ikev2.payloads.ts import SelectorsInitiator
from ikev2.payloads.types import NotifyType
from ikev2.sa import IkeSa
from ikev2.transport import asked_behind_nat
from suites.kex import BadPublicValue, Group

_CHILDREN: Final = 512  # of one IKE SA, those on their way out included
_OVERDUE: Final = 60.0  # seconds in which a peer deletes what it has renewed, or we do


def busy(sa: IkeSa, message: Message, now: float) -> list[Action]:
    """Answer that it does not suit now (section 2.25)."""
    return refuse(sa, message, now, NotifyType.TEMPORARY_FAILURE)


def answer_create_child(sa: IkeSa, message: Message, now: float) -> list[Action]:
    """Make or renew a child, or renew the IKE SA."""
    if not sa.is_told:
        claimed = claim(sa, now)
        answered = answer_create_child if claimed else busy
        return [*claimed, *answered(sa, message, now)]
    if message.one(SelectorsInitiator) is None:
        return answer_rekey_ike(sa, message, now)
    if sa.under_way(RekeyIke):
        return busy(sa, message, now)
    rekey = message.notify(NotifyType.REKEY_SA)
    if rekey is not None:
        return _renew(sa, message, rekey, now)
    if len(sa.children) >= _CHILDREN:
        return refuse(sa, message, now, NotifyType.NO_ADDITIONAL_SAS)
    asked = asked_behind_nat(sa, Asked.of(message))
    wanted = best_fit(sa.profile, asked, (c.wanted for c in sa.children.values() if c.is_live))
    agreed = agree(sa.profile, wanted, asked)
    if isinstance(agreed, Refusal):
        told = sa.fail(agreed.diagnosis, wanted)
        return [*refuse(sa, message, now, agreed.notify), told]
    ours = [one for one in sa.under_way(CreateChild) if one.wanted == wanted]
    return _make(sa, message, agreed, wanted, ours, now)


def _renew(sa: IkeSa, message: Message, rekey: Notify, now: float) -> list[Action]:
    old = _named(sa, rekey)
    if old is None and sa.under_way(Creation):
        return busy(sa, message, now)  # it may be the one whose answer has not come yet
    if old is None:
        notify = Notify(NotifyType.CHILD_SA_NOT_FOUND, b"", *_of_sa(rekey))
        return sa.answer(message.header, (notify,), now)
    if old.state is not ChildState.LIVE or old.heir:  # it goes already
        return busy(sa, message, now)
    if len(sa.children) >= 2 * _CHILDREN:  # the peer renews and renews, and deletes none
        return busy(sa, message, now)
    what_stood = ChildProfile(old.spec.local_ts, old.spec.remote_ts)
    asked = asked_behind_nat(sa, Asked.of(message))
    agreed = agree(sa.profile, what_stood, asked, renews=old.spec.suite)
    if isinstance(agreed, Refusal):
        told = sa.fail(agreed.diagnosis, old.wanted)
        return [*refuse(sa, message, now, agreed.notify), told]
    ours = [one for one in sa.under_way(RekeyChild) if one.old is old]
    return _make(sa, message, agreed, old.wanted, ours, now, old)


def _named(sa: IkeSa, rekey: Notify) -> Child | None:
    """Return the child that the peer names by its inbound SPI, our outbound one."""
    if len(rekey.spi) != 4:
        return None
    spi = int.from_bytes(rekey.spi, "big")
    found = (
        child
        for child in sa.children.values()
        if child.spec.outbound_spi == spi
        and child.spec.suite.protocol == rekey.protocol
        and child.state is not ChildState.RETIRED
    )
    return next(found, None)


def _of_sa(rekey: Notify) -> tuple[int, bytes]:
    """Return protocol and SPI to repeat, nothing when no SA of that kind can be meant."""
    known = rekey.protocol in (Protocol.ESP, Protocol.AH) and len(rekey.spi) == 4
    return (rekey.protocol, rekey.spi) if known else (0, b"")


def _make(
    sa: IkeSa,
    message: Message,
    agreed: Agreed,
    wanted: ChildProfile,
    ours: list[Creation] | list[CreateChild] | list[RekeyChild],
    now: float,
    old: Child | None = None,
) -> list[Action]:
    """Make the child; ``ours`` are exchanges of ours that make the same one at the same time."""
    group = agreed.suite.group
    data, nonce = message.one(KeyExchangeData), message.one(Nonce)
    if group is not None and (data is None or data.group != group.iana):
        wanted_group = group.iana.to_bytes(2, "big")
        return refuse(sa, message, now, NotifyType.INVALID_KE_PAYLOAD, wanted_group)
    try:
        shared, key = _exchange_keys(group, data)
    except BadPublicValue:
        return refuse(sa, message, now, NotifyType.INVALID_SYNTAX)
    mine = sa.resources.entropy.octets(OCTETS)
    nonces = (nonce.data if nonce is not None else b"", mine)
    spi = sa.offer_spi(now)
    replaces = old.spi if old is not None else 0
    why = "the peer renewed it" if old is not None else ""
    made = Made(nonces, shared, False, now, replaces, why)
    standby = old is not None or bool(ours)
    child, before, after = install(sa, agreed, made, wanted, spi, now, standby=standby)
    if ours:  # one of the two goes again: nobody shall hear of it before that is decided
        child.is_told, child.news, after = False, tuple(after), []
    for exchange in ours:
        there = (rival for rival in exchange.rivals if rival.spi in sa.children)
        exchange.rivals = [*there, Rival(child.nonce, spi)]
    if old is not None:
        old.state, old.heir = ChildState.REKEYED, spi
        old.ends_at = min(old.ends_at, now + max(_OVERDUE, sa.profile.dpd_timeout))
    said = answer_payloads(agreed, spi)
    answer = sa.answer(message.header, (*said[:-2], Nonce(mine), *key, *said[-2:]), now)
    return [*before, *answer, *after]


def _exchange_keys(
    group: Group | None, data: KeyExchangeData | None
) -> tuple[bytes, tuple[Payload, ...]]:
    if group is None or data is None:
        return b"", ()
    group.check(data.data)
    kex = group.generate()
    return kex.shared(data.data), (KeyExchangeData(group.iana, kex.public),)
