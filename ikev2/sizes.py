"""How large our datagrams are: 1280 octets, and 576 where those get lost (RFC 7383 2.5.1)."""

from typing import TYPE_CHECKING, Final

from ikev2.exchange import OwnExchange
from ikev2.fragments import FALLBACK_DATAGRAM, room_for
from ikev2.window import Flight

if TYPE_CHECKING:
    from ikev2.sa import IkeSa

_PATIENCE: Final = 2  # a request is sent so often again before its size is suspected


def room_of(sa: "IkeSa") -> int:
    """Return the largest piece of IKE, in octets, that goes to the peer in one datagram."""
    version = 6 if ":" in sa.path.remote[0] else 4
    return room_for(version, sa.path.encapsulated, sa.largest)


def seal_again(sa: "IkeSa", flight: Flight[OwnExchange]) -> None:
    """Suspect the path of not carrying what is not answered, and cut it smaller."""
    if flight.attempt < _PATIENCE or ":" in sa.path.remote[0] or flight.message_id == 0:
        return
    sa.largest = FALLBACK_DATAGRAM
    room = room_of(sa)
    if max(map(len, flight.datagrams)) > room:
        header = sa.header(flight.exchange.kind, flight.message_id, response=False)
        flight.datagrams = sa.channel.seal(header, flight.payloads, room)
