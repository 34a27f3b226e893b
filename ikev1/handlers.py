"""Which exchanges a peer may begin, and when; what is not here is dropped."""

from collections.abc import Callable, Mapping
from typing import Final

from ikev1.exchange import Negotiation
from ikev1.exchanges.informational import Informational
from ikev1.exchanges.quick_response import RespondQuick
from ikev1.exchanges.transaction import RespondTransaction
from ikev1.message import Exchange
from ikev1.sa import IkeSa
from ikev1.state import State

HANDLERS: Final[Mapping[tuple[State, int], Callable[[IkeSa], Negotiation]]] = {
    (State.NEGOTIATING, Exchange.INFORMATIONAL): Informational,
    (State.CONFIGURING, Exchange.INFORMATIONAL): Informational,
    (State.ESTABLISHED, Exchange.INFORMATIONAL): Informational,
    (State.REPLACED, Exchange.INFORMATIONAL): Informational,
    (State.CONFIGURING, Exchange.TRANSACTION): RespondTransaction,
    (State.ESTABLISHED, Exchange.TRANSACTION): RespondTransaction,
    (State.REPLACED, Exchange.TRANSACTION): RespondTransaction,
    (State.ESTABLISHED, Exchange.QUICK): RespondQuick,
    (State.REPLACED, Exchange.QUICK): RespondQuick,
}
