"""Which payloads a message must, may and must not hold (RFC 7296 sections 1.2 to 1.4, 2.21).

One table, checked in one place, so that a handler finds what its exchange promises.
"""

from collections import Counter
from dataclasses import dataclass
from typing import Final

from ikev2.message import Exchange, Message
from ikev2.payloads.types import NotifyType, PayloadType, is_error
from ikev2.payloads.unknown import Unknown


class RuleBroken(ValueError):
    """The message lacks a payload, has one too often, or one that its exchange does not know."""


@dataclass(frozen=True, slots=True)
class _Rule:
    """Payloads of one kind of message: exactly once, at most once, any number."""

    once: frozenset[int]
    optional: frozenset[int]
    many: frozenset[int]


_T = PayloadType
_CHILD: Final = frozenset((_T.SA, _T.TSI, _T.TSR))


def _rule(once: set[int], optional: set[int], many: set[int]) -> _Rule:
    return _Rule(frozenset(once), frozenset(optional), frozenset(many | {_T.NOTIFY, _T.VENDOR}))


_INIT: Final = _rule({_T.SA, _T.KE, _T.NONCE}, set(), {_T.CERTREQ})
_CREATE: Final = _rule({_T.SA, _T.NONCE}, {_T.KE, _T.TSI, _T.TSR, _T.CP}, set())
_INFORMATIONAL: Final = _rule(set(), {_T.CP}, {_T.DELETE})
_RULES: Final[dict[tuple[int, bool], _Rule]] = {
    (Exchange.IKE_SA_INIT, False): _INIT,
    (Exchange.IKE_SA_INIT, True): _INIT,
    (Exchange.IKE_AUTH, False): _rule(
        {_T.IDI, _T.AUTH}, {_T.IDR, _T.SA, _T.TSI, _T.TSR, _T.CP}, {_T.CERT, _T.CERTREQ}
    ),
    (Exchange.IKE_AUTH, True): _rule({_T.IDR, _T.AUTH}, {_T.SA, _T.TSI, _T.TSR, _T.CP}, {_T.CERT}),
    (Exchange.CREATE_CHILD_SA, False): _CREATE,
    (Exchange.CREATE_CHILD_SA, True): _CREATE,
    (Exchange.INFORMATIONAL, False): _INFORMATIONAL,
    (Exchange.INFORMATIONAL, True): _INFORMATIONAL,
}
_REFUSAL: Final = _rule(set(), {_T.IDR}, {_T.CERT})
_ACCEPTS: Final[dict[int, int]] = {  # the payload without which a response refuses
    Exchange.IKE_SA_INIT: _T.SA,
    Exchange.IKE_AUTH: _T.AUTH,
    Exchange.CREATE_CHILD_SA: _T.SA,
}
# Section 2.5: for a payload that RFC 7296 itself defines the critical flag means nothing.
_UNDERSTOOD: Final = frozenset(range(_T.SA, _T.EAP + 1))


def is_refusal(message: Message) -> bool:
    """Tell whether a response only says why there is none (or asks for a cookie).

    Sections 1.2, 2.6, 2.21: it holds an error notify and not what its exchange is about.
    """
    lacking = _ACCEPTS.get(message.header.exchange)
    if lacking is None or not message.header.response:
        return False
    if any(lacking == payload.TYPE for payload in message.payloads):
        return False
    init = message.header.exchange == Exchange.IKE_SA_INIT
    return any(
        is_error(notify.type) or (init and notify.type == NotifyType.COOKIE)
        for notify in message.notifies()
    )


def check(message: Message) -> None:
    """Raise :exc:`RuleBroken` unless the payloads are those of the message's exchange.

    Payloads that RFC 7296 does not define are not counted: section 2.5 says to skip them.
    """
    header = message.header
    rule = _RULES.get((header.exchange, header.response))
    if rule is None:
        raise RuleBroken(f"unknown exchange {header.exchange}")
    if is_refusal(message):
        rule = _REFUSAL
    counts = Counter(int(payload.TYPE) for payload in message.payloads)
    for kind, count in counts.items():
        if kind not in _UNDERSTOOD or kind in rule.many:
            continue
        if kind not in rule.once and kind not in rule.optional:
            raise RuleBroken(f"{PayloadType(kind).name} payload in an {_where(message)}")
        if count > 1:
            name = PayloadType(kind).name
            raise RuleBroken(f"{count} {name} payloads in an {_where(message)}")
    for kind in sorted(rule.once):
        if kind not in counts:
            raise RuleBroken(f"{_where(message)} without {PayloadType(kind).name} payload")
    if rule is not _REFUSAL:
        _check_child(message, counts)


def _where(message: Message) -> str:
    kind = "response" if message.header.response else "request"
    return f"{Exchange(message.header.exchange).name} {kind}"


def _check_child(message: Message, counts: Counter[int]) -> None:
    """Check what payloads ask for each other: the halves of a child, a new IKE SA and its KE."""
    match message.header.exchange:
        case Exchange.IKE_AUTH:
            found = _CHILD & counts.keys()
            if found and found != _CHILD:  # none at all: no child is asked for (RFC 6023)
                raise RuleBroken(f"{_where(message)} with {len(found)} of SA, TSi and TSr")
        case Exchange.CREATE_CHILD_SA:
            if (PayloadType.TSI in counts) != (PayloadType.TSR in counts):
                raise RuleBroken(f"{_where(message)} with one TS payload")
            if PayloadType.TSI not in counts and PayloadType.KE not in counts:
                raise RuleBroken(f"{_where(message)} without TS and without KE payloads")


def unknown_critical(message: Message) -> int | None:
    """Return the type of the first critical payload that is not understood (section 2.5)."""
    for payload in message.payloads:
        if isinstance(payload, Unknown) and payload.critical and payload.type not in _UNDERSTOOD:
            return payload.type
    return None
