"""Two endpoints of IKEv1 on a virtual clock.

net = Network()
net.initiate("moon")         # carries out everything up to quiescence
net.stream()                 # each end sends packets through the tunnel
net.sleep(10)                # time passes, timers fire in order

No header tells whether a message is an answer: ``said("sun", Exchange.MAIN, 2)`` is the second
different message of main mode that sun says.
"""

from collections.abc import Mapping

from ikecore.profile import Limits, Profile
from ikecore.wire import Malformed
from ikev1.endpoint import Endpoint
from ikev1.message import Exchange, Message
from tests.pair import network as pair
from tests.pair.hosts import ADDRESS, MOON, NETS, SUN, Dice, Host, selectors
from tests.pair.network import Version, only
from tests.pair.wire import DELAY, OTHER, Letter, Nat
from tests.pair.wire import request as said

from .eavesdropper import Deletes, Eavesdropper
from .hosts import AGGRESSIVE, profile, quiet

__all__ = [
    "ADDRESS",
    "AGGRESSIVE",
    "DELAY",
    "MOON",
    "NETS",
    "OTHER",
    "SUN",
    "Dice",
    "Host",
    "Nat",
    "Network",
    "only",
    "profile",
    "quiet",
    "said",
    "selectors",
]

IKEV1 = Version(Endpoint, profile, Eavesdropper, reports_every=1.0)


class Network(pair.Network[Message]):
    """Moon and sun, and all that was on the wire between them."""

    ear: Eavesdropper
    deletes: Deletes

    def __init__(
        self,
        moon: Profile | None = None,
        sun: Profile | None = None,
        limits: Mapping[str, Limits] | None = None,
        seed: int = 1,
        addresses: Mapping[str, str] = ADDRESS,
    ) -> None:
        super().__init__(IKEV1, moon, sun, limits, seed, addresses)
        self.deletes = Deletes()

    def _leaves(self, name: str, letter: Letter) -> None:
        if letter.exchange != Exchange.MAIN and letter.copy == 0:
            message = self._read(letter.data)
            if message is not None:
                self.deletes.leaves(name, message, self.now)

    def _arrives(self, name: str, data: bytes) -> None:
        message = self._read(data) if data[18:19] == bytes((Exchange.INFORMATIONAL,)) else None
        if message is not None:
            self.deletes.arrives(name, message)

    def _read(self, data: bytes) -> Message | None:
        try:
            return self.ear.read(data)
        except (Malformed, KeyError):  # noise, or of nobody whose keys are known
            return None
