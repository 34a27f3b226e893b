"""What IKE_SA_INIT settles for both ends, and IKE_AUTH builds on."""

from dataclasses import dataclass, replace

from ikecore.actions import Action, Traced
from ikecore.proposals import Suite
from ikecore.trace import KeysDerived
from ikev2.channel import SealedChannel
from ikev2.keys import IkeKeys
from ikev2.nat import NatFound
from ikev2.sa import IkeSa


@dataclass(frozen=True, slots=True)
class Keyed:
    """The outcome of IKE_SA_INIT.  ``request`` and ``response`` are the octets on the wire."""

    suite: Suite
    keys: IkeKeys
    nonces: tuple[bytes, bytes]
    request: bytes
    response: bytes
    nat: NatFound
    fragments: bool = False
    childless: bool = False


def adopt(sa: IkeSa, keyed: Keyed) -> list[Action]:
    """Give the SA its keys: from here on nothing in clear reaches a handler."""
    sa.keys, sa.suite = keyed.keys.kept(), keyed.suite
    sa.channel = SealedChannel(sa.keys, fragments=keyed.fragments)
    sa.nonces = keyed.nonces
    in_udp = keyed.nat.any or (sa.profile.force_encap and keyed.nat.told)
    sa.path = replace(sa.path, plain_esp=not in_udp)
    sa.nat_here, sa.nat_there = keyed.nat.here, keyed.nat.there
    return [Traced(KeysDerived(sa.connection, *sa.spis, keyed.suite, keyed.keys.named))]
