"""Which request of the peer is taken in which state; all else is dropped (RFC 7296 section 2)."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from ikecore.actions import Action
from ikev2.exchanges.create_child_response import answer_create_child, busy
from ikev2.exchanges.informational_response import answer_informational
from ikev2.exchanges.update_addresses_response import answer_mobile
from ikev2.message import Exchange, Message
from ikev2.sa import Handler, IkeSa, State


def _answer_auth(sa: IkeSa, message: Message, now: float) -> list[Action]:
    """Go on with what the SA waits for: who the peer is, and the key."""
    return sa.waiting.on_request(sa, message, now)


HANDLERS: Final[Mapping[tuple[State, int], Handler]] = MappingProxyType(
    {
        (State.INIT_ANSWERED, Exchange.IKE_AUTH): _answer_auth,
        (State.ESTABLISHED, Exchange.INFORMATIONAL): answer_mobile,
        (State.ESTABLISHED, Exchange.CREATE_CHILD_SA): answer_create_child,
        (State.REKEYED, Exchange.INFORMATIONAL): answer_informational,
        (State.REKEYED, Exchange.CREATE_CHILD_SA): busy,
        (State.DELETING, Exchange.INFORMATIONAL): answer_informational,
        (State.DELETING, Exchange.CREATE_CHILD_SA): busy,
    }
)
