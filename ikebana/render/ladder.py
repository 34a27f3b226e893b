"""The ladder diagram of an exchange: one line a message, an arrow each way.

Pure functions of trace records; the demo and the examples print what they return.
"""

from collections.abc import Iterable, Iterator

from ikebana.render.rung import LEAST, WIDTH, Rung, rung
from ikebana.render.text import fit
from ikecore.trace import MessageTraced, Record, Retransmitted


def ladder(records: Iterable[Record], left: str, right: str, width: int = WIDTH) -> list[str]:
    """Return the diagram: a line with the two names, then one line a message.

    ``left`` is the end whose records they are.  Lines are at most ``width`` characters (40 at
    least) and hold nothing but printable ones.
    """
    width = max(width, LEAST)
    half = width // 2 - 2
    left, right = fit(left, half), fit(right, half)
    head = left + " " * (width - len(left) - len(right)) + right
    return [head, *(rung(one, width) for one in rungs(records))]


def rungs(records: Iterable[Record]) -> Iterator[Rung]:
    """Yield the messages among the records; what went by before is marked as such."""
    seen: set[tuple[bool, bytes]] = set()
    requests: dict[bytes, MessageTraced] = {}  # the last one of each SA
    for record in records:
        match record:
            case MessageTraced():
                again = (record.sent, record.raw) in seen
                seen.add((record.sent, record.raw))
                if record.sent and not record.response:
                    requests[record.sa] = record
                yield _rung(record, again=again)
            case Retransmitted() if record.sa in requests:
                yield _rung(requests[record.sa], again=True)
            case _:
                pass  # keys and states are no messages


def _rung(record: MessageTraced, *, again: bool) -> Rung:
    return Rung(
        record.sent,
        record.exchange,
        record.response,
        record.message_id,
        record.labels,
        again,
        record.version,
    )
