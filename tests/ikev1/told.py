"""An SA made by hand, what its peer tells it, and what it says itself: no phase 1 is run."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from itertools import count

from ikecore.actions import Action, Send, Traced
from ikecore.child import ChildSpec, Keys
from ikecore.identities import Identity
from ikecore.keywords import parse_proposal
from ikecore.profile import ChildProfile
from ikecore.proposals import Protocol, choose
from ikecore.trace import StateChanged
from ikev1.child import Child, ChildState
from ikev1.exchange import Negotiation
from ikev1.exchanges.informational import Informational
from ikev1.keys import Keys1, informational_hash, phase2_iv
from ikev1.message import Exchange, open_message, parse_header
from ikev1.payloads.chain import Payload
from ikev1.payloads.delete import Delete
from ikev1.payloads.hash import Hash
from ikev1.payloads.notify import Notify
from ikev1.payloads.types import ProtocolId
from ikev1.sa import IkeSa
from ikev1.state import State
from ikev1.vendors import Vendors
from policy.selectors import TrafficSelector
from suites.secret import Secret

from .alone import COOKIES, LAST, PATH, established, lone, sealed, some_keys

SPI = b"".join(COOKIES)
BYE = Delete(ProtocolId.ISAKMP, (SPI,))
_ids = count(0x100)


def up(**changes: object) -> IkeSa:
    """Return an established SA whose table has nothing but INFORMATIONAL."""
    sa = established(changes)
    return _furnish(sa)


def half_open(**changes: object) -> IkeSa:
    """Return an SA in phase 1 that has its keys: its messages are encrypted already."""
    sa = up(**changes)
    sa.become(State.NEGOTIATING, "a test wants it")
    sa.connection = ""
    return sa


def without_keys() -> IkeSa:
    """Return an SA in phase 1 before there is any key."""
    return _furnish(lone())


def _furnish(sa: IkeSa) -> IkeSa:
    states = [state for state in State if state is not State.CLOSED]
    handlers: dict[tuple[State, int], Callable[[IkeSa], Negotiation]] = {
        (state, Exchange.INFORMATIONAL): Informational for state in states
    }
    mates = [sa]
    sa.resources = replace(sa.resources, handlers=handlers, mates=lambda _: list(mates))
    sa.vendors = Vendors(dpd=True)
    sa.established_at = 0.0
    sa.peer = Identity.parse("sun.lab")
    sa.nonces = (b"a" * 32, b"b" * 32)
    return sa


def beside(sa: IkeSa, other: IkeSa) -> None:
    """Let two SAs know of each other."""
    for one in (sa, other):
        one.resources = replace(one.resources, mates=lambda _: [sa, other])


def add_child(
    sa: IkeSa,
    inbound: int = 0x1001,
    outbound: int = 0x2001,
    *,
    keywords: str = "aes128-sha256",
    protocol: Protocol = Protocol.ESP,
    state: ChildState = ChildState.LIVE,
    standby: bool = False,
    like: Child | None = None,
) -> Child:
    """Give an SA a child that the outside knows of, with the traffic of another or its own."""
    proposal = parse_proposal(keywords, protocol)
    found = choose((proposal,), (proposal,))
    assert found is not None
    alone = TrafficSelector(4, 0x0A000000 + inbound, 0x0A000000 + inbound)
    wanted = like.wanted if like is not None else ChildProfile((alone,), (alone,))
    keys = Keys(Secret(bytes(16)), Secret(bytes(32)))
    spec = ChildSpec(
        "net", sa.sa, inbound, outbound, found[0], keys, keys, wanted.local_ts, wanted.remote_ts,
        PATH, standby=standby,
    )  # fmt: skip
    child = Child(spec, wanted, bytes(32), True, 0, 0.0, state=state, settled_at=0.0, is_told=True)
    sa.children[inbound] = child
    return child


def hear(
    sa: IkeSa, *payloads: Payload, now: float = 1.0, keys: Keys1 | None = None, message_id: int = 0
) -> list[Action]:
    """Let the peer tell something under a HASH; return what comes of it, without the trace."""
    number = message_id or next(_ids)
    return receive(sa, sealed(*payloads, message_id=number, keys=keys)[1], now)


def receive(sa: IkeSa, datagram: bytes, now: float = 1.0) -> list[Action]:
    """Hand over a datagram; return what comes of it, without the trace."""
    actions = sa.handle_datagram(parse_header(datagram), datagram, PATH, now)
    return [one for one in actions if not is_trace(one)]


def is_trace(action: Action) -> bool:
    """Tell what is of no matter here."""
    return isinstance(action, Traced) and not isinstance(action.record, StateChanged)


def said(actions: Iterable[Action]) -> list[tuple[Payload, ...]]:
    """Return what INFORMATIONALs tell the peer; their HASHes are checked."""
    found, keys = [], some_keys()
    for action in actions:
        if not isinstance(action, Send):
            continue
        header = parse_header(action.data)
        iv = phase2_iv(keys, LAST, header.message_id)
        message, _ = open_message(action.data, header, keys.cipher, iv)
        stated = message.one(Hash)
        assert stated is not None
        assert stated.data == informational_hash(keys, header.message_id, message.after_first)
        found.append(message.payloads[1:])
    return found


def notify(
    kind: int, data: bytes = b"", spi: bytes = SPI, protocol: int = ProtocolId.ISAKMP
) -> Notify:
    """Return a notify about the SA, or about a child with an SPI of 4 octets."""
    return Notify(kind, data, protocol, spi)
