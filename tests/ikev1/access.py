"""A client and its gateway: profiles, networks of both, and one end with a peer made by hand."""

from dataclasses import replace

from ikecore.actions import Action, Failed, Send
from ikecore.diagnosis import Code
from ikecore.identities import Identity
from ikecore.lease import Lease
from ikecore.profile import ChildProfile, ConfigMode, LegacyTerms, Phase1Mode, Profile, Role
from ikecore.timetable import NEVER
from ikev1.channel import SealedChannel
from ikev1.exchanges.configure import begin_configuring
from ikev1.handlers import HANDLERS
from ikev1.keys import informational_hash, phase2_iv
from ikev1.life import handle_timeout, next_timeout
from ikev1.message import Exchange, Header, open_message, parse_header, seal_hashed
from ikev1.payloads.attributes import Attribute
from ikev1.payloads.attrs import ConfigAttribute, ConfigAttributes, ConfigType
from ikev1.state import State
from ikev1.vendors import Vendors
from tests.pair.hosts import selectors

from .alone import COOKIES, LAST, PATH, lone, some_keys
from .network import Network, quiet

REQUEST, REPLY, SET, ACK = ConfigType
LEASE = Lease("10.9.0.5", 32, ("10.2.0.53",), ("10.2.0.0/24",), "Welcome")
EVERYTHING, POOL, LAN = map(selectors, ("0.0.0.0/0", "10.9.0.0/24", "10.2.0.0/24"))
Kind = ConfigAttribute


def terms(
    role: Role,
    mode: ConfigMode = ConfigMode.PULL,
    *,
    xauth: bool = True,
    addresses: bool = True,
    aggressive: bool = False,
) -> LegacyTerms:
    """Return what a client or a server wants of IKEv1."""
    return LegacyTerms(
        Phase1Mode.AGGRESSIVE if aggressive else Phase1Mode.MAIN,
        aggressive,
        role if xauth else Role.NONE,
        role if addresses else Role.NONE,
        mode,
    )


def client(legacy: LegacyTerms | None = None, **changes: object) -> Profile:
    """Return moon's connection, which is a client's; it has everything sent through the tunnel."""
    mine: dict[str, object] = {
        "legacy": legacy or terms(Role.CLIENT),
        "children": (ChildProfile(EVERYTHING, EVERYTHING),),
    }
    return quiet("moon", **{**mine, **changes})


def server(legacy: LegacyTerms | None = None, **changes: object) -> Profile:
    """Return sun's connection, which is its gateway's."""
    mine: dict[str, object] = {
        "legacy": legacy or terms(Role.SERVER),
        "children": (ChildProfile(LAN, POOL),),
    }
    return quiet("sun", **{**mine, **changes})


def network(moon: Profile | None = None, sun: Profile | None = None) -> Network:
    """Return the two, before anything is said."""
    net = Network(moon or client(), sun or server())
    net.hosts["sun"].lease = LEASE
    return net


def named(*kinds: int) -> tuple[Attribute, ...]:
    """Return attributes without values."""
    return tuple(Attribute(kind, b"") for kind in kinds)


def who(user: bytes = b"alice", password: bytes = b"pw") -> tuple[Attribute, ...]:
    """Return a user and a password."""
    return (
        Attribute(Kind.XAUTH_USER_NAME, user),
        Attribute(Kind.XAUTH_USER_PASSWORD, password),
    )


def status(value: int) -> Attribute:
    """Return what a server makes of a user."""
    return Attribute(Kind.XAUTH_STATUS, value)


