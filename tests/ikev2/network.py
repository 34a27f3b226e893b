"""Two endpoints of IKEv2 on a virtual clock.

net = Network()
net.initiate("moon")         # carries out everything up to quiescence
net.stream()                 # each end sends packets through the tunnel
net.sleep(10)                # time passes, timers fire in order
"""

from collections.abc import Mapping

from ikecore.profile import Limits, Profile
from ikev2.endpoint import Endpoint
from ikev2.message import Exchange, Message
from tests.pair import network as pair
from tests.pair.network import Version, only
from tests.pair.wire import DELAY, OTHER, Letter, Nat

from .eavesdropper import Deletes, Eavesdropper
from .hosts import ADDRESS, MOON, NETS, SUN, Dice, Host, WatchedPool, profile, selectors

__all__ = [
    "ADDRESS",
    "DELAY",
    "MOON",
    "NETS",
    "OTHER",
    "SUN",
    "Dice",
    "Host",
    "Nat",
    "Network",
    "WatchedPool",
    "only",
    "profile",
    "selectors",
]

IKEV2 = Version(Endpoint, profile, Eavesdropper)


class Network(pair.Network[Message]):
    """Moon and sun, and all that was on the wire between them."""

    deletes: Deletes

    def __init__(
        self,
        moon: Profile | None = None,
        sun: Profile | None = None,
        limits: Mapping[str, Limits] | None = None,
        seed: int = 1,
        addresses: Mapping[str, str] = ADDRESS,
    ) -> None:
        super().__init__(IKEV2, moon, sun, limits, seed, addresses)
        self.deletes = Deletes()

    def _leaves(self, name: str, letter: Letter) -> None:
        if letter.exchange == Exchange.INFORMATIONAL:
            message = self.ear.read(letter.data)
            if message is not None:
                self.deletes.note(name, message, self.now, first=letter.copy == 0)
