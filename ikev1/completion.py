"""Both ends have proved who they are: what phase 1 ends in (RFC 2409 section 5)."""

from ikecore.actions import Action
from ikecore.profile import Role
from ikev1.channel import SealedChannel
from ikev1.establish import establish
from ikev1.exchanges.configure import begin_configuring
from ikev1.flight import Flight
from ikev1.sa import IkeSa
from ikev1.state import State


def complete(sa: IkeSa, flight: Flight, now: float) -> list[Action]:
    """Take phase 1 for done; XAUTH and mode config come before the SA is of use."""
    sa.keys = sa.keys.kept()
    sa.channel = SealedChannel(sa.keys)
    sa.last_block = flight.iv
    sa.end(flight, now)
    sa.connection = sa.profile.name
    sa.heard_at = now
    legacy = sa.profile.legacy
    if legacy.xauth is Role.NONE and legacy.addresses is Role.NONE:
        return establish(sa, now)
    return [sa.become(State.CONFIGURING, "authenticated"), *begin_configuring(sa, now)]
