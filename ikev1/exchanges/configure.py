"""Mode config: an inner address for the client, and what lies behind the server.

    pull:  client  ATTR(REQUEST) ─►  ◄─ ATTR(REPLY)  server      draft-dukes-ike-mode-cfg-02
    push:  server  ATTR(SET)     ─►  ◄─ ATTR(ACK)    client      section 3.3

Who is set to the other way is met half-way: a server answers whoever asks, and tells who does not;
a client takes what it is told, and asks when nobody tells.
"""

from dataclasses import replace
from typing import Final

from ikecore.actions import Action, AskLease, Assigned, Dropped, Reason
from ikecore.diagnosis import Code, diagnose
from ikecore.inner import client_children, server_children
from ikecore.lease import Lease
from ikecore.profile import ChildProfile, ConfigMode, Role
from ikecore.timetable import NEVER
from ikev1.establish import establish
from ikev1.exchanges.informational import delete
from ikev1.exchanges.quick import InitiateQuick
from ikev1.exchanges.transaction import (
    Stage,
    answer,
    ask,
    enter,
    give_up,
    wait,
)
from ikev1.exchanges.xauth import AskUser, BeUser, fresh_identifier
from ikev1.flight import Flight
from ikev1.modecfg import ASKED, UNITY, XAUTH, lease_attributes, lease_of, taken, types_of
from ikev1.payloads.attrs import ConfigAttribute, ConfigAttributes, ConfigType
from ikev1.sa import IkeSa
from ikev1.state import State
from ikev1.uniqueness import elder_of

_HALF_WAY: Final = 3.0  # seconds until the other end is taken to be set to the other way
_ADDRESS: Final = ConfigAttribute.INTERNAL_IP4_ADDRESS
_Asked = tuple[Flight, ConfigAttributes] | tuple[()]


def begin_configuring(sa: IkeSa, now: float) -> list[Action]:
    """Do what comes between phase 1 and the first child: first the user, then the address.

    From here on each step has its own time; a person may need some.
    """
    sa.expires_at = NEVER
    match sa.profile.legacy.xauth:
        case Role.SERVER:
            return enter(sa, AskUser(begin_addresses), now)
        case Role.CLIENT:
            return enter(sa, BeUser(begin_addresses), now)
        case Role.NONE:
            return begin_addresses(sa, now)


def begin_addresses(sa: IkeSa, now: float) -> list[Action]:
    """Give or get an inner address, and take the SA into service."""
    match sa.profile.legacy.addresses:
        case Role.SERVER:
            return enter(sa, GiveAddress(sa.profile.children), now)
        case Role.CLIENT:
            return enter(sa, GetAddress(sa.profile.children), now)
        case Role.NONE:
            return _finish(sa, now)


