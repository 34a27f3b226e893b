"""XAUTH, generic: a user and a password after phase 1 (draft-beaulieu-ike-xauth-02 section 6).

    server                                  client
    ATTR(REQUEST: user, password)  ─►
                    ◄─  ATTR(REPLY: user, password)
    ATTR(SET: status)              ─►                   under a message ID of its own
                    ◄─  ATTR(ACK: status)

Both are under phase 1's keys: the client says nothing before the server has proved that it has the
PSK.  Whoever knows the PSK can still be the server, which is XAUTH's old weakness.
"""

from collections.abc import Callable
from typing import Final, TypeAlias

from ikecore.actions import Action, AskCredentials, CheckUser, Dropped, Noted
from ikecore.diagnosis import Code, diagnose
from ikecore.profile import Role
from ikev1.exchanges.transaction import FAIL, Stage, answer, ask, enter, give_up, leave, wait
from ikev1.flight import Flight
from ikev1.modecfg import XAUTH, password, shown, taken, types_of, user_name
from ikev1.payloads.attributes import Attribute, value_of
from ikev1.payloads.attrs import ConfigAttribute as Kind
from ikev1.payloads.attrs import ConfigAttributes, ConfigType
from ikev1.sa import IkeSa
from ikev1.state import State
from suites.secret import Secret

Next: TypeAlias = Callable[[IkeSa, float], list[Action]]
"""What comes after XAUTH."""
MOST_TRIES: Final = 3
"""Wrong passwords of one SA."""
PERSON: Final = 60.0
"""Seconds for somebody to type a password."""
_STATUS: Final = 4.0  # seconds for the peer to acknowledge what it has been told
_PATIENCE: Final = 30.0  # seconds for a server to ask and to judge; it may ask others
_OK: Final = 1
_ASKED: Final = (Attribute(Kind.XAUTH_USER_NAME, b""), Attribute(Kind.XAUTH_USER_PASSWORD, b""))
_SECRETS: Final = frozenset({Kind.XAUTH_USER_PASSWORD, Kind.XAUTH_PASSCODE})
_GIVEN: Final = frozenset({Kind.XAUTH_TYPE, Kind.XAUTH_USER_NAME, Kind.XAUTH_MESSAGE} | _SECRETS)
_GENERIC: Final = 0


# -- server ---------------------------------------------------------------------------------------
class AskUser(Stage):
    """Ask who the peer is until it is somebody, three times at most."""

    def __init__(self, then: Next) -> None:
        self._then = then
        self._tries = 0
        self._user = ""
        self._password = Secret(b"")
        self._is_checking = False

    def begin(self, sa: IkeSa, now: float) -> list[Action]:
        """Ask."""
        said = ConfigAttributes(ConfigType.REQUEST, fresh_identifier(sa), _ASKED)
        return ask(sa, self, said, now, PERSON)

    def on_answer(self, sa: IkeSa, said: ConfigAttributes, now: float) -> list[Action]:
        """Have the password checked; nobody's name is not worth it, nor the same once more."""
        self._tries += 1
        user, given = user_name(said), Secret(password(said))
        is_same = self._tries > 1 and user == self._user and given == self._password
        self._user, self._password = user, given
        if said.one(Kind.XAUTH_STATUS) is not None or is_same:
            return self._refuse(sa, now)
        if not user or not given:
            return self._again(sa, now)
        self._is_checking = True
        return [*wait(sa, self, now, _PATIENCE), CheckUser(sa.sa, sa.connection, user, given)]

    def accepted(self, sa: IkeSa, now: float) -> list[Action]:
        """Tell the user that it is let in."""
        if not self._is_checking:
            return [Dropped("not_waiting")]
        sa.user = self._user
        return enter(sa, TellUser(self._then), now)

    def refused(self, sa: IkeSa, now: float) -> list[Action]:
        """Ask once more, or no more."""
        if not self._is_checking:
            return [Dropped("not_waiting")]
        self._is_checking = False
        return self._again(sa, now)

    def on_silence(self, sa: IkeSa, now: float) -> list[Action]:
        """Give up."""
        seen = "the password is still being checked" if self._is_checking else "no XAUTH reply"
        return give_up(sa, diagnose(1, Code.USER_REFUSED, evidence=seen), now)

    def _again(self, sa: IkeSa, now: float) -> list[Action]:
        return self._refuse(sa, now) if self._tries >= MOST_TRIES else enter(sa, self, now)

    def _refuse(self, sa: IkeSa, now: float) -> list[Action]:
        return enter(sa, DismissUser(self._user), now)


