"""The traffic that a quick mode is for: IDci and IDcr (RFC 2409 section 5.5, RFC 2407 4.6.2).

Each is one address, subnet or range, with one port or all; there is no narrowing: a responder takes
what lies within what it wants itself, or refuses.  Which kind of ID says it does not matter.
"""

from ipaddress import ip_address

from ikecore.diagnosis import Code, Diagnosis, diagnose
from ikecore.inner import meant_by_client
from ikecore.profile import ChildProfile, Profile, Role
from ikev1.message import Message
from ikev1.payloads.ident import Identification
from ikev1.sa import IkeSa
from ikev1.transport import behind_nat
from policy.selectors import TrafficSelector, is_subset


def clients_of(asked: ChildProfile) -> tuple[Identification, Identification]:
    """Return IDci and IDcr of our own quick mode; ValueError for what IKEv1 has no words for."""
    if not asked.local_ts or not asked.remote_ts:
        raise ValueError("no networks")
    local, remote = asked.local_ts[0], asked.remote_ts[0]
    return Identification.of_selector(local), Identification.of_selector(remote)


def asked_of(sa: IkeSa, message: Message) -> ChildProfile:
    """Return what a peer's quick mode asks for, from our side; raise ``Malformed``.

    Without IDs it is about the two ends themselves.
    """
    named = message.all(Identification)
    if not named:
        local, remote = (_host(end[0]) for end in (sa.path.local, sa.path.remote))
        return ChildProfile((local,), (remote,))
    theirs, ours = (one.selector() for one in named)
    asked = behind_nat(sa, ChildProfile((ours,), (theirs,)))
    if sa.vendors.unity and sa.profile.legacy.addresses is Role.SERVER:
        return meant_by_client(sa.profile.children, asked)
    return asked


def is_echo(sa: IkeSa, message: Message, said: tuple[Identification, Identification]) -> bool:
    """Tell whether a responder repeats the IDs that we sent, in whatever kind; raise ``Malformed``.

    A peer that leaves them out means the same, and so does one that names the ends as it sees them
    from behind a NAT, or before one, in transport mode (RFC 3947 section 5.2: strongSwan does).
    """
    named = message.all(Identification)
    if not named:
        return True
    found, wanted = (
        ChildProfile((ours.selector(),), (theirs.selector(),)) for ours, theirs in (named, said)
    )
    return wanted in (found, behind_nat(sa, found))


def best_fit(sa: IkeSa, asked: ChildProfile) -> ChildProfile | None:
    """Return which of our children a peer's quick mode is for, None if it asks for too much.

    One that is up with just these selectors comes first, then what is configured so, then what is
    wider and not up yet.
    """
    have = [child for child in sa.children.values() if child.is_live]
    for child in have:
        if child.carries(asked):
            return child.wanted
    taken = {child.wanted for child in have}
    fitting = [one for one in sa.profile.children if _lies_within(asked, one)]
    return max(
        fitting, key=lambda one: (not one.exceeds(*_ends(asked)), one not in taken), default=None
    )


def refusal(profile: Profile, asked: ChildProfile) -> Diagnosis:
    """Return that the peer asks for networks that are not ours."""
    ours = "; ".join(map(str, profile.children))
    return diagnose(2, Code.TS_MISMATCH, ours, str(asked))


def _lies_within(asked: ChildProfile, wanted: ChildProfile) -> bool:
    return is_subset(asked.local_ts, wanted.local_ts) and is_subset(
        asked.remote_ts, wanted.remote_ts
    )


def _ends(
    child: ChildProfile,
) -> tuple[tuple[TrafficSelector, ...], tuple[TrafficSelector, ...]]:
    return child.local_ts, child.remote_ts


def _host(address: str) -> TrafficSelector:
    return TrafficSelector.from_cidr(ip_address(address))