# -- server ---------------------------------------------------------------------------------------
class GiveAddress(Stage):
    """Give the client an address, when it asks or unasked.

    ``children`` are the connection's as they are configured.
    """

    def __init__(self, children: tuple[ChildProfile, ...]) -> None:
        self._children = children
        self._asked: _Asked = ()
        self._is_asking = False

    def begin(self, sa: IkeSa, now: float) -> list[Action]:
        """Wait for the client to ask, if it is to."""
        if sa.profile.legacy.config_mode is ConfigMode.PULL:
            return wait(sa, self, now, _HALF_WAY)
        return self._ask(sa, now)

    def on_request(
        self, sa: IkeSa, flight: Flight, said: ConfigAttributes, now: float
    ) -> list[Action]:
        """Find an address for a client that asks for one."""
        if _ADDRESS not in types_of(said):
            return super().on_request(sa, flight, said, now)
        self._asked = (flight, said)
        return self._ask(sa, now)

    def leased(self, sa: IkeSa, lease: Lease, now: float) -> list[Action]:
        """Tell the client, and let it speak for this address alone."""
        if not self._is_asking:
            return [Dropped("not_waiting")]
        self._is_asking = False
        children = server_children(self._children, lease)
        sa.profile, sa.configured = replace(sa.profile, children=children), self._children
        if self._asked:
            return [*_reply(sa, self._asked, lease, now), *_finish(sa, now)]
        words = lease_attributes(lease, (), unity=sa.vendors.unity)
        said = ConfigAttributes(ConfigType.SET, fresh_identifier(sa), words)
        told = Told()
        begun = _finish(sa, now, told)
        return (
            begun if sa.state is State.CLOSED else [*begun, *ask(sa, told, said, now, sa.patience)]
        )

    def refused(self, sa: IkeSa, now: float) -> list[Action]:
        """Give up: there is none."""
        if not self._is_asking:
            return [Dropped("not_waiting")]
        told = answer(sa, *self._asked, (), now) if self._asked else []
        none = diagnose(1, Code.ADDRESS_MISSING, "no address for this client", "asks for one")
        return [*told, *give_up(sa, none, now)]

    def on_silence(self, sa: IkeSa, now: float) -> list[Action]:
        """Tell a client that does not ask."""
        if not self._is_asking:
            return self._ask(sa, now)
        return give_up(sa, diagnose(1, Code.ADDRESS_MISSING, evidence="no answer of the pool"), now)

    def _ask(self, sa: IkeSa, now: float) -> list[Action]:
        if self._is_asking:
            return []
        self._is_asking = True
        return [*wait(sa, self, now, sa.patience), _ask_lease(sa)]


class GiveAgain(Stage):
    """Tell a client that has its address, and asks once more."""

    def __init__(self, flight: Flight, said: ConfigAttributes) -> None:
        self._asked = (flight, said)

    def begin(self, sa: IkeSa, _now: float) -> list[Action]:
        """Find it: the same holder has the same one."""
        return [_ask_lease(sa)]

    def leased(self, sa: IkeSa, lease: Lease, now: float) -> list[Action]:
        """Answer."""
        return [*_settle(sa, now), *_reply(sa, self._asked, lease, now)]

    def refused(self, sa: IkeSa, now: float) -> list[Action]:
        """Answer that there is none."""
        return [*_settle(sa, now), *answer(sa, *self._asked, (), now)]


def _ask_lease(sa: IkeSa) -> AskLease:
    return AskLease(sa.sa, sa.connection, sa.user or str(sa.peer))


def _reply(
    sa: IkeSa, asked: tuple[Flight, ConfigAttributes], lease: Lease, now: float
) -> list[Action]:
    flight, said = asked
    if types_of(said) & frozenset(UNITY):  # not every client says by its vendor IDs that it knows
        sa.vendors = replace(sa.vendors, unity=True)
    words = lease_attributes(lease, types_of(said), unity=sa.vendors.unity)
    return answer(sa, flight, said, words, now)


