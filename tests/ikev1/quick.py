"""The other end of a quick mode, played by hand: what it says is what a test wants it to say."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from ikecore.actions import Action, Send
from ikecore.profile import ChildProfile
from ikev1.exchanges.quick import InitiateQuick
from ikev1.exchanges.quick_response import RespondQuick
from ikev1.keys import phase2_iv, quick_hash1, quick_hash2, quick_hash3
from ikev1.message import Exchange, Header, Message, open_message, parse_header, seal_hashed
from ikev1.payloads.chain import Payload
from ikev1.payloads.ident import Identification
from ikev1.payloads.nonce import Nonce
from ikev1.payloads.sa import ProposalPayload, SecurityAssociation
from ikev1.phase2_offer import offer_phase2
from ikev1.sa import IkeSa
from ikev1.state import State
from tests.pair.hosts import selectors

from .alone import COOKIES, LAST, some_keys
from .hosts import quiet
from .told import receive, up

THEIRS = 0x7777  # the SPI that the peer takes
NR = b"r" * 32
KEYS = some_keys()
NETS = ChildProfile(selectors("10.1.0.0/24"), selectors("10.2.0.0/24"))


def ready(**changes: object) -> IkeSa:
    """Return an SA that is up, as whose peer a test speaks; the quick mode may be either's."""
    sa = up(**changes)
    handlers = {**sa.resources.handlers}
    for state in (State.ESTABLISHED, State.REPLACED):
        handlers[state, Exchange.QUICK] = RespondQuick
    sa.resources = replace(sa.resources, handlers=handlers)
    return sa


def sent(actions: list[Action]) -> list[bytes]:
    """Return the datagrams among actions."""
    return [one.data for one in actions if isinstance(one, Send)]


def opened(datagram: bytes, iv: bytes = b"") -> Message:
    """Return what a message says; without an IV it is an exchange's first."""
    header = parse_header(datagram)
    first = phase2_iv(KEYS, LAST, header.message_id)
    return open_message(datagram, header, KEYS.cipher, iv or first)[0]


@dataclass
class Asked:
    """A quick mode of ours, and the peer that answers it."""

    sa: IkeSa
    qm1: bytes
    message: Message

    @property
    def answer(self) -> list[Payload]:
        """Return what a peer says that takes all as it came."""
        offer = self.message.one(SecurityAssociation)
        assert offer is not None
        first = offer.proposals[0]
        taken = ProposalPayload(
            first.number, first.protocol, THEIRS.to_bytes(4, "big"), first.transforms[:1]
        )
        return [SecurityAssociation((taken,)), Nonce(NR), *self.message.all(Identification)]

    def reply(self, *payloads: Payload, now: float = 0.0) -> list[Action]:
        """Say QM2, under a good HASH(2); return what comes of it."""
        return receive(self.sa, self.sealed(*payloads), now)

    def sealed(self, *payloads: Payload) -> bytes:
        """Return QM2."""
        nonce = self.message.one(Nonce)
        assert nonce is not None
        number = self.message.header.message_id
        header = Header(*COOKIES, Exchange.QUICK, number, encrypted=True)
        return seal_hashed(
            header,
            lambda rest: quick_hash2(KEYS, number, nonce.data, rest),
            payloads,
            KEYS.cipher,
            self.qm1[-16:],
        )[0]


def ask(sa: IkeSa, wanted: ChildProfile = NETS, replaces: int = 0, now: float = 0.0) -> Asked:
    """Begin a quick mode of ours."""
    (qm1,) = sent(sa.start(InitiateQuick(wanted, replaces), now))
    return Asked(sa, qm1, opened(qm1))


class Asking:
    """A quick mode of the peer's, with our end's answer."""

    def __init__(self, sa: IkeSa, message_id: int = 0x51, spi: int = THEIRS) -> None:
        self.sa = sa
        self.message_id = message_id
        self.spi = spi
        self.nonce = b"i" * 32
        self.sun = quiet("sun")
        self.qm1 = b""
        self.qm2 = b""

    def offer(self, encapsulation: int = 1) -> SecurityAssociation:
        """Return what a peer like ourselves offers."""
        return SecurityAssociation(offer_phase2(self.sun, self.spi, encapsulation))

    @property
    def clients(self) -> list[Identification]:
        """Return IDci and IDcr that mirror our networks."""
        return [
            Identification.of_selector(NETS.remote_ts[0]),
            Identification.of_selector(NETS.local_ts[0]),
        ]

    def ask(self, *payloads: Payload, now: float = 0.0) -> list[Action]:
        """Say QM1; return what comes of it."""
        said = payloads or (self.offer(), Nonce(self.nonce), *self.clients)
        number = self.message_id
        iv = phase2_iv(KEYS, LAST, number)
        self.qm1 = self._sealed(said, lambda rest: quick_hash1(KEYS, number, rest), iv)
        actions = receive(self.sa, self.qm1, now)
        self.qm2 = next(iter(sent(actions)), b"")
        return actions

    @property
    def answer(self) -> Message:
        """Return QM2."""
        return opened(self.qm2, self.qm1[-16:])

    def confirm(self, now: float = 0.0) -> list[Action]:
        """Say QM3; return what comes of it."""
        return receive(self.sa, self.qm3(), now)

    def qm3(self) -> bytes:
        """Return QM3."""
        theirs = self.answer.one(Nonce)
        assert theirs is not None
        nonces = (self.nonce, theirs.data)
        make = lambda _: quick_hash3(KEYS, self.message_id, nonces)  # noqa: E731 - one line of it
        return self._sealed((), make, self.qm2[-16:])

    def _sealed(
        self, payloads: tuple[Payload, ...], make: Callable[[bytes], bytes], iv: bytes
    ) -> bytes:
        header = Header(*COOKIES, Exchange.QUICK, self.message_id, encrypted=True)
        return seal_hashed(header, make, payloads, KEYS.cipher, iv)[0]