class TellUser(Stage):
    """Tell the client that the user is let in."""

    def __init__(self, then: Next) -> None:
        self._then = then

    def begin(self, sa: IkeSa, now: float) -> list[Action]:
        """Tell."""
        return _tell(sa, self, _OK, now)

    def on_answer(self, sa: IkeSa, _said: ConfigAttributes, now: float) -> list[Action]:
        """Go on."""
        leave(sa, now)
        return self._then(sa, now)

    def on_silence(self, sa: IkeSa, now: float) -> list[Action]:
        """Go on all the same: some acknowledge it once, and that is lost."""
        leave(sa, now)
        return self._then(sa, now)

    def on_request(
        self, sa: IkeSa, flight: Flight, said: ConfigAttributes, now: float
    ) -> list[Action]:
        """Take it that the client knows, since it goes on."""
        leave(sa, now)
        actions = self._then(sa, now)
        stage = sa.waiting if isinstance(sa.waiting, Stage) else Stage()
        return [*actions, *stage.on_request(sa, flight, said, now)]


class DismissUser(Stage):
    """Tell the client that the user is not let in, and end the SA."""

    def __init__(self, user: str) -> None:
        self._user = user

    def begin(self, sa: IkeSa, now: float) -> list[Action]:
        """Tell."""
        return _tell(sa, self, value_of(FAIL), now)

    def on_answer(self, sa: IkeSa, _said: ConfigAttributes, now: float) -> list[Action]:
        """End the SA."""
        return self.on_silence(sa, now)

    def on_silence(self, sa: IkeSa, now: float) -> list[Action]:
        """End the SA all the same."""
        theirs = f"user {self._user!r}" if self._user else "a name that no user has"
        return give_up(
            sa, diagnose(1, Code.USER_REFUSED, "another password, or no such user", theirs), now
        )


def _tell(sa: IkeSa, stage: Stage, status: int, now: float) -> list[Action]:
    words = (Attribute(Kind.XAUTH_STATUS, status),)
    said = ConfigAttributes(ConfigType.SET, fresh_identifier(sa), words)
    return ask(sa, stage, said, now, _STATUS)


