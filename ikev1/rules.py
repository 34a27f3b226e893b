"""Which payloads a message must, may and must not hold (RFC 2409 section 5, RFC 3947).

One table, checked in one place, so that a handler finds what its exchange promises.  A message is
told by its place: IKEv1's header does not say which one of an exchange it is.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final

from ikev1.message import Exchange, Message
from ikev1.payloads.types import PayloadType


class RuleBroken(ValueError):
    """The message lacks a payload, has one too often, or one that does not belong there."""


class Place(Enum):
    """Which message of which exchange; odd ones are the initiator's."""

    MM1 = "main mode message 1"
    MM2 = "main mode message 2"
    MM3 = "main mode message 3"
    MM4 = "main mode message 4"
    MM5 = "main mode message 5"
    MM6 = "main mode message 6"
    AM1 = "aggressive mode message 1"
    AM2 = "aggressive mode message 2"
    AM3 = "aggressive mode message 3"
    QM1 = "quick mode message 1"
    QM2 = "quick mode message 2"
    QM3 = "quick mode message 3"
    INFORMATIONAL = "informational message"
    TRANSACTION = "transaction message"


@dataclass(frozen=True, slots=True)
class Rule:
    """Payloads of one place: exactly once, at most once, any number."""

    exchange: Exchange
    once: frozenset[int]
    optional: frozenset[int]
    many: frozenset[int]


_T = PayloadType
_NAT_D: Final[set[int]] = {_T.NAT_D, _T.NAT_D_DRAFT}
_ANYWHERE: Final[set[int]] = {_T.NOTIFY, _T.VENDOR}


def _rule(exchange: Exchange, once: set[int], optional: set[int], many: set[int]) -> Rule:
    return Rule(exchange, frozenset(once), frozenset(optional), frozenset(many | _ANYWHERE))


_KEYS: Final = _rule(Exchange.MAIN, {_T.KE, _T.NONCE}, set(), {_T.CERTREQ, *_NAT_D})
_NAMES: Final = _rule(Exchange.MAIN, {_T.ID, _T.HASH}, set(), set())
_CHILD: Final = _rule(
    Exchange.QUICK,
    {_T.HASH, _T.SA, _T.NONCE},
    {_T.KE},
    {_T.ID, _T.NAT_OA, _T.NAT_OA_DRAFT},
)
RULES: Final[Mapping[Place, Rule]] = {
    Place.MM1: _rule(Exchange.MAIN, {_T.SA}, set(), set()),
    Place.MM2: _rule(Exchange.MAIN, {_T.SA}, set(), set()),
    Place.MM3: _KEYS,
    Place.MM4: _KEYS,
    Place.MM5: _NAMES,
    Place.MM6: _NAMES,
    Place.AM1: _rule(Exchange.AGGRESSIVE, {_T.SA, _T.KE, _T.NONCE, _T.ID}, set(), {_T.CERTREQ}),
    Place.AM2: _rule(
        Exchange.AGGRESSIVE,
        {_T.SA, _T.KE, _T.NONCE, _T.ID, _T.HASH},
        set(),
        {_T.CERTREQ, *_NAT_D},
    ),
    Place.AM3: _rule(Exchange.AGGRESSIVE, {_T.HASH}, set(), _NAT_D),
    Place.QM1: _CHILD,
    Place.QM2: _CHILD,
    Place.QM3: _rule(Exchange.QUICK, {_T.HASH}, set(), set()),
    Place.INFORMATIONAL: _rule(Exchange.INFORMATIONAL, {_T.HASH}, set(), {_T.DELETE}),
    Place.TRANSACTION: _rule(Exchange.TRANSACTION, {_T.HASH, _T.ATTRIBUTES}, set(), set()),
}
# Section 5.7: before there is an ISAKMP SA, notifies come in the clear.  A Delete never does.
_CLEAR: Final = _rule(Exchange.INFORMATIONAL, set(), set(), set())
_HASHED: Final = (Exchange.QUICK, Exchange.INFORMATIONAL, Exchange.TRANSACTION)
_KNOWN: Final = frozenset(PayloadType) - {_T.NONE}


def check(message: Message, place: Place) -> None:
    """Raise :exc:`RuleBroken` unless the payloads are those of the message's place.

    A HASH over the rest of the message comes first, where there is one.  Payloads of numbers
    that are not IKEv1's are not counted.
    """
    header = message.header
    rule = RULES[place]
    if header.exchange != rule.exchange:
        raise RuleBroken(f"exchange {header.exchange} instead of {place.value}")
    if place is Place.INFORMATIONAL and not header.encrypted:
        rule = _CLEAR
    counts = Counter(int(payload.TYPE) for payload in message.payloads)
    for kind, count in counts.items():
        if kind not in _KNOWN or kind in rule.many:
            continue
        if kind not in rule.once and kind not in rule.optional:
            raise RuleBroken(f"{PayloadType(kind).name} payload in {place.value}")
        if count > 1:
            raise RuleBroken(f"{count} {PayloadType(kind).name} payloads in {place.value}")
    for kind in sorted(rule.once):
        if kind not in counts:
            raise RuleBroken(f"{place.value} without {PayloadType(kind).name} payload")
    if rule.exchange in _HASHED and rule is not _CLEAR and message.payloads[0].TYPE != _T.HASH:
        raise RuleBroken(f"{place.value} begins before its HASH payload")
    if rule is _CHILD and counts[_T.ID] not in (0, 2):
        raise RuleBroken(f"{counts[_T.ID]} ID payloads in {place.value}")
