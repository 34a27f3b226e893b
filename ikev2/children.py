"""CHILD_SAs: what is offered, and what is agreed (RFC 7296 sections 1.2, 1.3, 2.8 to 2.10).

The first child takes its keys from IKE_SA_INIT, so its proposals name no group; every other one
may have a key exchange of its own.  A child that renews another offers the algorithms in use.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from ikecore.child import Mode
from ikecore.diagnosis import Code, Diagnosis, diagnose
from ikecore.findings import esp_mismatch, mode_mismatch, proposals_text, selectors_text
from ikecore.profile import ChildProfile, Profile
from ikecore.proposals import NONE, Proposal, Suite, Transform, TransformType, choose
from ikev2.message import Message
from ikev2.payloads.chain import Payload
from ikev2.payloads.ke import KeyExchangeData
from ikev2.payloads.notify import Notify
from ikev2.payloads.sa import SecurityAssociation
from ikev2.payloads.ts import SelectorsInitiator, SelectorsResponder
from ikev2.payloads.types import NotifyType
from policy.selectors import TrafficSelector, is_subset, narrow
from suites.kex import GROUP_BY_ID, Group

LOWEST_SPI: Final = 256  # RFC 4303 section 2.1


@dataclass(frozen=True, slots=True)
class Agreed:
    """One child as both ends have it; selectors from our side.

    ``offered`` are those that were asked for, when more was than is here.
    """

    suite: Suite
    outbound_spi: int
    local_ts: tuple[TrafficSelector, ...]
    remote_ts: tuple[TrafficSelector, ...]
    mode: Mode = Mode.TUNNEL
    tfc: bool = True
    later_fragments: bool = False
    original: tuple[str, str] = ("", "")
    is_part: bool = False  # the peer asked for more than it gets


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why there is no child: the notify for the peer, the diagnosis for the operator."""

    notify: NotifyType
    diagnosis: Diagnosis
    data: bytes = b""


def offer(
    profile: Profile, spi: int, *, first: bool = False, renews: Suite | None = None
) -> tuple[Proposal, ...]:
    """Return the proposals of a child; a ``first`` one has no KE (IKE_SA_INIT has done it)."""
    octets = spi.to_bytes(4, "big")
    proposals = profile.esp_proposals if renews is None else _pinned(profile, renews)
    if first:
        proposals = tuple(dict.fromkeys(p.without(TransformType.KE) for p in proposals))
    return tuple(replace(p, spi=octets, number=n) for n, p in enumerate(proposals, start=1))


def _pinned(profile: Profile, suite: Suite) -> tuple[Proposal, ...]:
    """Return the suite in use with the groups that the configuration has, that in use first.

    All proposals, when the configuration does not have it any more.
    """
    used = suite.proposal()
    fixed = tuple(t for t in used.transforms if t.type != TransformType.KE)
    beside = [p for p in profile.esp_proposals if choose([p.without(TransformType.KE)], [used])]
    if not beside:
        bare = used.without(TransformType.KE)
        beside = [p for p in profile.esp_proposals if choose([p.without(TransformType.KE)], [bare])]
    if not beside:
        return profile.esp_proposals
    none = (Transform(TransformType.KE, NONE),)
    groups = dict.fromkeys(t for p in beside for t in p.of(TransformType.KE) or none)
    groups = {t: None for t in used.of(TransformType.KE) if t in groups} | groups
    if tuple(groups) == none:
        return (Proposal(used.protocol, fixed),)
    return (Proposal(used.protocol, (*fixed, *groups)),)


def preferring(proposals: Sequence[Proposal], group: int) -> tuple[Proposal, ...]:
    """Return proposals with this group alone before all others: its public value is here."""
    named = tuple(
        replace(p, transforms=tuple(t for t in p.transforms if _is_not_other(t, group)))
        for p in proposals
        if any(t.id == group for t in p.of(TransformType.KE))
    )
    return (*named, *proposals) if group else tuple(proposals)


def _is_not_other(transform: Transform, group: int) -> bool:
    return transform.type != TransformType.KE or transform.id == group