# -- client ---------------------------------------------------------------------------------------
class GetAddress(Stage):
    """Get an address, by asking or by waiting.

    ``children`` are the connection's as they are configured.
    """

    def __init__(self, children: tuple[ChildProfile, ...]) -> None:
        self._children = children
        self._has_asked = False

    def begin(self, sa: IkeSa, now: float) -> list[Action]:
        """Ask, unless the server tells by itself."""
        if sa.profile.legacy.config_mode is ConfigMode.PUSH:
            return wait(sa, self, now, _HALF_WAY)
        return self._ask(sa, now)

    def on_answer(self, sa: IkeSa, said: ConfigAttributes, now: float) -> list[Action]:
        """Take the address; without one there is nothing to go on with."""
        lease = lease_of(said)
        if lease is None:
            return self._fail(sa, "the server's reply has no address that a host can have", now)
        return self._take(sa, lease, now)

    def on_set(self, sa: IkeSa, flight: Flight, said: ConfigAttributes, now: float) -> list[Action]:
        """Take the address, if the server tells one."""
        if lease_of(said) is None:
            return super().on_set(sa, flight, said, now)
        return [*answer(sa, flight, said, taken(said), now), *self.on_told(sa, said, now)]

    def on_told(self, sa: IkeSa, said: ConfigAttributes, now: float) -> list[Action]:
        """Take the address, if the server told one."""
        lease = lease_of(said)
        return [] if lease is None else self._take(sa, lease, now)

    def on_silence(self, sa: IkeSa, now: float) -> list[Action]:
        """Ask a server that does not tell; give up on one that does not answer either."""
        if self._has_asked:
            return self._fail(sa, "the server gives no address", now)
        return self._ask(sa, now)

    def _ask(self, sa: IkeSa, now: float) -> list[Action]:
        self._has_asked = True
        said = ConfigAttributes(ConfigType.REQUEST, fresh_identifier(sa), ASKED)
        return ask(sa, self, said, now, sa.patience)

    def _take(self, sa: IkeSa, lease: Lease, now: float) -> list[Action]:
        children = client_children(self._children, lease)
        sa.profile, sa.configured = replace(sa.profile, children=children), self._children
        actions = [Assigned(sa.sa, sa.connection, lease), *_finish(sa, now)]
        if sa.state is State.ESTABLISHED and not sa.elder:
            for child in children[1:]:  # establishing makes the first
                actions += sa.start(InitiateQuick(child), now)
        return actions

    @staticmethod
    def _fail(sa: IkeSa, seen: str, now: float) -> list[Action]:
        return give_up(sa, diagnose(1, Code.ADDRESS_MISSING, "one is wanted", evidence=seen), now)


# -- both -----------------------------------------------------------------------------------------
class Settled(Stage):
    """Nothing is left to do; what the peer tells now is not accepted.

    An address that changes under its children is none.
    """

    def on_request(
        self, sa: IkeSa, flight: Flight, said: ConfigAttributes, now: float
    ) -> list[Action]:
        """Be the same user again, give the same address again."""
        legacy, kinds = sa.profile.legacy, types_of(said)
        if kinds & frozenset(XAUTH) and legacy.xauth is Role.CLIENT:
            stage = BeUser(_settle)
            return [*enter(sa, stage, now), *stage.on_request(sa, flight, said, now)]
        is_up = sa.state is State.ESTABLISHED  # one that was replaced has no lease of its own
        if _ADDRESS in kinds and legacy.addresses is Role.SERVER and is_up:
            return enter(sa, GiveAgain(flight, said), now)
        return super().on_request(sa, flight, said, now)


class Told(Settled):
    """The client was told its address: the SA serves already, in case that its ACK gets lost."""

    def on_answer(self, sa: IkeSa, _said: ConfigAttributes, now: float) -> list[Action]:
        """Be content."""
        return _settle(sa, now)

    def on_silence(self, sa: IkeSa, now: float) -> list[Action]:
        """Give up on a client that shows in no other way that it heard."""
        if sa.children or sa.state is not State.ESTABLISHED:
            return _settle(sa, now)
        seen = "the peer neither asked for an address nor took the one it was told"
        return give_up(sa, diagnose(1, Code.ADDRESS_MISSING, evidence=seen), now)


def _settle(sa: IkeSa, now: float) -> list[Action]:
    return enter(sa, Settled(), now)


def _finish(sa: IkeSa, now: float, stage: Stage | None = None) -> list[Action]:
    """Take the SA into service."""
    entered = enter(sa, stage or Settled(), now)
    return [*entered, *_part_with_elder(sa, now), *establish(sa, now)]


def _part_with_elder(sa: IkeSa, now: float) -> list[Action]:
    """End the SA whose place this one takes, if its children are of another address."""
    if sa.profile.legacy.addresses is Role.NONE:
        return []
    elder = elder_of(sa)
    if elder is None or elder.profile.children == sa.profile.children:
        return []
    sa.elder = b""
    return delete(elder, Reason.REPLACED, now)