# -- client ---------------------------------------------------------------------------------------
class BeUser(Stage):
    """Say who we are when the server asks, and wait for what it makes of it.

    The password is given once: a server that asks for it again has refused it.
    """

    def __init__(self, then: Next) -> None:
        self._then = then
        self._user = ""
        self._asked: tuple[Flight, ConfigAttributes] | tuple[()] = ()
        self._early: tuple[ConfigAttributes, ...] = ()  # an address told before the status
        self._has_answered = False
        self._has_password = False

    def begin(self, sa: IkeSa, now: float) -> list[Action]:
        """Give the server its time."""
        return wait(sa, self, now, _PATIENCE)

    def on_request(
        self, sa: IkeSa, flight: Flight, said: ConfigAttributes, now: float
    ) -> list[Action]:
        """Find out who we are; refuse to say what only a person knows."""
        kinds = types_of(said)
        if not kinds & frozenset(XAUTH):
            return answer(sa, flight, said, (), now)
        odd = sorted(kind for kind in kinds - _GIVEN if kind in XAUTH)
        kind = said.one(Kind.XAUTH_TYPE)
        if odd or (kind is not None and value_of(kind) != _GENERIC):
            names = ", ".join(Kind(one).name for one in odd) or "another type of XAUTH"
            return self._decline(sa, (flight, said), f"the server wants {names}", now)
        if self._has_password and kinds & _SECRETS:
            return self._decline(sa, (flight, said), "the server asks once more", now)
        self._asked = (flight, said)
        more = wait(sa, self, now, _PATIENCE)
        return [*more, *_message(sa, said), AskCredentials(sa.sa, sa.connection)]

    def credentials(self, sa: IkeSa, user: str, password: Secret, now: float) -> list[Action]:
        """Say them."""
        if not self._asked:
            return [Dropped("not_waiting")]
        (flight, said), self._asked = self._asked, ()
        kinds = types_of(said)
        self._user = user
        self._has_answered = True
        self._has_password = self._has_password or bool(kinds & _SECRETS)
        values: dict[int, int | bytes] = {
            Kind.XAUTH_TYPE: _GENERIC,
            Kind.XAUTH_USER_NAME: user.encode(),
            Kind.XAUTH_USER_PASSWORD: password.reveal(),
            Kind.XAUTH_PASSCODE: password.reveal(),
        }
        words = [Attribute(kind, value) for kind, value in values.items() if kind in kinds]
        return answer(sa, flight, said, words, now)

    def refused(self, sa: IkeSa, now: float) -> list[Action]:
        """Give up: we are nobody."""
        if not self._asked:
            return [Dropped("not_waiting")]
        return self._decline(sa, self._asked, "the server asks for a user", now)

    def on_set(self, sa: IkeSa, flight: Flight, said: ConfigAttributes, now: float) -> list[Action]:
        """Take what the server makes of it; that all is well counts only after we have answered.

        Some servers tell the address before, or with it.
        """
        status = said.one(Kind.XAUTH_STATUS)
        if status is None:
            is_client = sa.profile.legacy.addresses is Role.CLIENT
            self._early = (said,) if is_client else ()
            return answer(sa, flight, said, taken(said) if is_client else (), now)
        is_well = value_of(status) == _OK
        if is_well and not self._has_answered:
            return [Dropped("unexpected", "an XAUTH status before we have said who we are")]
        told = answer(sa, flight, said, taken(said), now)
        sa.end(flight, now)
        if not is_well:
            return [*told, *self._fail(sa, "the server says so", now)]
        leave(sa, now)
        actions = [*told, *_message(sa, said), *self._then(sa, now)]
        for one in (*self._early, said):
            if isinstance(sa.waiting, Stage):
                actions += sa.waiting.on_told(sa, one, now)
        return actions

    def on_silence(self, sa: IkeSa, now: float) -> list[Action]:
        """Give up, unless the SA is in use: then it is enough that we have answered."""
        if sa.state is not State.CONFIGURING:
            leave(sa, now)
            return self._then(sa, now)
        seen = "no XAUTH status" if self._has_answered else "no XAUTH request"
        return give_up(sa, diagnose(1, Code.PEER_NO_RESPONSE, evidence=seen), now)

    def _decline(
        self, sa: IkeSa, asked: tuple[Flight, ConfigAttributes], seen: str, now: float
    ) -> list[Action]:
        return [*answer(sa, *asked, (FAIL,), now), *self._fail(sa, seen, now)]

    def _fail(self, sa: IkeSa, seen: str, now: float) -> list[Action]:
        ours = f"user {self._user!r}" if self._user else "no user"
        return give_up(sa, diagnose(1, Code.USER_REFUSED, ours, evidence=seen), now)


def fresh_identifier(sa: IkeSa) -> int:
    """Return what marks a transaction of ours; some peers answer with another one all the same."""
    return int.from_bytes(sa.resources.entropy.octets(2), "big")


def _message(sa: IkeSa, said: ConfigAttributes) -> list[Action]:
    """Return the server's words for people."""
    texts = (one.value for one in said.all(Kind.XAUTH_MESSAGE) if isinstance(one.value, bytes))
    words = " ".join(shown(next(texts, b"")).split())
    return [Noted(sa.sa, sa.connection, f"XAUTH: the server says: {words}")] if words else []
