"""Which IKE versions are in service: IKEv2 always, IKEv1 as soon as a connection speaks it.

Nothing else imports ``ikev1``, and nothing is imported of it before a connection asks for it:
RFC 9395 calls it historic.  Without that package everything but its connections works.
"""

from collections.abc import Iterable
from typing import Final

from ikecore.demux import Demux
from ikecore.entropy import Entropy
from ikecore.profile import IkeVersion, Limits
from ikecore.spipool import SpiPool
from ikev2.endpoint import Endpoint

OLD: Final = 1
NEW: Final = 2


def endpoints(entropy: Entropy, spis: SpiPool, limits: Limits) -> Demux:
    """Return IKEv2's endpoint, to which others may be added."""
    return Demux({NEW: Endpoint(entropy, spis, limits)})


class Versions:
    """The versions in service, all of them drawing on one pool of SPIs and the same limits."""

    def __init__(self, entropy: Entropy, limits: Limits) -> None:
        self._entropy = entropy
        self._limits = limits
        self._spis = SpiPool(entropy)
        self.demux = endpoints(entropy, self._spis, limits)

    def serve(self, wanted: Iterable[IkeVersion]) -> bool:
        """Take IKEv1 into service if one of these speaks it; return False if it is missing.

        What only speaks it then fails by the demux's own words.
        """
        if self.demux.speaks(OLD) or not any(version.speaks(OLD) for version in wanted):
            return True
        try:
            from ikev1.endpoint import Endpoint as Ikev1Endpoint
        except ModuleNotFoundError as error:
            if error.name not in ("ikev1", "ikev1.endpoint"):
                raise  # it is there, and broken
            return False
        self.demux.add(OLD, Ikev1Endpoint(self._entropy, self._spis, self._limits))
        return True