def groups_of(proposals: Iterable[Proposal]) -> tuple[Group, ...]:
    """Return the groups named by proposals, in order; none when they want no key exchange."""
    ids = dict.fromkeys(t.id for p in proposals for t in p.of(TransformType.KE) if t.id != NONE)
    return tuple(GROUP_BY_ID[iana] for iana in ids if iana in GROUP_BY_ID)


def wishes(profile: Profile) -> tuple[Notify, ...]:
    """Return the notifies that go with our offer of a child."""
    found: list[Notify] = []
    if profile.mode is Mode.TRANSPORT:
        found.append(Notify(NotifyType.USE_TRANSPORT_MODE))
    if profile.later_fragments:
        found.append(Notify(NotifyType.NON_FIRST_FRAGMENTS_ALSO))
    return tuple(found)


def selectors(child: ChildProfile) -> tuple[Payload, Payload]:
    """Return the traffic selectors of our offer."""
    return SelectorsInitiator(child.local_ts), SelectorsResponder(child.remote_ts)


@dataclass(frozen=True, slots=True)
class Answered:
    """The selectors that a responder has made of ours, from our side."""

    local_ts: tuple[TrafficSelector, ...]
    remote_ts: tuple[TrafficSelector, ...]
    original: tuple[str, str] = ("", "")

    @classmethod
    def of(cls, message: Message) -> "Answered":
        """Read an answer; what it does not have is empty, and then nothing is agreed."""
        tsi, tsr = message.one(SelectorsInitiator), message.one(SelectorsResponder)
        return cls(
            tsi.selectors if tsi is not None else (), tsr.selectors if tsr is not None else ()
        )


def accepted(
    profile: Profile,
    child: ChildProfile,
    mine: Sequence[Proposal],
    message: Message,
    answered: Answered,
    group: Group | None = None,
) -> Agreed | Diagnosis:
    """Return the child that a responder made of our offer, or what is wrong with it.

    ``group`` is that of the KE payload we sent, None when there was none.
    """
    chosen = message.one(SecurityAssociation)
    local_ts, remote_ts = answered.local_ts, answered.remote_ts
    if chosen is None or not local_ts or not remote_ts:
        return diagnose(2, Code.INVALID_SYNTAX, evidence="an answer without SA, TSi or TSr")
    settled = choose(mine, chosen.proposals) if len(chosen.proposals) == 1 else None
    if settled is None or spi_of(settled[1]) < LOWEST_SPI or settled[0].group not in (group, None):
        theirs = proposals_text(chosen.proposals)
        return diagnose(2, Code.ESP_PROPOSAL_MISMATCH, proposals_text(mine), theirs)
    if not (is_subset(local_ts, child.local_ts) and is_subset(remote_ts, child.remote_ts)):
        theirs = f"{selectors_text(local_ts)} === {selectors_text(remote_ts)}"
        return diagnose(2, Code.TS_MISMATCH, str(child), theirs)
    transport = message.notify(NotifyType.USE_TRANSPORT_MODE) is not None
    if transport != (profile.mode is Mode.TRANSPORT):
        return mode_mismatch(profile.mode, transport=transport)
    return Agreed(
        settled[0],
        spi_of(settled[1]),
        local_ts,
        remote_ts,
        profile.mode,
        message.notify(NotifyType.ESP_TFC_PADDING_NOT_SUPPORTED) is None,
        profile.later_fragments and _has(message, NotifyType.NON_FIRST_FRAGMENTS_ALSO),
        answered.original,
    )


@dataclass(frozen=True, slots=True)
class Asked:
    """What an initiator wants of us; ``theirs`` and ``ours`` are the selectors of either side."""

    proposals: tuple[Proposal, ...]
    theirs: tuple[TrafficSelector, ...]
    ours: tuple[TrafficSelector, ...]
    transport: bool = False
    tfc: bool = True
    later_fragments: bool = False
    original: tuple[str, str] = ("", "")
    group: int = 0  # of the KE payload; 0 for none

    @classmethod
    def of(cls, message: Message) -> "Asked":
        """Read a request; what it does not have is empty, and then nothing is agreed."""
        offered, key = message.one(SecurityAssociation), message.one(KeyExchangeData)
        tsi, tsr = message.one(SelectorsInitiator), message.one(SelectorsResponder)
        return cls(
            offered.proposals if offered is not None else (),
            tsi.selectors if tsi is not None else (),
            tsr.selectors if tsr is not None else (),
            _has(message, NotifyType.USE_TRANSPORT_MODE),
            not _has(message, NotifyType.ESP_TFC_PADDING_NOT_SUPPORTED),
            _has(message, NotifyType.NON_FIRST_FRAGMENTS_ALSO),
            group=key.group if key is not None else 0,
        )


