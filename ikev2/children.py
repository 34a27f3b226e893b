"""CHILD_SAs: what is offered, what is agreed, and their keys (RFC 7296 sections 1.2, 2.9, 2.17)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from ikecore.actions import Action, ChildEstablished, InstallChild
from ikecore.child import ChildSpec
from ikecore.diagnosis import Diagnosis
from ikecore.profile import Profile
from ikecore.proposals import Proposal, Suite, TransformType, choose
from ikev2.failures import esp_mismatch, selectors_mismatch
from ikev2.keys import IkeKeys, derive_child_keys
from ikev2.payloads.types import NotifyType
from ikev2.sa import IkeSa
from ikev2.window import NEVER
from policy.selectors import TrafficSelector, narrow

LOWEST_SPI: Final = 256  # RFC 4303 section 2.1


@dataclass(frozen=True, slots=True)
class Agreed:
    """One child as both ends have it; selectors from our side."""

    suite: Suite
    outbound_spi: int
    local_ts: tuple[TrafficSelector, ...]
    remote_ts: tuple[TrafficSelector, ...]


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why there is no child: the notify for the peer, the diagnosis for the operator."""

    notify: NotifyType
    diagnosis: Diagnosis


def offer(profile: Profile, spi: int) -> tuple[Proposal, ...]:
    """Return the ESP proposals of a first child: no KE, for IKE_SA_INIT has done it."""
    octets = spi.to_bytes(4, "big")
    stripped = dict.fromkeys(p.without(TransformType.KE) for p in profile.esp_proposals)
    return tuple(replace(p, spi=octets, number=n) for n, p in enumerate(stripped, start=1))


def agree(
    profile: Profile,
    proposals: Sequence[Proposal],
    theirs: Sequence[TrafficSelector],
    ours: Sequence[TrafficSelector],
) -> Agreed | Refusal:
    """Settle a first child as its responder: our order of proposals, both sides narrowed.

    ``theirs`` and ``ours`` are the selectors offered for the peer's and for our side.
    """
    mine = tuple(p.without(TransformType.KE) for p in profile.esp_proposals)
    offered = tuple(p.without(TransformType.KE) for p in proposals if spi_of(p) >= LOWEST_SPI)
    settled = choose(mine, offered)
    if settled is None:
        return Refusal(NotifyType.NO_PROPOSAL_CHOSEN, esp_mismatch(mine, proposals))
    local_ts, remote_ts = narrow(ours, profile.local_ts), narrow(theirs, profile.remote_ts)
    if not local_ts or not remote_ts:
        return Refusal(NotifyType.TS_UNACCEPTABLE, selectors_mismatch(profile, theirs, ours))
    return Agreed(settled[0], spi_of(settled[1]), local_ts, remote_ts)


def spi_of(proposal: Proposal) -> int:
    """Return a proposal's ESP SPI, or 0 if it has none that may be used."""
    return int.from_bytes(proposal.spi, "big") if len(proposal.spi) == 4 else 0


def install(
    sa: IkeSa, profile: Profile, keys: IkeKeys, agreed: Agreed, inbound_spi: int
) -> tuple[list[Action], list[Action]]:
    """Make the child and return what installs it, and what announces it once both ends agree."""
    inbound, outbound = derive_child_keys(keys, agreed.suite, sa.nonces, initiator=sa.initiator)
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
        sa.path,
    )
    sa.children[inbound_spi] = spec
    sa.offered_spis.discard(inbound_spi)
    narrowed = not _covers(agreed.local_ts, profile.local_ts) or not _covers(
        agreed.remote_ts, profile.remote_ts
    )
    ends = min(sa.reauth_at, sa.lifetime_ends_at)
    established = ChildEstablished(
        sa.sa,
        sa.connection,
        inbound_spi,
        agreed.outbound_spi,
        agreed.suite,
        agreed.local_ts,
        agreed.remote_ts,
        narrowed,
        0.0 if ends == NEVER else ends,
    )
    return [InstallChild(spec)], [established]


def _covers(agreed: Sequence[TrafficSelector], wanted: Sequence[TrafficSelector]) -> bool:
    return all(any(have.contains(want) for have in agreed) for want in wanted)
