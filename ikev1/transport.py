"""Transport mode behind a NAT: whose addresses the selectors mean (RFC 3947 section 5.2).

Each end names the addresses that it sees, and tells them in NAT-OA payloads besides: its own, and
what it takes for the other's.  The one that answers reads those that packets have here instead, and
both keep what they were told: the sender has made the checksums of TCP and UDP with them.
"""

from dataclasses import replace

from ikecore.child import Mode
from ikecore.profile import ChildProfile
from ikecore.transport import host_of, readdressed, unspecified
from ikev1.message import Message
from ikev1.payloads.natoa import DraftOriginalAddress, OriginalAddress
from ikev1.sa import IkeSa


def original_addresses(sa: IkeSa, *, initiator: bool) -> tuple[OriginalAddress, ...]:
    """Return what tells the peer both addresses as they are here, the quick mode initiator's first.

    Nothing unless the mode is transport and there is a NAT.
    """
    if not _is_between_hosts(sa):
        return ()
    is_draft = sa.nat.speaks is not None and sa.nat.speaks.is_draft
    kind = DraftOriginalAddress if is_draft else OriginalAddress
    here, there = sa.path.local[0], sa.path.remote[0]
    return (kind(here), kind(there)) if initiator else (kind(there), kind(here))


def as_told(sa: IkeSa, message: Message, *, initiator: bool) -> tuple[str, str]:
    """Return our and the peer's address as the peer sees them; ``initiator``: we are.

    Unspecified where it does not say, empty where nobody needs them.  A peer that tells one address
    alone tells its own, as the first drafts have it.
    """
    if not _is_between_hosts(sa):
        return "", ""
    nobody = unspecified(sa.path.remote[0])
    told = [one.address for one in message.all(OriginalAddress)]
    if any((":" in one) is not (":" in nobody) for one in told):
        return nobody, nobody  # of another IP version
    match told:
        case [of_initiator, of_responder]:
            return (of_initiator, of_responder) if initiator else (of_responder, of_initiator)
        case [own]:
            return nobody, own
        case _:
            return nobody, nobody


def behind_nat(sa: IkeSa, asked: ChildProfile) -> ChildProfile:
    """Return what a peer asks for with the addresses that packets have here."""
    ours, theirs = host_of(asked.local_ts), host_of(asked.remote_ts)
    if not (_is_between_hosts(sa) and ours and theirs):
        return asked
    local_ts, remote_ts = asked.local_ts, asked.remote_ts
    if sa.nat.here:
        local_ts = readdressed(local_ts, sa.path.local[0])
    if sa.nat.there:
        remote_ts = readdressed(remote_ts, sa.path.remote[0])
    return replace(asked, local_ts=local_ts, remote_ts=remote_ts)


def _is_between_hosts(sa: IkeSa) -> bool:
    return sa.profile.mode is Mode.TRANSPORT and sa.nat.any
