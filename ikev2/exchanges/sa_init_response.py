"""IKE_SA_INIT as its responder (RFC 7296 sections 1.2 and 2.6): no state until all is well.

Every answer that makes no SA is computed from the request alone, so that a flood costs no memory;
errors and cookies are smaller than what they answer.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ikecore.actions import Action, Dropped, Failed
from ikecore.diagnosis import Code, Diagnosis, diagnose
from ikecore.findings import ike_mismatch
from ikecore.profile import Profile
from ikecore.proposals import Suite, choose
from ikev2.channel import ClearChannel
from ikev2.exchanges.auth_response import AwaitAuth
from ikev2.exchanges.keyed import Keyed, adopt
from ikev2.extensions import answered_in_init, can_fragment
from ikev2.keys import derive_ike_keys
from ikev2.message import Message
from ikev2.nat import NatFound, detection_payloads, judge
from ikev2.payloads.ke import KeyExchangeData
from ikev2.payloads.nonce import OCTETS, Nonce
from ikev2.payloads.notify import Notify
from ikev2.payloads.sa import SecurityAssociation
from ikev2.payloads.types import NotifyType
from ikev2.sa import IkeSa
from ikev2.tracing import trace_received
from policy.path import Path
from suites.kex import BadPublicValue

TOLD: Final = 8  # connections that hear of a stranger's failure: he may be any of many


@dataclass(frozen=True, slots=True)
class Fit:
    """A request that some of our connections can take."""

    suite: Suite
    candidates: tuple[Profile, ...]
    key: KeyExchangeData
    nonce: Nonce
    nat: NatFound


@dataclass(frozen=True, slots=True)
class Misfit:
    """A request that gets an error instead: the notify, and what the operator is told."""

    notify: Notify
    told: tuple[Action, ...]


def judge_request(message: Message, here: Sequence[Profile], path: Path) -> Fit | Misfit:
    """Choose suite and connections for a request, or the error it gets.

    ``here`` are the connections that its addresses fit.
    """
    offered, key, nonce = (
        message.one(SecurityAssociation),
        message.one(KeyExchangeData),
        message.one(Nonce),
    )
    if offered is None or key is None or nonce is None:
        return Misfit(Notify(NotifyType.INVALID_SYNTAX), (Dropped("malformed", "SA, KE, nonce"),))
    if not here:
        told = Dropped("no_connection", f"no connection for {path.remote[0]}")
        return Misfit(Notify(NotifyType.NO_PROPOSAL_CHOSEN), (told,))
    nat = judge(message, (message.header.initiator_spi, bytes(8)), path)
    # many connections have the same proposals: a stranger's offer is compared once with each
    chosen = {
        ours: choose(ours, offered.proposals)
        for ours in dict.fromkeys(p.ike_proposals for p in here)
    }
    settled = [(p, s) for p in here if (s := chosen[p.ike_proposals])]
    if not settled:
        mine = tuple(dict.fromkeys(proposal for ours in chosen for proposal in ours))
        seen = "the peer's IKE_SA_INIT proposals"
        return _misfit(here, ike_mismatch(mine, offered.proposals, seen, proven=False))
    suite = settled[0][1][0]
    candidates = tuple(p for p, s in settled if s[0] == suite)
    allowed = tuple(p for p in candidates if p.nat_traversal or not nat.any)
    if not allowed:
        where = "this end" if nat.here else "the peer"
        found = f"{where} is behind NAT"
        return _misfit(here, diagnose(1, Code.NAT_FORBIDDEN, "nat_traversal = false", found))
    if suite.group is None or key.group != suite.group.iana:
        wanted = suite.group.iana.to_bytes(2, "big") if suite.group is not None else b""
        return Misfit(Notify(NotifyType.INVALID_KE_PAYLOAD, wanted), ())
    return Fit(suite, allowed, key, nonce, nat)


def _misfit(here: Sequence[Profile], diagnosis: Diagnosis) -> Misfit:
    told = tuple(Failed(p.name, b"", False, diagnosis) for p in here[:TOLD])
    return Misfit(Notify(NotifyType.NO_PROPOSAL_CHOSEN), told)


def respond(sa: IkeSa, fit: Fit, message: Message, now: float) -> list[Action]:
    """Answer the request and give ``sa`` its keys; raise BadPublicValue before any state."""
    if fit.suite.group is None:
        raise BadPublicValue("no group")
    fit.suite.group.check(fit.key.data)
    kex = fit.suite.group.generate()
    shared = kex.shared(fit.key.data)
    profile = fit.candidates[0]
    nonce = sa.resources.entropy.octets(OCTETS)
    nat: tuple[Notify, ...] = ()
    if profile.nat_traversal and fit.nat.told:
        nat = detection_payloads(
            sa.spis, sa.path, sa.resources.entropy, pretend=profile.force_encap
        )
    sa.channel = ClearChannel()
    sa.responses.accept(0, message.raw)
    answer = sa.answer(
        message.header,
        (
            SecurityAssociation((fit.suite.proposal(),)),
            KeyExchangeData(kex.group.iana, kex.public),
            Nonce(nonce),
            *nat,
            *answered_in_init(profile, message),
        ),
        now,
    )
    nonces = (fit.nonce.data, nonce)
    keys = derive_ike_keys(fit.suite, shared, nonces, sa.spis, initiator=False)
    keyed = Keyed(
        fit.suite,
        keys,
        nonces,
        message.raw,
        sa.responses.response(0)[0],
        fit.nat,
        can_fragment(profile, message),
    )
    sa.waiting = AwaitAuth(keyed, fit.candidates)
    return [trace_received(sa, message, sa.path), *answer, *adopt(sa, keyed)]
