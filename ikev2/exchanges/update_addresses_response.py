"""INFORMATIONAL that changes addresses, answered (RFC 4555 sections 3.5 to 3.9).

The end that does not decide takes any address that an authenticated peer updates from: who the peer
is has been proven, and being elsewhere is what MOBIKE is for, whatever address the connection
names; ``mobike = false`` ties a peer to it.  Our own address has to be one of the connection's.
The IKE SA goes over at once.  The children follow when the peer has answered from the new address
(section 3.7): nobody can send a tunnel's traffic to somebody else.

    SK { N(UPDATE_SA_ADDRESSES), … }  ──►  from a new address
                            ◄──  SK { … }           to where it came from
                            ◄──  SK { N(COOKIE2) }  a request of ours
    SK { N(COOKIE2) }  ──►                          the children move now
"""

from typing import Final

from ikecore.actions import Action, Noted
from ikev2.exchanges.informational_response import answer_informational
from ikev2.exchanges.rekey_ike import claim
from ikev2.exchanges.update_addresses import (
    ProveAddress,
    TellAddresses,
    go,
    nat_payloads,
    resend_to_mover,
    settle,
    take_nat,
)
from ikev2.message import Message
from ikev2.mobike import LISTS, addresses_in, home, is_translated
from ikev2.nat import judge
from ikev2.payloads.delete import Delete
from ikev2.payloads.notify import Notify
from ikev2.payloads.types import NotifyType
from ikev2.sa import IkeSa
from ikev2.ways import additional, carried, where_heard

_COOKIES: Final = range(8, 65)  # octets of the peer's (section 4.2.5)
_UPDATING: Final = frozenset((NotifyType.UPDATE_SA_ADDRESSES, *LISTS))
_KNOWN: Final = _UPDATING | {NotifyType.COOKIE2, NotifyType.NAT_DETECTION_SOURCE_IP}


def answer_mobile(sa: IkeSa, message: Message, now: float) -> list[Action]:
    """Answer an INFORMATIONAL request that speaks of addresses; others as ever."""
    said = {notify.type for notify in message.notifies()} & _KNOWN
    if not said or message.all(Delete):
        return answer_informational(sa, message, now)
    claimed = claim(sa, now)  # it inherits what its elder knows of addresses, before they change
    return [*claimed, *_answer(sa, message, said, now)]


def _answer(sa: IkeSa, message: Message, said: set[int], now: float) -> list[Action]:
    echo = tuple(n for n in message.notifies() if n.type == NotifyType.COOKIE2)[:1]
    echo = tuple(Notify(n.type, n.data) for n in echo if len(n.data) in _COOKIES)
    if not sa.mobility.in_use:
        return sa.answer(message.header, echo, now)
    if said & _UPDATING and is_translated(message, sa.back):
        words = Notify(NotifyType.UNEXPECTED_NAT_DETECTED)
        text = f"the peer forbids NAT, and there is one: it came from {sa.back.remote[0]}"
        answer = sa.answer(message.header, (words, *echo), now)
        return [*answer, Noted(sa.sa, sa.connection, text)]
    after = _take_list(sa, message, now) if said & set(LISTS) else []
    is_update = NotifyType.UPDATE_SA_ADDRESSES in said and not sa.mobility.decides
    if is_update and message.header.message_id >= sa.mobility.newest_update:
        return [*_update(sa, message, echo, now), *after]
    return [*sa.answer(message.header, (*_nat(sa, said), *echo), now), *after]


def _nat(sa: IkeSa, said: set[int]) -> tuple[Notify, ...]:
    """Return NAT detection to whoever sent it (section 3.8)."""
    return nat_payloads(sa, sa.back) if NotifyType.NAT_DETECTION_SOURCE_IP in said else ()


def _update(sa: IkeSa, message: Message, echo: tuple[Notify, ...], now: float) -> list[Action]:
    mobility = sa.mobility
    mobility.newest_update = message.header.message_id
    why = _objection(sa, message)
    if why:
        words = Notify(NotifyType.UNACCEPTABLE_ADDRESSES)
        note = Noted(sa.sa, sa.connection, f"the peer's move is refused: {why}")
        return [*sa.answer(message.header, (words, *echo), now), note]
    mobility.stranded = False
    proven = home(sa).remote[0]
    mobility.begin(sa.path, _reason(sa), now)
    take_nat(sa, message, now)
    sa.path = carried(sa, sa.back)
    said = {notify.type for notify in message.notifies()}
    actions = sa.answer(message.header, (*_nat(sa, said), *echo), now)
    if sa.path.remote[0] == proven:
        actions += settle(sa, now)
    else:
        actions += resend_to_mover(sa, now)
        actions += sa.start(ProveAddress(mobility.generation), now)
    if additional(sa) != mobility.told:
        actions += sa.start(TellAddresses(), now)
    return actions


def _reason(sa: IkeSa) -> str:
    """Return which address an update changes: the peer's as a rule; ours where it says which."""
    here, there = sa.back.local[0], sa.back.remote[0]
    if there == sa.path.remote[0] and here != sa.path.local[0]:
        return f"the peer wants us at {here}"
    return f"the peer moved to {there}"


def _objection(sa: IkeSa, message: Message) -> str:
    """Return what speaks against the addresses that the request came from and to."""
    allowed = sa.profile.local
    if allowed and sa.back.local[0] not in allowed:
        return f"{sa.back.local[0]} is no address of this connection"
    if not sa.profile.nat_traversal and judge(message, sa.spis, sa.back).any:
        return f"there is a NAT on the way to {sa.back.remote[0]}, and nat_traversal is off"
    return ""


def _take_list(sa: IkeSa, message: Message, now: float) -> list[Action]:
    """Remember the peer's other addresses; leave one that it has no more."""
    mobility = sa.mobility
    if message.header.message_id < mobility.newest_list:
        return []
    mobility.newest_list = message.header.message_id
    source = sa.back.remote[0]
    mobility.peers = tuple(one for one in addresses_in(message) if one != source)
    there = sa.path.remote[0]
    if not mobility.decides or source == there:
        return []
    if there in mobility.peers:  # it left and has that address again: say that we still use it
        return go(sa, sa.path, f"the peer has {there} again", now, for_mover=True)
    return go(sa, where_heard(sa), f"the peer left {there}", now, for_mover=True)