def agree(
    profile: Profile,
    child: ChildProfile,
    asked: Asked,
    *,
    first: bool = False,
    renews: Suite | None = None,
) -> Agreed | Refusal:
    """Settle a child as its responder: our order of proposals, both sides narrowed.

    A child that renews another keeps its algorithms when the initiator offers them.
    """
    mine = profile.esp_proposals
    offered = tuple(p for p in asked.proposals if spi_of(p) >= LOWEST_SPI)
    if first:
        mine = tuple(p.without(TransformType.KE) for p in mine)
        offered = tuple(p.without(TransformType.KE) for p in offered)
    pinned = () if renews is None else preferring(_pinned(profile, renews), asked.group)
    settled = choose(pinned, offered) or choose(preferring(mine, asked.group), offered)
    if settled is None:
        diagnosis = esp_mismatch(mine, asked.proposals)
        return Refusal(NotifyType.NO_PROPOSAL_CHOSEN, diagnosis)
    if profile.mode is Mode.TRANSPORT and not asked.transport:
        mismatch = mode_mismatch(profile.mode, transport=False)
        return Refusal(NotifyType.NO_PROPOSAL_CHOSEN, mismatch)
    local_ts = narrow(asked.ours, child.local_ts)
    remote_ts = narrow(asked.theirs, child.remote_ts)
    if not local_ts or not remote_ts:
        theirs = f"{selectors_text(asked.ours)} === {selectors_text(asked.theirs)}"
        return Refusal(
            NotifyType.TS_UNACCEPTABLE, diagnose(2, Code.TS_MISMATCH, str(child), theirs)
        )
    whole = is_subset(asked.ours, local_ts) and is_subset(asked.theirs, remote_ts)
    return Agreed(
        settled[0],
        spi_of(settled[1]),
        local_ts,
        remote_ts,
        profile.mode,
        asked.tfc,
        asked.later_fragments and profile.later_fragments,
        asked.original,
        is_part=not whole,
    )


def best_fit(profile: Profile, asked: Asked, taken: Iterable[ChildProfile]) -> ChildProfile:
    """Return which of our children an initiator speaks of: one that it covers, and we lack.

    The first one when none fits, for its selectors to be shown in the refusal.
    """
    have = set(taken)

    def fits(child: ChildProfile) -> tuple[bool, bool, bool]:
        local_ts = narrow(asked.ours, child.local_ts)
        remote_ts = narrow(asked.theirs, child.remote_ts)
        some = bool(local_ts and remote_ts)
        whole = (
            some and is_subset(child.local_ts, local_ts) and is_subset(child.remote_ts, remote_ts)
        )
        return some, child not in have, whole

    return max(profile.children, key=fits)  # the first of equals


def answer_payloads(agreed: Agreed, spi: int) -> tuple[Payload, ...]:
    """Return what a responder says of the child, without nonce and KE."""
    said: list[Payload] = []
    if agreed.mode is Mode.TRANSPORT:
        said.append(Notify(NotifyType.USE_TRANSPORT_MODE))
    if agreed.later_fragments:
        said.append(Notify(NotifyType.NON_FIRST_FRAGMENTS_ALSO))
    if agreed.is_part:
        said.append(Notify(NotifyType.ADDITIONAL_TS_POSSIBLE))
    return (
        *said,
        SecurityAssociation((agreed.suite.proposal(spi.to_bytes(4, "big")),)),
        SelectorsInitiator(agreed.remote_ts),
        SelectorsResponder(agreed.local_ts),
    )


def spi_of(proposal: Proposal) -> int:
    """Return a proposal's ESP or AH SPI, or 0 if it has none that may be used."""
    return int.from_bytes(proposal.spi, "big") if len(proposal.spi) == 4 else 0


def _has(message: Message, kind: NotifyType) -> bool:
    return message.notify(kind) is not None
