"""One end's keys in a stranger's hand: messages that the other end must take for its peer's.

A test that wants to say what our own endpoint never says takes the keys from the trace.
"""

import struct
from collections.abc import Sequence
from itertools import count

from ikecore.actions import Traced
from ikecore.profile import Profile
from ikecore.trace import KeysDerived
from ikev2.fragments import Reassembly, open_fragment, seal_within
from ikev2.message import HEADER, Exchange, Header, Message, build_init, open_message, parse_header
from ikev2.message import seal_message as seal
from ikev2.payloads.chain import Payload
from ikev2.payloads.ke import KeyExchangeData
from ikev2.payloads.nonce import Nonce
from ikev2.payloads.sa import SecurityAssociation
from ikev2.payloads.types import PayloadType
from suites.encr import sealer
from suites.kex import GROUP_BY_NAME
from suites.sealers import Sealer
from suites.secret import Secret

from .network import Network, profile

STRANGER = b"stranger"
NOTHING = bytes(8)


class Forger:
    """Speak as ``name``, with the keys of the IKE SA it made last."""

    def __init__(self, net: Network, name: str, *, initiator: bool) -> None:
        records = (traced.record for traced in net.seen(Traced, name))
        self.keys = [record for record in records if isinstance(record, KeysDerived)][-1]
        self.initiator = initiator
        self.spis = (self.keys.initiator_spi, self.keys.responder_spi)
        self._counter = count(1 << 40)  # never one that the real end has used
        self._seal = self._sealer("i" if initiator else "r")
        self._open = self._sealer("r" if initiator else "i")

    def _sealer(self, way: str) -> Sealer:
        named: dict[str, Secret] = dict(self.keys.keys)
        suite = self.keys.suite
        encr, integ = named[f"SK_e{way}"].reveal(), named[f"SK_a{way}"].reveal()
        return sealer(suite.encr, encr, suite.integ, integ)

    def header(self, exchange: int, message_id: int, *, response: bool = False) -> Header:
        return Header(*self.spis, exchange, message_id, self.initiator, response)

    def say(
        self,
        message_id: int,
        *payloads: Payload,
        exchange: int = Exchange.INFORMATIONAL,
        response: bool = False,
    ) -> bytes:
        """Return a message of these payloads, sealed as the peer would."""
        header = self.header(exchange, message_id, response=response)
        return seal(header, payloads, self._seal, next(self._counter))

    def say_octets(
        self, exchange: int, message_id: int, first: int, plain: bytes, *, response: bool = False
    ) -> bytes:
        """Return a message whose payloads are any octets; the trailer is in order."""
        pad = -(len(plain) + 1) % self._seal.block
        plain += bytes((*bytes(pad), pad))
        length = 4 + len(plain) + self._seal.overhead
        head = HEADER.pack(
            *self.spis,
            PayloadType.SK,
            0x20,
            exchange,
            self.initiator << 3 | response << 5,
            message_id,
            HEADER.size + length,
        ) + struct.pack("!BBH", first, 0, length)
        return head + self._seal.seal(head, plain, next(self._counter))

    def say_in(
        self,
        room: int,
        message_id: int,
        *payloads: Payload,
        exchange: int = Exchange.INFORMATIONAL,
        response: bool = False,
    ) -> tuple[bytes, ...]:
        """Return a message of these payloads in datagrams of at most ``room`` octets."""
        header = self.header(exchange, message_id, response=response)
        first = next(self._counter)
        datagrams = seal_within(header, payloads, self._seal, first, room)
        self._counter = count(first + len(datagrams))
        return datagrams

    def hear(self, *datagrams: bytes) -> Message:
        """Open what the other end sent: one message, whole or all its fragments."""
        queue, message = Reassembly(), None
        for datagram in datagrams:
            header = parse_header(datagram)
            if header.first != PayloadType.SKF:
                return open_message(datagram, header, self._open)
            message = queue.add(open_fragment(datagram, header, self._open), 0.0)
        assert message is not None
        return message


def init_request(
    payloads: Sequence[Payload] | None = None,
    spi: bytes = STRANGER,
    offer: Profile | None = None,
    nonce: bytes = b"a stranger's nonce",
) -> bytes:
    """Return an IKE_SA_INIT request, by default one that sun accepts."""
    header = Header(spi, NOTHING, Exchange.IKE_SA_INIT, 0, from_initiator=True, response=False)
    return build_init(header, init_payloads(offer, nonce) if payloads is None else payloads)


def init_payloads(
    offer: Profile | None = None, nonce: bytes = b"a stranger's nonce"
) -> tuple[SecurityAssociation, KeyExchangeData, Nonce]:
    mine = offer or profile("moon")
    key = GROUP_BY_NAME["x25519"].generate()
    return (
        SecurityAssociation(mine.ike_proposals),
        KeyExchangeData(key.group.iana, key.public),
        Nonce(nonce),
    )
