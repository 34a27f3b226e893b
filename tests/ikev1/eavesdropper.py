"""Who reads along, with the keys from the traces; and who knows of which Delete.

An end that has said a Delete, and one that has got it, uses those keys no more.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from ikecore.trace import KeysDerived
from ikecore.wire import Malformed
from ikev1.keys import Keys1, phase2_iv, plain_hash
from ikev1.message import (
    Exchange,
    Header,
    Message,
    build_clear,
    open_message,
    parse_clear,
    parse_header,
    seal_hashed,
)
from ikev1.payloads.delete import Delete
from ikev1.payloads.hash import Hash
from ikev1.payloads.ke import KeyExchangeData
from ikev1.payloads.types import PayloadType, ProtocolId
from tests.pair import deletes as pair
from tests.pair.wire import Outside

Cookies = tuple[bytes, bytes]
Change = Callable[[Message], Message]


class Eavesdropper:
    """Open any message of an ISAKMP SA whose keys were traced.

    It has to see all of them in their order, as each is chained to the one before.
    """

    def __init__(self) -> None:
        self._keys: dict[Cookies, Keys1] = {}
        self._said: dict[tuple[Cookies, int], list[bytes]] = {}
        self._changed: dict[bytes, bytes] = {}

    def outside(self, datagram: bytes) -> Outside:
        """Return what a datagram shows to everybody, and remember it."""
        header = parse_header(datagram)
        cookies = cookies_of(header)
        said = self._said.setdefault((cookies, header.message_id), [])
        if datagram not in said:
            said.append(datagram)
        return Outside(header.exchange, False, header.message_id, cookies)

    def learn(self, record: KeysDerived) -> None:
        """Take the keys of an ISAKMP SA."""
        cookies = (record.initiator_spi, record.responder_spi)
        named = dict(record.keys)
        publics = [
            payload.data
            for key in ((cookies[0], bytes(8)), cookies)
            for datagram in self._said.get((key, 0), ())
            if not parse_header(datagram).encrypted
            for payload in self._clear(datagram).all(KeyExchangeData)
        ]
        skeyid, derive, auth, encr = (
            named[name] for name in ("SKEYID", "SKEYID_d", "SKEYID_a", "Ka")
        )
        iv = plain_hash(record.suite, b"".join(publics))[: record.suite.encr.iv]
        self._keys[cookies] = Keys1(record.suite, skeyid, derive, auth, encr, iv, record.keys)

    def keys(self, cookies: Cookies) -> Keys1:
        """Return the keys of an ISAKMP SA; KeyError if they were not traced."""
        return self._keys[cookies]

    def last_block(self, cookies: Cookies) -> bytes:
        """Return where the IVs of all exchanges after phase 1 begin."""
        return self._last_blocks(cookies)[-1]

    def read(self, datagram: bytes) -> Message | None:
        """Return what a datagram says; None for a fragment, and for what no key opens.

        KeyError if the keys of its ISAKMP SA were not traced.
        """
        header = parse_header(datagram)
        if header.first == PayloadType.FRAGMENT:
            return None
        if not header.encrypted:
            return parse_clear(datagram, header)
        for iv in self._ivs(header, datagram):
            try:
                return open_message(datagram, header, self._keys[cookies_of(header)].cipher, iv)[0]
            except Malformed:
                continue
        return None

    def changed(self, datagram: bytes, change: Change) -> bytes:
        """Return a first message with other contents and a good HASH; its repeat is changed alike.

        What follows it would be chained to octets that its sender does not know: so it is only good
        for exchanges of one message, and in clear.
        """
        if datagram not in self._changed:
            message = self.read(datagram)
            if message is None:
                raise ValueError("only a whole message can be changed")
            said = change(message)
            if not said.header.encrypted:
                self._changed[datagram] = build_clear(said.header, said.payloads)
            else:
                self._changed[datagram] = self._sealed(said)
        return self._changed[datagram]

    def _sealed(self, said: Message) -> bytes:
        header = said.header
        keys = self._keys[cookies_of(header)]
        iv = phase2_iv(keys, self.last_block(cookies_of(header)), header.message_id)
        rest = [payload for payload in said.payloads if not isinstance(payload, Hash)]
        number = header.message_id.to_bytes(4, "big")

        def make_hash(octets: bytes) -> bytes:
            return keys.prf.digest(keys.auth.reveal(), number + octets)

        return seal_hashed(header, make_hash, rest, keys.cipher, iv)[0]

    def _ivs(self, header: Header, datagram: bytes) -> Iterator[bytes]:
        cookies = cookies_of(header)
        keys, block = self._keys[cookies], self._keys[cookies].cipher.block
        if header.message_id:
            for last in reversed(self._last_blocks(cookies)):
                yield phase2_iv(keys, last, header.message_id)
        else:
            yield keys.iv
        for before in self._said.get((cookies, header.message_id), ()):
            if before != datagram and parse_header(before).encrypted:
                yield before[-block:]

    def _last_blocks(self, cookies: Cookies) -> list[bytes]:
        keys = self._keys[cookies]
        phase1 = self._said.get((cookies, 0), ())
        sealed = [d[-keys.cipher.block :] for d in phase1 if parse_header(d).encrypted]
        return [keys.iv, *sealed]

    def _clear(self, datagram: bytes) -> Message:
        return parse_clear(datagram, parse_header(datagram))


def cookies_of(header: Header) -> Cookies:
    """Return both cookies, the initiator's first."""
    return header.initiator_cookie, header.responder_cookie


@dataclass
class Deletes(pair.Deletes):
    """What both ends know to be deleted: nobody answers a Delete, and it may be lost."""

    _ended: dict[str, set[Cookies]] = field(default_factory=lambda: {"moon": set(), "sun": set()})

    def leaves(self, sender: str, message: Message, now: float) -> None:
        """Take a message as it leaves for the first time."""
        header = message.header
        deletes = message.all(Delete)
        if header.encrypted and not deletes and cookies_of(header) in self._ended[sender]:
            name = Exchange(header.exchange).name
            self.misuse.append(f"{now:.3f} {sender} says {name} under a deleted ISAKMP SA")
        for delete in deletes:
            self.told[sender].update(delete.children)
            if delete.protocol == ProtocolId.ISAKMP:
                self._ended[sender].update((spi[:8], spi[8:]) for spi in delete.spis)

    def arrives(self, name: str, message: Message) -> None:
        """Take a message as it comes; nobody listens to an ISAKMP SA that is gone."""
        if cookies_of(message.header) in self._ended[name]:
            return
        for delete in message.all(Delete):
            self.obeyed[name].update(delete.children)
            if delete.protocol == ProtocolId.ISAKMP:
                self._ended[name].update((spi[:8], spi[8:]) for spi in delete.spis)
