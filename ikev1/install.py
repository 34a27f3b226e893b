"""A child that was agreed on gets its keys, its clocks and its place (RFC 2409 section 5.5)."""

from dataclasses import dataclass, replace
from typing import Final

from ikecore.actions import ChildEstablished, InstallChild
from ikecore.child import ChildLimits, ChildSpec
from ikecore.holder import LINGER
from ikecore.profile import ChildProfile, Profile
from ikecore.share import soft_share
from ikev1.child import Child, ChildState
from ikev1.keys import child_keys
from ikev1.payloads.attributes import Attribute, build_attributes
from ikev1.payloads.notify import Notify
from ikev1.payloads.types import NotifyType
from ikev1.phase2_offer import Chosen2
from ikev1.proposals import KILOBYTE, Life
from ikev1.registry import LifeType, Phase2
from ikev1.sa import IkeSa

_MOST_KILOBYTES: Final = (1 << 32) - 1


@dataclass(frozen=True, slots=True)
class Agreed:
    """One child as both ends have it; the selectors of ``traffic`` are from our side.

    ``original`` are our and the peer's address as the peer sees them (RFC 3947 section 5.2), empty
    where that does not matter.
    """

    chosen: Chosen2
    traffic: ChildProfile
    life: Life
    original: tuple[str, str] = ("", "")


@dataclass(frozen=True, slots=True)
class Made:
    """How a child came about: ``nonces`` are (initiator's, responder's) of the quick mode.

    ``shared`` is the secret of its own key exchange, b"" without one; ``initiator`` whether we
    began it.
    """

    nonces: tuple[bytes, bytes]
    shared: bytes
    initiator: bool
    message_id: int
    began_at: float
    why: str = ""


def install(
    sa: IkeSa,
    agreed: Agreed,
    made: Made,
    wanted: ChildProfile,
    spi: int,
    now: float,
    *,
    standby: bool,
) -> tuple[Child, InstallChild]:
    """Make the child and enter it into the books; return it, and what installs it.

    It is for the peer to confirm if the peer began.  Its keys are of ``sa``, its place is in the
    SA that has replaced it, if one has.
    """
    chosen, home = agreed.chosen, home_of(sa)
    inbound, outbound = child_keys(
        sa.keys, chosen.suite, (spi, chosen.outbound_spi), made.nonces, made.shared
    )
    share = soft_share(sa.resources.entropy, early=made.initiator)
    spec = ChildSpec(
        home.connection,
        home.sa,
        spi,
        chosen.outbound_spi,
        chosen.suite,
        inbound,
        outbound,
        agreed.traffic.local_ts,
        agreed.traffic.remote_ts,
        home.path,
        chosen.mode,
        standby,
        _limits(sa.profile, agreed.life).softened(share),
        agreed.original,
        tfc=False,  # there is no word for it (RFC 4303 section 2.7 wants it agreed)
    )
    life = float(agreed.life.seconds)
    child = Child(
        spec, wanted, min(made.nonces), made.initiator, made.message_id, made.began_at, life,
        life * share, made.why,
    )  # fmt: skip
    if made.initiator:
        child.start_clocks(now)
    else:
        child.state, child.ends_at = ChildState.PENDING, now + sa.patience + LINGER
    home.children[spi] = child
    sa.offered_spis.discard(spi)
    return child, InstallChild(spec)


def home_of(sa: IkeSa) -> IkeSa:
    """Return the SA that has this one's children now: itself, or the last that replaced it."""
    while sa.home is not sa:
        sa = sa.home
    return sa


def announce(child: Child, replaces: int, now: float) -> ChildEstablished:
    """Return what tells that a child is up."""
    child.is_told = True
    took = now - child.began_at
    return ChildEstablished.of(child.spec, child.wanted, child.rekey_at, replaces, child.why, took)


# -- lifetimes ----------------------------------------------------------------------------------
def our_life(profile: Profile) -> Life:
    """Return the lifetime that is configured; 0: no limit."""
    kilobytes = min(profile.child_limits.hard_octets // KILOBYTE, _MOST_KILOBYTES)
    return Life(int(profile.child_lifetime), kilobytes)


def shorter(one: Life, other: Life) -> Life:
    """Return the shorter of two lifetimes, seconds and kilobytes each by itself."""
    return Life(
        _least(one.seconds, other.seconds),
        _least(one.kilobytes, other.kilobytes),
    )


def _least(*limits: int) -> int:
    return min((limit for limit in limits if limit), default=0)


def of_offer(chosen: Chosen2) -> Life:
    """Return the lifetime that the initiator has offered."""
    return Life(int(chosen.seconds), chosen.kilobytes)


def life_notify(offered: Life, agreed: Life, chosen: Chosen2, spi: int) -> tuple[Notify, ...]:
    """Return what tells an initiator that its child lives shorter than it has offered."""
    said: list[Attribute] = []
    for unit, ours, theirs in (
        (LifeType.SECONDS, agreed.seconds, offered.seconds),
        (LifeType.KILOBYTES, agreed.kilobytes, offered.kilobytes),
    ):
        if ours != theirs:
            said.append(Attribute(Phase2.LIFE_TYPE, unit))
            said.append(Attribute(Phase2.LIFE_DURATION, ours))
    if not said:
        return ()
    octets = spi.to_bytes(4, "big")
    protocol = chosen.proposal.protocol
    data = build_attributes(said)
    return (Notify(NotifyType.RESPONDER_LIFETIME, data, protocol, octets),)


def _limits(profile: Profile, life: Life) -> ChildLimits:
    """Return the configured limits, of octets fewer where the peer has said so."""
    limits, octets = profile.child_limits, life.kilobytes * KILOBYTE
    octets = _least(limits.hard_octets, octets)
    return replace(limits, hard_octets=octets)
