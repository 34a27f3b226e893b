"""CREATE_CHILD_SA that renews the IKE SA, as its responder (RFC 7296 1.3.2, 2.8.2, 2.25.2)."""

from typing import Final

from ikecore.actions import Action, Reason
from ikecore.findings import ike_mismatch
from ikecore.proposals import Protocol, choose
from ikev2.children import preferring
from ikev2.exchanges.creation import Creation
from ikev2.exchanges.delete_child import DeleteChild
from ikev2.exchanges.rekey_ike import RekeyIke, RivalSa, doom, renewing, take_over
from ikev2.heir import NewKeys, make_heir
from ikev2.keys import derive_rekeyed
from ikev2.message import Message
from ikev2.payloads.ke import KeyExchangeData
from ikev2.payloads.nonce import OCTETS, Nonce
from ikev2.payloads.notify import Notify
from ikev2.payloads.sa import SecurityAssociation
from ikev2.payloads.types import NotifyType
from ikev2.sa import IkeSa, State
from suites.kex import BadPublicValue

_LINE: Final = 16  # SAs that come of one, those on their way out included


def answer_rekey_ike(sa: IkeSa, message: Message, now: float) -> list[Action]:
    """Make the new SA; the children go over at once, unless we are renewing it too."""
    if _is_changing_children(sa) or _is_crowded(sa):
        return refuse(sa, message, now, NotifyType.TEMPORARY_FAILURE)
    offered, data, nonce = (
        message.one(SecurityAssociation),
        message.one(KeyExchangeData),
        message.one(Nonce),
    )
    if offered is None or data is None or nonce is None:
        return refuse(sa, message, now, NotifyType.INVALID_SYNTAX)
    usable = tuple(p for p in offered.proposals if p.protocol == Protocol.IKE and _is_spi(p.spi))
    ours = (*renewing(sa.profile, sa.suite, b""), *sa.profile.ike_proposals)
    settled = choose(preferring(ours, data.group), usable)
    if settled is None or settled[0].group is None:
        mismatch = ike_mismatch(
            sa.profile.ike_proposals, offered.proposals, "the rekeying's proposals", proven=True
        )
        told = sa.fail(mismatch)
        return [*refuse(sa, message, now, NotifyType.NO_PROPOSAL_CHOSEN), told]
    suite, group = settled[0], settled[0].group
    if data.group != group.iana:
        wanted = group.iana.to_bytes(2, "big")
        return refuse(sa, message, now, NotifyType.INVALID_KE_PAYLOAD, wanted)
    try:
        group.check(data.data)
        kex = group.generate()
        shared = kex.shared(data.data)
    except BadPublicValue:
        return refuse(sa, message, now, NotifyType.INVALID_SYNTAX)
    mine, spi = sa.resources.entropy.octets(OCTETS), sa.resources.entropy.octets(8)
    spis, nonces = (settled[1].spi, spi), (nonce.data, mine)
    keys = derive_rekeyed(sa.keys, suite, shared, nonces, spis, initiator=False)
    heir, traced = make_heir(sa, NewKeys(spis, suite, keys, nonces, initiator=False), now)
    answer = sa.answer(
        message.header,
        (
            SecurityAssociation((suite.proposal(spi),)),
            Nonce(mine),
            KeyExchangeData(group.iana, kex.public),
        ),
        now,
    )
    sa.heirs = [one for one in sa.heirs if one.state is not State.CLOSED]
    rivals = sa.under_way(RekeyIke)
    for exchange in rivals:
        exchange.rivals = [*exchange.live_rivals(), RivalSa(min(nonces), heir)]
    if rivals:
        doom(heir, Reason.REDUNDANT, now + sa.patience)
        return [traced, *answer]
    return [traced, *answer, *take_over(sa, heir, now)]


def _is_changing_children(sa: IkeSa) -> bool:
    return bool(sa.under_way(Creation)) or bool(sa.under_way(DeleteChild))


def _is_crowded(sa: IkeSa) -> bool:
    """Tell whether the peer has renewed this SA time and again and gives up none of them."""
    mates = sa.resources.mates(sa.connection)
    return sum(mate.line == sa.line for mate in mates) >= _LINE


def _is_spi(spi: bytes) -> bool:
    return len(spi) == 8 and any(spi)


def refuse(
    sa: IkeSa, message: Message, now: float, kind: NotifyType, data: bytes = b""
) -> list[Action]:
    """Answer a request of CREATE_CHILD_SA with an error (RFC 7296 section 1.3)."""
    return sa.answer(message.header, (Notify(kind, data),), now)
