"""Transport mode behind a NAT: whose addresses the selectors mean (RFC 7296 section 2.23.1).

Each end names the addresses it sees, and what the NAT makes of them is what the other end has to do
with.  So each reads the real ones instead, and keeps those it was told: the sender has made the
checksums of TCP and UDP with them.
"""

from dataclasses import replace

from ikecore.child import Mode
from ikecore.transport import host_of, readdressed
from ikev2.children import Answered, Asked
from ikev2.sa import IkeSa


def asked_behind_nat(sa: IkeSa, asked: Asked) -> Asked:
    """Return a request with the addresses that packets have here."""
    theirs, ours = host_of(asked.theirs), host_of(asked.ours)
    if not (asked.transport and _is_between_hosts(sa) and theirs and ours):
        return asked
    return replace(
        asked,
        theirs=readdressed(asked.theirs, sa.path.remote[0]) if sa.nat_there else asked.theirs,
        ours=readdressed(asked.ours, sa.path.local[0]) if sa.nat_here else asked.ours,
        original=(ours, theirs),
    )


def answered_behind_nat(sa: IkeSa, answered: Answered) -> Answered:
    """Return an answer with the addresses that packets have here.

    A peer that says our own words back has not told how it sees us.
    """
    ours, theirs = host_of(answered.local_ts), host_of(answered.remote_ts)
    if not (_is_between_hosts(sa) and ours and theirs):
        return answered
    here, there = sa.path.local[0], sa.path.remote[0]
    is_echo = (ours, theirs) == (here, there)
    return Answered(
        readdressed(answered.local_ts, here) if sa.nat_here else answered.local_ts,
        readdressed(answered.remote_ts, there) if sa.nat_there else answered.remote_ts,
        ("", "") if is_echo else (ours, theirs),
    )


def _is_between_hosts(sa: IkeSa) -> bool:
    return sa.profile.mode is Mode.TRANSPORT and (sa.nat_here or sa.nat_there)
