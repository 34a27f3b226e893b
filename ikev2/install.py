"""A child that was agreed on gets its keys, its clocks and its place (RFC 7296 section 2.17)."""

from dataclasses import dataclass

from ikecore.actions import Action, ChildEstablished, InstallChild
from ikecore.child import ChildSpec, Mode
from ikecore.profile import ChildProfile
from ikecore.share import soft_share
from ikecore.transport import unspecified
from ikev2.child import Child
from ikev2.children import Agreed
from ikev2.keys import derive_child_keys
from ikev2.mobike import home
from ikev2.sa import IkeSa


@dataclass(frozen=True, slots=True)
class Made:
    """How a child came about: ``nonces`` are (initiator's, responder's) of the exchange.

    ``shared`` is the secret of its own key exchange, b"" without one; ``initiator`` whether we
    began it.  ``replaces`` is the inbound SPI of the child it renews, 0 for none.
    """

    nonces: tuple[bytes, bytes]
    shared: bytes
    initiator: bool
    began_at: float
    replaces: int = 0
    why: str = ""


def install(
    sa: IkeSa,
    agreed: Agreed,
    made: Made,
    wanted: ChildProfile,
    inbound_spi: int,
    now: float,
    *,
    standby: bool = False,
) -> tuple[Child, list[Action], list[Action]]:
    """Make the child; return it, what installs it, and what announces it once both ends agree."""
    inbound, outbound = derive_child_keys(
        sa.keys, agreed.suite, made.nonces, made.shared, initiator=made.initiator
    )
    share = soft_share(sa.resources.entropy, early=made.initiator)
    spec = ChildSpec(
        sa.connection,
        sa.sa,
        inbound_spi,
        agreed.outbound_spi,
        agreed.suite,
        inbound,
        outbound,
        agreed.local_ts,
        agreed.remote_ts,
        home(sa),
        agreed.mode,
        standby,
        sa.profile.child_limits.softened(share),
        _original(sa, agreed),
        agreed.tfc,
        agreed.later_fragments,
    )
    child = Child(spec, wanted, min(made.nonces), made.initiator)
    if sa.profile.child_lifetime > 0:
        child.rekey_at = now + sa.profile.child_lifetime * share
        child.ends_at = now + sa.profile.child_lifetime
    sa.children[inbound_spi] = child
    sa.offered_spis.discard(inbound_spi)
    return child, [InstallChild(spec)], [announce(sa, child, made, now)]


def announce(sa: IkeSa, child: Child, made: Made, now: float) -> ChildEstablished:
    """Return what tells that a child is up."""
    took = now - made.began_at
    ends = min(child.rekey_at, sa.reauth_at)
    return ChildEstablished.of(child.spec, child.wanted, ends, made.replaces, made.why, took)


def _original(sa: IkeSa, agreed: Agreed) -> tuple[str, str]:
    """Return how the peer sees both ends behind a NAT; only a responder is told (2.23.1)."""
    is_nat = sa.nat_here or sa.nat_there
    if any(agreed.original) or agreed.mode is not Mode.TRANSPORT or not is_nat:
        return agreed.original
    nobody = unspecified(sa.path.remote[0])
    return nobody, nobody
