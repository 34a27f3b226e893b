"""How large our datagrams are: 1280 octets, and 576 where those get lost (RFC 7383 2.5.1)."""

from typing import TYPE_CHECKING, Final

from ikev2.exchange import OwnExchange
from ikev2.fragments import FALLBACK_DATAGRAM, room_for
from ikev2.message import Header, Message
from ikev2.payloads.chain import Payload
from ikev2.window import Flight

if TYPE_CHECKING:
    from ikev2.sa import IkeSa

_SMALL: Final = room_for(4, True, FALLBACK_DATAGRAM)
_PATIENCE: Final = 2  # a request is sent so often again before its size is suspected


def room_of(sa: "IkeSa") -> int:
    """Return the largest piece of IKE, in octets, that goes to the peer in one datagram."""
    version = 6 if ":" in sa.path.remote[0] else 4
    return room_for(version, sa.path.encapsulated, sa.largest)


def pieces(sa: "IkeSa", message: Message) -> tuple[bytes, ...]:
    """Return the datagrams of a request; of small ones it is learned that large ones get lost."""
    if len(message.fragments) > 1 and len(message.fragments[0]) <= _SMALL:
        sa.largest = FALLBACK_DATAGRAM if ":" not in sa.path.remote[0] else sa.largest
    return message.fragments or (message.raw,)


def to_keep(payloads: tuple[Payload, ...], datagrams: tuple[bytes, ...]) -> tuple[Payload, ...]:
    """Return what has to be kept of a message in order to cut it smaller: mostly nothing."""
    return payloads if max(map(len, datagrams)) > _SMALL else ()


def answer_again(sa: "IkeSa", header: Header) -> tuple[bytes, ...]:
    """Return the answer to a request that came again; cut smaller when it comes time and again."""
    answer = sa.responses.response(header.message_id)
    repeats, payloads = sa.responses.count_repeat(header.message_id)
    if not payloads or not sa.channel.fragments or repeats < _PATIENCE:
        return answer
    if ":" in sa.back.remote[0]:
        return answer
    sa.largest = FALLBACK_DATAGRAM
    room = room_of(sa)
    if max(map(len, answer)) > room:
        back = sa.header(header.exchange, header.message_id, response=True)
        answer = sa.channel.seal(back, payloads, room)
        sa.responses.answer(header.message_id, *answer, payloads=payloads)
    return answer


def seal_again(sa: "IkeSa", flight: Flight[OwnExchange]) -> None:
    """Suspect the path of not carrying what is not answered, and cut it smaller."""
    if flight.attempt < _PATIENCE or ":" in sa.path.remote[0] or not sa.channel.fragments:
        return  # what cannot be cut has to come again octet for octet
    sa.largest = FALLBACK_DATAGRAM
    room = room_of(sa)
    if max(map(len, flight.datagrams)) > room:
        header = sa.header(flight.exchange.kind, flight.message_id, response=False)
        flight.datagrams = sa.channel.seal(header, flight.payloads, room)