class OneEnd:
    """An SA right after its phase 1, and its peer, which says what a test wants.

    ``log`` is all that the SA wanted, ``begun`` what that was at the start.
    """

    def __init__(self, profile: Profile, *, unity: bool = True) -> None:
        is_client = Role.CLIENT in (profile.legacy.xauth, profile.legacy.addresses)
        sa = lone(initiator=is_client)
        sa.profile = profile
        mates = [sa]
        sa.resources = replace(sa.resources, handlers=HANDLERS, mates=lambda _: list(mates))
        sa.keys = some_keys()
        sa.suite = sa.keys.suite
        sa.channel = SealedChannel(sa.keys)
        sa.last_block = LAST
        sa.connection = profile.name
        sa.peer = Identity.parse("peer.lab")
        sa.nonces = (b"a" * 32, b"b" * 32)
        sa.vendors = Vendors(unity=unity)
        sa.become(State.CONFIGURING, "a test wants it")
        self.sa = sa
        self.mates = mates
        self.now = 0.0
        self.log: list[Action] = []
        self._ivs: dict[int, bytes] = {}
        self._next_id = 0x100
        self._read: dict[bytes, ConfigAttributes] = {}
        self.begun = self.carry_out(begin_configuring(sa, 0.0))

    def stands(self, state: State) -> bool:
        """Tell whether the SA is in this state by now."""
        return self.sa.state is state

    def failure(self) -> tuple[Code, str]:
        """Return why the negotiation failed, and what was seen of it."""
        (failed,) = (action for action in self.log if isinstance(action, Failed))
        return failed.diagnosis.code, failed.diagnosis.evidence

    # -- what the peer says ---------------------------------------------------------------------
    def sealed(
        self, said: ConfigAttributes, message_id: int = 0, exchange: int = Exchange.TRANSACTION
    ) -> bytes:
        """Return a message of the peer's; without an ID one that begins a transaction."""
        if not message_id:
            self._next_id += 1
            message_id = self._next_id
        keys = self.sa.keys
        header = Header(*COOKIES, exchange, message_id, encrypted=True)
        data, iv = seal_hashed(
            header,
            lambda rest: informational_hash(keys, message_id, rest),
            (said,),
            keys.cipher,
            self._iv(message_id),
        )
        self._ivs[message_id] = iv
        return data

    def hear(self, datagram: bytes) -> list[Action]:
        """Let the SA receive a datagram; return what it wants."""
        header = parse_header(datagram)
        return self.carry_out(self.sa.handle_datagram(header, datagram, PATH, self.now))

    def peer(
        self, kind: ConfigType, *words: Attribute, message_id: int = 0, identifier: int = 0
    ) -> list[Action]:
        """Let the peer say something; return what the SA wants."""
        said = ConfigAttributes(kind, identifier, words)
        return self.hear(self.sealed(said, message_id))

    def answers(self, *words: Attribute) -> list[Action]:
        """Let the peer answer what the SA said last; return what that wants."""
        message_id, said = self.said()[-1]
        kind = REPLY if said.type == REQUEST else ACK
        return self.peer(kind, *words, message_id=message_id, identifier=said.identifier)

    # -- what the SA says -----------------------------------------------------------------------
    def said(self, actions: list[Action] | None = None) -> list[tuple[int, ConfigAttributes]]:
        """Return the message IDs and contents of transactions; without ``actions`` of all so far.

        Repeats are left out where nothing is given.
        """
        sent = [a.data for a in (self.log if actions is None else actions) if isinstance(a, Send)]
        if actions is None:
            sent = list(dict.fromkeys(sent))
        return [
            (parse_header(data).message_id, self._read[data]) for data in sent if data in self._read
        ]

    def carry_out(self, actions: list[Action]) -> list[Action]:
        """Take note of what the SA wants, and return it."""
        for action in actions:
            if isinstance(action, Send):
                self._note(action.data)
        self.log += actions
        return actions

    def sleep(self, seconds: float) -> list[Action]:
        """Let time pass; return what the SA wants."""
        until, found = self.now + seconds, list[Action]()
        while (due := next_timeout(self.sa)) <= until and due < NEVER:
            self.now = max(self.now, due)
            found += self.carry_out(handle_timeout(self.sa, self.now))
            if self.sa.state is State.CLOSED:
                break
        self.now = until
        return found

    def _note(self, data: bytes) -> None:
        header = parse_header(data)
        if header.exchange != Exchange.TRANSACTION or data in self._read:
            return
        message, iv = open_message(data, header, self.sa.keys.cipher, self._iv(header.message_id))
        self._ivs[header.message_id] = iv
        said = message.one(ConfigAttributes)
        assert said is not None
        self._read[data] = said

    def _iv(self, message_id: int) -> bytes:
        return self._ivs.get(message_id) or phase2_iv(self.sa.keys, LAST, message_id)


def only(kind: type[Action], actions: list[Action]) -> list[Action]:
    """Return the actions of one kind."""
    return [action for action in actions if isinstance(action, kind)]


def user_end() -> OneEnd:
    """Return a client that only has a user, before it is asked."""
    return OneEnd(client(terms(Role.CLIENT, addresses=False), children=()))


def asking_end() -> OneEnd:
    """Return a server that has asked who the user is, and gives no addresses."""
    return OneEnd(server(terms(Role.SERVER, addresses=False)))
