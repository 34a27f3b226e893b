"""Transport mode behind a NAT: whose addresses the selectors mean (RFC 7296 section 2.23.1).

The initiator names the addresses it sees; what the NAT makes of them is what the responder has to
do with.  So a responder reads the real ones instead, and answers with those it was told.
"""

from dataclasses import replace
from ipaddress import ip_address

from ikecore.child import Mode
from ikev2.children import Agreed, Asked
from ikev2.payloads.chain import Payload
from ikev2.payloads.ts import SelectorsInitiator, SelectorsResponder
from ikev2.sa import IkeSa
from policy.selectors import TrafficSelector


def asked_behind_nat(sa: IkeSa, asked: Asked) -> Asked:
    """Return a request with the addresses that packets will have here."""
    theirs, ours = _host(asked.theirs), _host(asked.ours)
    is_nat = sa.nat_here or sa.nat_there
    if not (asked.transport and sa.profile.mode is Mode.TRANSPORT and is_nat and theirs and ours):
        return asked
    return replace(
        asked,
        theirs=_at(asked.theirs, sa.path.remote[0]) if sa.nat_there else asked.theirs,
        ours=_at(asked.ours, sa.path.local[0]) if sa.nat_here else asked.ours,
        original=(ours, theirs),
    )


def told_behind_nat(agreed: Agreed, payloads: tuple[Payload, ...]) -> tuple[Payload, ...]:
    """Return an answer with the addresses that the initiator sees."""
    ours, theirs = agreed.original
    if not ours:
        return payloads
    return tuple(_renamed(payload, ours, theirs) for payload in payloads)


def _renamed(payload: Payload, ours: str, theirs: str) -> Payload:
    if isinstance(payload, SelectorsInitiator):
        return SelectorsInitiator(_at(payload.selectors, theirs))
    if isinstance(payload, SelectorsResponder):
        return SelectorsResponder(_at(payload.selectors, ours))
    return payload


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
