"""What IKE_SA_INIT settles for both ends, and IKE_AUTH builds on."""

from dataclasses import dataclass

from ikecore.actions import Action, Established, Traced
from ikecore.identities import Identity
from ikecore.proposals import Suite
from ikecore.trace import KeysDerived
from ikev2.channel import SealedChannel
from ikev2.keys import IkeKeys
from ikev2.nat import NatFound
from ikev2.sa import IkeSa
from ikev2.window import NEVER


@dataclass(frozen=True, slots=True)
class Keyed:
    """The outcome of IKE_SA_INIT.  ``request`` and ``response`` are the octets on the wire."""

    suite: Suite
    keys: IkeKeys
    nonces: tuple[bytes, bytes]
    request: bytes
    response: bytes
    nat: NatFound


def adopt(sa: IkeSa, keyed: Keyed) -> list[Action]:
    """Give the SA its keys: from here on nothing in clear reaches a handler."""
    sa.channel = SealedChannel(keyed.keys)
    sa.nonces = keyed.nonces
    sa.nat_here, sa.nat_there = keyed.nat.here, keyed.nat.there
    return [Traced(KeysDerived(sa.connection, *sa.spis, keyed.suite, keyed.keys.named))]


def established(sa: IkeSa, suite: Suite, peer: Identity) -> Established:
    """Return what tells that ``peer`` and we are authenticated."""
    return Established(
        sa.sa,
        sa.connection,
        sa.initiator,
        *sa.spis,
        peer,
        suite,
        sa.path,
        sa.nat_here,
        sa.nat_there,
        0.0 if sa.reauth_at == NEVER else sa.reauth_at,
    )
