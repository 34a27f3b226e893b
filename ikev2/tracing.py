"""What an SA tells the trace of its messages."""

from typing import TYPE_CHECKING

from ikecore.actions import Traced
from ikecore.trace import MessageTraced
from ikev2.labels import labels
from ikev2.message import Exchange, Header, Message
from ikev2.payloads.chain import Payload
from policy.path import Path

if TYPE_CHECKING:
    from ikev2.sa import IkeSa


def trace_sent(
    sa: "IkeSa",
    header: Header,
    payloads: tuple[Payload, ...],
    datagrams: tuple[bytes, ...],
    path: Path,
) -> Traced:
    """Return the record of a message that goes out."""
    return _traced(sa, header, labels(payloads), datagrams, path, sent=True)


def trace_received(sa: "IkeSa", message: Message, path: Path) -> Traced:
    """Return the record of a message that came in."""
    names = labels(message.payloads)
    return _traced(sa, message.header, names, (message.raw,), path, sent=False)


def _traced(
    sa: "IkeSa",
    header: Header,
    names: tuple[str, ...],
    datagrams: tuple[bytes, ...],
    path: Path,
    *,
    sent: bool,
) -> Traced:
    return Traced(
        MessageTraced(
            sa.connection,
            sa.sa,
            sent,
            Exchange(header.exchange).name,
            header.response,
            header.message_id,
            names,
            datagrams[0],
            path,
        )
    )
