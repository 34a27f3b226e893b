"""Transport mode behind a NAT: the selectors of two hosts, whose addresses it changes.

RFC 7296 section 2.23.1, RFC 3947 section 5.2.
"""

from dataclasses import replace
from ipaddress import ip_address

from policy.selectors import TrafficSelector


def host_of(selectors: tuple[TrafficSelector, ...]) -> str:
    """Return the one address that all selectors are about, "" when it is not one."""
    found = {(ts.version, ts.start) for ts in selectors}
    if len(found) != 1 or any(ts.start != ts.end for ts in selectors):
        return ""
    return str(selectors[0].networks[0].network_address)


def readdressed(
    selectors: tuple[TrafficSelector, ...], address: str
) -> tuple[TrafficSelector, ...]:
    """Return the selectors of one host with another address: protocol and ports stay."""
    other = ip_address(address)
    return tuple(
        replace(ts, version=other.version, start=int(other), end=int(other)) for ts in selectors
    )


def unspecified(address: str) -> str:
    """Return the address that means: not known, of the IP version that ``address`` has."""
    return "::" if ":" in address else "0.0.0.0"  # noqa: S104 - nothing is bound to it
