"""Who reads along, with the keys from the traces: which SAs were deleted, and who knows it.

An end that has said, or answered, a Delete uses those keys no more (RFC 7296 section 1.4.1).
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import count

from ikecore.proposals import Protocol
from ikecore.trace import KeysDerived
from ikev2.message import (
    Header,
    Message,
    open_message,
    parse_header,
    seal_message,
)
from ikev2.payloads.delete import Delete
from ikev2.payloads.types import PayloadType
from suites.encr import sealer
from suites.sealers import Sealer
from tests.pair import deletes as pair
from tests.pair.wire import OTHER, Outside

Spis = tuple[bytes, bytes]
Change = Callable[[Message], Message]


class Eavesdropper:
    """Open and reword any message of an IKE SA whose keys were traced."""

    def __init__(self) -> None:
        self._sealers: dict[tuple[Spis, bool], Sealer] = {}  # by SPIs and the I flag
        self._counter = count(1 << 40)  # never one that the real end has used
        self._changed: dict[bytes, bytes] = {}

    def outside(self, datagram: bytes) -> Outside:
        """Return what a datagram shows to everybody."""
        header = parse_header(datagram)
        spis = (header.initiator_spi, header.responder_spi)
        return Outside(header.exchange, header.response, header.message_id, spis)

    def learn(self, record: KeysDerived) -> None:
        """Take the keys of an IKE SA."""
        spis = (record.initiator_spi, record.responder_spi)
        named, suite = dict(record.keys), record.suite
        for way, from_initiator in (("i", True), ("r", False)):
            encr, integ = named[f"SK_e{way}"].reveal(), named[f"SK_a{way}"].reveal()
            self._sealers[spis, from_initiator] = sealer(suite.encr, encr, suite.integ, integ)

    def read(self, datagram: bytes) -> Message | None:
        """Return what a datagram says; None for a fragment and for what needs no keys.

        KeyError if the keys of its IKE SA were not traced.
        """
        header = parse_header(datagram)
        if header.first != PayloadType.SK:
            return None
        return open_message(datagram, header, self._sealer(header))

    def changed(self, datagram: bytes, change: Change) -> bytes:
        """Return the datagram with other contents; a repeat of it is reworded alike."""
        if datagram not in self._changed:
            message = self.read(datagram)
            if message is None:
                raise ValueError("only a whole message under keys can be changed")
            said = change(message)
            self._changed[datagram] = seal_message(
                said.header, said.payloads, self._sealer(said.header), next(self._counter)
            )
        return self._changed[datagram]

    def _sealer(self, header: Header) -> Sealer:
        return self._sealers[(header.initiator_spi, header.responder_spi), header.from_initiator]


def saying(*payloads: object) -> Change:
    """Return the change that leaves the header and says this instead."""
    return lambda message: replace(message, payloads=payloads)  # type: ignore[arg-type]


@dataclass
class Deletes(pair.Deletes):
    """What both ends know to be deleted: who asks for it, and who answers, knows."""

    _ended: dict[str, set[Spis]] = field(default_factory=lambda: {"moon": set(), "sun": set()})
    _asked: dict[tuple[str, Spis, int], tuple[Delete, ...]] = field(default_factory=dict)

    def note(self, sender: str, message: Message, now: float, *, first: bool) -> None:
        """Take an INFORMATIONAL message as it leaves; ``first`` unless it is a repeat."""
        header = message.header
        spis = (header.initiator_spi, header.responder_spi)
        deletes = message.all(Delete)
        if not header.response:
            if first and spis in self._ended[sender]:
                self.misuse.append(f"{now:.3f} {sender} asks under a deleted IKE SA")
            self._asked[sender, spis, header.message_id] = deletes
        else:
            for delete in self._asked.get((OTHER[sender], spis, header.message_id), ()):
                self.obeyed[sender].update(delete.spis)
                if delete.protocol == Protocol.IKE:
                    self._ended[sender].add(spis)
        for delete in deletes:
            self.told[sender].update(delete.spis)
            if delete.protocol == Protocol.IKE and not header.response:
                self._ended[sender].add(spis)
