"""The transaction exchange (draft-dukes-ike-mode-cfg-02 section 3): what XAUTH and mode config are.

    HDR*, HASH, ATTR(REQUEST)   ─►              HDR*, HASH, ATTR(SET)   ─►
    ◄─  HDR*, HASH, ATTR(REPLY)                 ◄─  HDR*, HASH, ATTR(ACK)

Each has a message ID and a chain of IVs of its own.  Between phase 1 and the first child an SA goes
through stages: one of them is what it waits for, and decides what the peer's messages mean.
"""

from collections.abc import Iterable
from typing import Final

from ikecore.actions import Action, Dropped, Reason
from ikecore.diagnosis import Diagnosis
from ikev1.exchange import MakeHash, Phase2, Waiting
from ikev1.exchanges.informational import delete
from ikev1.flight import Flight
from ikev1.keys import informational_hash
from ikev1.labels import config_name
from ikev1.message import Exchange, Message
from ikev1.modecfg import XAUTH, types_of
from ikev1.payloads.attributes import Attribute
from ikev1.payloads.attrs import ConfigAttribute, ConfigAttributes, ConfigType
from ikev1.rules import Place
from ikev1.sa import IkeSa

FAIL: Final = Attribute(ConfigAttribute.XAUTH_STATUS, 0)
"""What a client says that is no user, and a server to one that it does not let in."""
_MOST: Final = 5  # transactions of the peer's under way at once
_ANSWERS: Final = {ConfigType.REQUEST: ConfigType.REPLY, ConfigType.SET: ConfigType.ACK}


class Stage(Waiting):
    """What an SA is about between its phase 1 and its first child."""

    def begin(self, _sa: IkeSa, _now: float) -> list[Action]:
        """Do the first step."""
        return []

    def on_request(
        self, sa: IkeSa, flight: Flight, said: ConfigAttributes, now: float
    ) -> list[Action]:
        """Take it that the peer asks; by default it learns nothing, least of all who we are."""
        words = (FAIL,) if types_of(said) & frozenset(XAUTH) else ()
        return answer(sa, flight, said, words, now)

    def on_set(self, sa: IkeSa, flight: Flight, said: ConfigAttributes, now: float) -> list[Action]:
        """Take it that the peer tells; by default nothing of it is accepted."""
        return answer(sa, flight, said, (), now)

    def on_told(self, _sa: IkeSa, _said: ConfigAttributes, _now: float) -> list[Action]:
        """Take what the peer told before it was this stage's turn, and was acknowledged."""
        return []

    def on_answer(self, _sa: IkeSa, _said: ConfigAttributes, _now: float) -> list[Action]:
        """Take the answer to what this stage asked or told."""
        return []

    def on_silence(self, _sa: IkeSa, _now: float) -> list[Action]:
        """Take it that what this stage waits for does not come."""
        return []


class _OfStage(Phase2):
    """What a stage has under way."""

    kind = Exchange.TRANSACTION
    place = Place.TRANSACTION
    answers_repeats = False

    def __init__(self, stage: Stage, seconds: float) -> None:
        self.stage = stage
        self._seconds = seconds

    def expected_hash(self, sa: IkeSa, message: Message) -> bytes:
        """Return the HASH over the rest of the message (section 3.2)."""
        return transaction_hash(sa, message)

    def on_silence(self, sa: IkeSa, flight: Flight, now: float) -> list[Action]:
        """Tell the stage, if the SA is still about it."""
        sa.flights.forget(flight)
        return self.stage.on_silence(sa, now) if sa.waiting is self.stage else []


class Await(_OfStage):
    """The time somebody else has for the next step; nothing is said."""

    def begin(self, sa: IkeSa, flight: Flight, now: float) -> list[Action]:
        """Say nothing new; what ended phase 1 goes out again while nobody shows that it came."""
        flight.deadline = now + self._seconds
        if not sa.is_confirmed:
            flight.due = min(flight.deadline, now + flight.plan.wait(0))
        return []

    def on_message(
        self, _sa: IkeSa, flight: Flight, _message: Message, _now: float
    ) -> list[Action]:
        """Pass over what comes under an ID that nobody was told; the time runs on."""
        flight.deadline = flight.started + self._seconds
        return [Dropped("unexpected", "an answer to nothing")]


