"""Transport mode behind a NAT: whose addresses the selectors mean (RFC 7296 section 2.23.1).

Each end names the addresses it sees, and what the NAT makes of them is what the other end has to do
with.  So each reads the real ones instead, and keeps those it was told: the sender has made the
checksums of TCP and UDP with them.
"""

from dataclasses import replace
from ipaddress import ip_address

from ikecore.child import Mode
from ikev2.children import Answered, Asked
from ikev2.sa import IkeSa
from policy.selectors import TrafficSelector


def asked_behind_nat(sa: IkeSa, asked: Asked) -> Asked:
    """Return a request with the addresses that packets have here."""
    theirs, ours = _host(asked.theirs), _host(asked.ours)
    if not (asked.transport and _is_between_hosts(sa) and theirs and ours):
        return asked
    return replace(
        asked,
        theirs=_at(asked.theirs, sa.path.remote[0]) if sa.nat_there else asked.theirs,
        ours=_at(asked.ours, sa.path.local[0]) if sa.nat_here else asked.ours,
        original=(ours, theirs),
    )


def answered_behind_nat(sa: IkeSa, answered: Answered) -> Answered:
    """Return an answer with the addresses that packets have here.

    A peer that says our own words back has not told how it sees us.
    """
    ours, theirs = _host(answered.local_ts), _host(answered.remote_ts)
    if not (_is_between_hosts(sa) and ours and theirs):
        return answered
    here, there = sa.path.local[0], sa.path.remote[0]
    is_echo = (ours, theirs) == (here, there)
    return Answered(
        _at(answered.local_ts, here) if sa.nat_here else answered.local_ts,
        _at(answered.remote_ts, there) if sa.nat_there else answered.remote_ts,
        ("", "") if is_echo else (ours, theirs),
    )


def _is_between_hosts(sa: IkeSa) -> bool:
    return sa.profile.mode is Mode.TRANSPORT and (sa.nat_here or sa.nat_there)


def _host(selectors: tuple[TrafficSelector, ...]) -> str:
    """Return the one address that all selectors are about, "" when it is not one."""
    found = {(ts.version, ts.start) for ts in selectors}
    if len(found) != 1 or any(ts.start != ts.end for ts in selectors):
        return ""
    return str(selectors[0].networks[0].network_address)


def _at(selectors: tuple[TrafficSelector, ...], address: str) -> tuple[TrafficSelector, ...]:
    other = ip_address(address)
    return tuple(
        replace(ts, version=other.version, start=int(other), end=int(other)) for ts in selectors
    )
