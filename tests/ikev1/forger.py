"""The keys of an ISAKMP SA in a stranger's hand, and first messages of nobody.

A test that wants to say what our own endpoint never says takes the keys from the trace.
"""

from collections.abc import Callable, Sequence
from itertools import count

from ikecore.chain import GENERIC
from ikecore.profile import Profile
from ikev1.keys import Keys1, informational_hash, phase2_iv
from ikev1.message import Exchange, Header, build_clear, pack_header
from ikev1.payloads.chain import Payload, build_chain
from ikev1.payloads.ident import Identification
from ikev1.payloads.ke import KeyExchangeData
from ikev1.payloads.nonce import Nonce
from ikev1.payloads.sa import SecurityAssociation
from ikev1.payloads.types import PayloadType
from ikev1.phase1_offer import offer_phase1
from ikev1.registry import Method
from suites.kex import GROUP_BY_NAME

from .eavesdropper import Cookies
from .network import Network, profile

STRANGER = b"stranger"
NOTHING = bytes(8)
MakeHash = Callable[[bytes], bytes]


class Forger:
    """Speak as either end of an ISAKMP SA whose keys were traced."""

    def __init__(self, net: Network, cookies: Cookies | None = None) -> None:
        self.cookies = cookies or next(iter(net.pairs("sun") or net.pairs("moon")))
        self.ear = net.ear
        self._ids = count(0x1000)

    def say(
        self,
        *payloads: Payload,
        exchange: int = Exchange.INFORMATIONAL,
        message_id: int = 0,
        make_hash: MakeHash | None = None,
    ) -> bytes:
        """Return a first message under a good HASH(1), under a message ID of its own."""
        first, chain = build_chain(payloads)
        return self.say_octets(first, chain, exchange, message_id, make_hash)

    def say_octets(
        self,
        first: int,
        chain: bytes,
        exchange: int = Exchange.INFORMATIONAL,
        message_id: int = 0,
        make_hash: MakeHash | None = None,
        iv: bytes = b"",
    ) -> bytes:
        """Return the same of any octets; ``iv`` where it is not the first message."""
        keys, number = self.keys, message_id or next(self._ids)
        make = make_hash or (lambda rest: informational_hash(keys, number, rest))
        digest = make(chain)
        head = GENERIC.pack(first, 0, GENERIC.size + len(digest)) + digest
        return self.seal(PayloadType.HASH, head + chain, exchange, number, iv)

    def seal(
        self, first: int, chain: bytes, exchange: int, message_id: int, iv: bytes = b""
    ) -> bytes:
        """Return these octets enciphered, whatever they are."""
        cipher = self.keys.cipher
        start = iv or phase2_iv(self.keys, self.ear.last_block(self.cookies), message_id)
        sealed = cipher.encrypt(start, chain + bytes(-len(chain) % cipher.block))
        header = Header(*self.cookies, exchange, message_id, encrypted=True)
        return pack_header(header, first, 28 + len(sealed), encrypted=True) + sealed

    @property
    def keys(self) -> Keys1:
        """Return the keys."""
        return self.ear.keys(self.cookies)


def first_message(
    payloads: Sequence[Payload] | None = None,
    cookie: bytes = STRANGER,
    *,
    exchange: int = Exchange.MAIN,
    responder_cookie: bytes = NOTHING,
    message_id: int = 0,
) -> bytes:
    """Return a first message of phase 1, by default one that sun takes."""
    header = Header(cookie, responder_cookie, exchange, message_id, encrypted=False)
    if payloads is None:
        payloads = aggressive_words() if exchange == Exchange.AGGRESSIVE else main_words()
    return build_clear(header, payloads)


def main_words(offer: Profile | None = None) -> tuple[SecurityAssociation]:
    """Return what message 1 of main mode must say."""
    return (SecurityAssociation(offer_phase1(offer or profile("moon"), Method.PSK)),)


def aggressive_words(
    offer: Profile | None = None, nonce: bytes = b"a stranger's nonce"
) -> tuple[SecurityAssociation, KeyExchangeData, Nonce, Identification]:
    """Return what message 1 of aggressive mode must say."""
    mine = offer or profile("moon")
    return (*main_words(mine), *key_words(nonce), Identification.of_identity(mine.local_id))


def key_words(nonce: bytes = b"a stranger's nonce") -> tuple[KeyExchangeData, Nonce]:
    """Return a half of a key exchange in the group of :func:`~tests.ikev1.hosts.profile`."""
    key = GROUP_BY_NAME["modp2048"].generate()
    return KeyExchangeData(key.public), Nonce(nonce)