class Transaction(_OfStage):
    """One that we begin: ``said`` goes out again and again, for so many seconds at most."""

    def __init__(self, stage: Stage, said: ConfigAttributes, seconds: float) -> None:
        super().__init__(stage, seconds)
        self._said = said

    def begin(self, sa: IkeSa, flight: Flight, now: float) -> list[Action]:
        """Send the first message."""
        sent = sa.say(flight, (self._said,), now, make_hash(sa, flight.message_id))
        flight.deadline = now + self._seconds
        return sent

    def on_message(self, sa: IkeSa, flight: Flight, message: Message, now: float) -> list[Action]:
        """Take the second message, if it is the answer to the first."""
        said = message.one(ConfigAttributes)
        # not its identifier: the message ID says which one it is, and strongSwan always says 0
        if said is None or said.type != _ANSWERS[ConfigType(self._said.type)]:
            flight.deadline = flight.started + self._seconds
            return [Dropped("unexpected", "another transaction's answer")]
        sa.end(flight, now)
        return self.stage.on_answer(sa, said, now) if sa.waiting is self.stage else []


class RespondTransaction(Phase2):
    """One that the peer begins.  Some put further messages under the same ID: each is taken."""

    kind = Exchange.TRANSACTION
    place = Place.TRANSACTION
    answers_repeats = True

    def __init__(self, _sa: IkeSa) -> None:
        """Begin; nothing has been said yet."""

    def expected_hash(self, sa: IkeSa, message: Message) -> bytes:
        """Return the HASH over the rest of the message (section 3.2)."""
        return transaction_hash(sa, message)

    def on_message(self, sa: IkeSa, flight: Flight, message: Message, now: float) -> list[Action]:
        """Let the stage say what it means."""
        said = message.one(ConfigAttributes)
        if said is None or len(sa.flights.under_way(RespondTransaction)) > _MOST:
            sa.flights.forget(flight)
            return [Dropped("transaction_limit", f"{_MOST} transactions under way")]
        stage = sa.waiting if isinstance(sa.waiting, Stage) else Stage()
        match said.type:
            case ConfigType.REQUEST:
                actions = stage.on_request(sa, flight, said, now)
            case ConfigType.SET:
                actions = stage.on_set(sa, flight, said, now)
            case _:
                actions = [Dropped("unexpected", f"ATTR({config_name(said.type)})")]
        if not flight.is_over:
            flight.deadline = min(flight.deadline, now + sa.patience)
        return actions

    def on_silence(self, sa: IkeSa, flight: Flight, now: float) -> list[Action]:
        """Be over: the peer has what it asked for, or has stopped asking."""
        sa.end(flight, now)
        return []


def transaction_hash(sa: IkeSa, message: Message) -> bytes:
    """Return what a transaction's HASH payload must say."""
    return informational_hash(sa.keys, message.header.message_id, message.after_first)


def make_hash(sa: IkeSa, message_id: int) -> MakeHash:
    """Return what makes the HASH of a message of ours."""
    return lambda rest: informational_hash(sa.keys, message_id, rest)


def answer(
    sa: IkeSa, flight: Flight, said: ConfigAttributes, words: Iterable[Attribute], now: float
) -> list[Action]:
    """Answer the peer; it gets the same again if it says the same again."""
    kind = _ANSWERS[ConfigType(said.type)]
    reply = ConfigAttributes(kind, said.identifier, tuple(words))
    return sa.say(flight, (reply,), now, make_hash(sa, flight.message_id), again=False)


def enter(sa: IkeSa, stage: Stage, now: float) -> list[Action]:
    """Go on to a stage."""
    leave(sa, now)
    sa.waiting = stage
    return stage.begin(sa, now)


def leave(sa: IkeSa, now: float) -> None:
    """Be through with a stage."""
    _drop(sa, now)
    sa.waiting = Waiting()


def ask(
    sa: IkeSa, stage: Stage, said: ConfigAttributes, now: float, seconds: float
) -> list[Action]:
    """Begin a transaction of a stage's, in the place of what it had under way."""
    _drop(sa, now)
    return sa.begin(Transaction(stage, said, seconds), sa.fresh_id(), now)


def wait(sa: IkeSa, stage: Stage, now: float, seconds: float) -> list[Action]:
    """Give somebody time for the next step, in the place of what the stage had under way."""
    _drop(sa, now)
    return sa.begin(Await(stage, seconds), sa.fresh_id(), now)


def _drop(sa: IkeSa, now: float) -> None:
    """Let nothing of a stage's need an answer any more."""
    for flight in sa.flights:
        if isinstance(flight.negotiation, Await):
            sa.flights.forget(flight)
        elif isinstance(flight.negotiation, Transaction) and not flight.is_over:
            sa.end(flight, now)


def give_up(sa: IkeSa, diagnosis: Diagnosis, now: float) -> list[Action]:
    """Fail, and tell the peer that the SA is gone."""
    return [sa.fail(diagnosis), *delete(sa, Reason.FAILED, now)]
