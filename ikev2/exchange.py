"""What an SA waits for: answers to its own requests, and all else that goes on later."""

from typing import TYPE_CHECKING, Protocol

from ikecore.actions import Action, Dropped
from ikecore.profile import Profile
from ikev2.message import Exchange, Message
from ikev2.payloads.chain import Payload
from policy.path import Path
from suites.secret import Secret

if TYPE_CHECKING:
    from ikev2.sa import IkeSa


class OwnExchange(Protocol):
    """A request of ours: what to send, and what its answer, or none, means."""

    @property
    def kind(self) -> Exchange:
        """Return the exchange type."""
        ...

    @property
    def alone(self) -> bool:
        """Return whether no other request of ours may be under way at the same time."""
        ...

    def is_moot(self, sa: "IkeSa") -> bool:
        """Return whether there is no point in it any more, now that its turn has come."""
        ...

    def payloads(self, sa: "IkeSa", now: float) -> tuple[Payload, ...]:
        """Return what the request says."""
        ...

    def on_response(self, sa: "IkeSa", message: Message, now: float) -> list[Action]:
        """Take the answer."""
        ...

    def on_silence(self, sa: "IkeSa", now: float) -> list[Action]:
        """Take it that there is no answer."""
        ...


class Alone:
    """Half of an exchange: nothing else goes on beside it, and it always has its point."""

    alone = True

    def is_moot(self, _sa: "IkeSa") -> bool:
        """Return that it has its point."""
        return False


class Waiting:
    """What an SA waits for besides answers; this one, the default, waits for nothing."""

    def on_cookie(self, _sa: "IkeSa", _message: Message, _path: Path) -> list[Action]:
        """Take the peer's IKE_SA_INIT request once more, with a good cookie now."""
        return [Dropped("message_id", "another IKE_SA_INIT under the SPI of one answered")]

    def on_request(self, _sa: "IkeSa", _message: Message, _now: float) -> list[Action]:
        """Take the peer's IKE_AUTH request."""
        return [Dropped("not_waiting")]

    def configured(self, _sa: "IkeSa", _profiles: tuple[Profile, ...], _now: float) -> list[Action]:
        """Take it that the connections are now these."""
        return []

    def authorized(self, _sa: "IkeSa", _psk: Secret, _now: float) -> list[Action]:
        """Go on with this key."""
        return [Dropped("not_waiting")]

    def refused(self, _sa: "IkeSa", _now: float) -> list[Action]:
        """End: there is no key."""
        return [Dropped("not_waiting")]
