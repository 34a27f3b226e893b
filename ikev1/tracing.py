"""What an SA tells the trace of its messages."""

from typing import TYPE_CHECKING

from ikecore.actions import Traced
from ikecore.trace import MessageTraced
from ikev1.flights import PHASE1
from ikev1.labels import labels
from ikev1.message import Exchange, Header, Message
from ikev1.payloads.chain import Payload
from policy.path import Path

if TYPE_CHECKING:
    from ikev1.sa import IkeSa


def trace_sent(
    sa: "IkeSa", header: Header, payloads: tuple[Payload, ...], data: bytes, *, hashed: bool
) -> Traced:
    """Return the record of a message that goes out; ``hashed``: with a HASH payload in front."""
    names = labels(payloads)
    names = ("HASH", *names) if hashed else names
    return _traced(sa, header, names, data, sa.path, sent=True)


def trace_received(sa: "IkeSa", message: Message, path: Path) -> Traced:
    """Return the record of a message that came in."""
    return _traced(sa, message.header, labels(message.payloads), message.raw, path, sent=False)


def _traced(
    sa: "IkeSa",
    header: Header,
    names: tuple[str, ...],
    data: bytes,
    path: Path,
    *,
    sent: bool,
) -> Traced:
    is_answer = sent is not _is_ours(sa, header, sent=sent)
    name = Exchange(header.exchange).name
    return Traced(
        MessageTraced(
            sa.connection, sa.sa, sent, name, is_answer, header.message_id, names, data, path
        )
    )


def _is_ours(sa: "IkeSa", header: Header, *, sent: bool) -> bool:
    """Tell whether we began the exchange, of which no header tells; INFORMATIONAL is never kept."""
    if header.message_id == PHASE1:
        return sa.initiator
    flight = sa.flights.get(header.message_id)
    return sent if flight is None else flight.ours
