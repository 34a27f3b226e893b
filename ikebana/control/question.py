"""What people ask of the policies: a packet in words, read into a flow.

Standard library only: the command line starts with it.
"""

from collections.abc import Mapping
from difflib import get_close_matches
from ipaddress import IPv4Address, IPv6Address, ip_address
from types import MappingProxyType
from typing import Final

from policy.flow import OPAQUE, Flow
from policy.selectors import address_of

ICMP: Final = frozenset((1, 58))
WITH_PORTS: Final = frozenset((6, 17, 33, 132, 136))
PROTOCOLS: Final[Mapping[str, int]] = MappingProxyType(
    {
        "icmp": 1, "tcp": 6, "udp": 17, "dccp": 33, "gre": 47, "esp": 50, "ah": 51, "icmpv6": 58,
        "ipv6-icmp": 58, "ospf": 89, "sctp": 132, "udplite": 136,
    }
)  # fmt: skip
_NAMES: Final = {number: name for name, number in PROTOCOLS.items() if name != "ipv6-icmp"}
_LONGEST: Final = 64  # characters of a word that an answer repeats


class BadQuestion(ValueError):
    """A word of the question means nothing; ``hint`` says what would."""

    def __init__(self, what: str, hint: str) -> None:
        super().__init__(what)
        self.hint = hint


def read_flow(
    source: str, target: str, protocol: str = "", port: str = "", source_port: str = ""
) -> Flow:
    """Return the flow that people mean; what they do not tell is 0, ports OPAQUE.

    ``protocol`` is a name or a number; ``port`` the target's, of ICMP the type and code, ``8:0``.
    Raises :exc:`BadQuestion`.
    """
    here, there = _address("SRC", source), _address("DST", target)
    if here.version != there.version:
        raise BadQuestion(
            f"{here} is IPv{here.version} and {there} IPv{there.version}",
            "a packet's two addresses are of one IP version",
        )
    number = _protocol(protocol, here.version) if protocol else 0
    ports = _ports(number, port, source_port)
    return Flow(here.version, number, int(here), int(there), *ports)


def told(flow: Flow) -> str:
    """Return a flow as it is asked for: ``10.1.0.5 10.2.0.9 tcp 443``."""
    parts = [address_of(flow.version, one) for one in (flow.source, flow.target)]
    if flow.protocol:
        parts.append(protocol_name(flow.protocol))
    if flow.target_port != OPAQUE:
        kind, code = divmod(flow.target_port, 256)
        is_icmp = flow.protocol in ICMP
        parts.append(f"{kind}:{code}" if is_icmp else str(flow.target_port))
    return " ".join(parts)


def protocol_name(number: int) -> str:
    """Return a protocol as people write it."""
    return _NAMES.get(number, str(number))


def _address(which: str, text: str) -> IPv4Address | IPv6Address:
    shown = text[:_LONGEST]
    try:
        found = ip_address(text)
    except ValueError:
        pass
    else:
        if getattr(found, "scope_id", None) is not None:
            raise BadQuestion(f"{which} {shown} has a zone", "write it without the %")
        return found
    if "/" in text:
        alone = shown.partition("/")[0]
        raise BadQuestion(f"{which} {shown} is a network", f"one address of it, such as {alone}")
    hint = "an address such as 10.1.0.5 or 2001:db8::5"
    if text and not set(text.lower()) <= set("0123456789.:"):
        hint += "; of a name: getent hosts NAME"
    raise BadQuestion(f"{which} {shown!r} is no IP address", hint)


def _protocol(text: str, version: int) -> int:
    word = text.lower()
    number = PROTOCOLS.get(word, -1)
    if text.isascii() and text.isdecimal() and len(text) <= 3:
        number = int(text)
    if not 1 <= number <= 255:
        close = get_close_matches(word[:_LONGEST], PROTOCOLS, n=1)
        raise BadQuestion(
            f"{text[:_LONGEST]!r} is no protocol",
            f"did you mean {close[0]}?" if close else "1 to 255, or " + ", ".join(PROTOCOLS),
        )
    if number in ICMP:
        own = 1 if version == 4 else 58
        if number != own and not word.startswith("icmp"):
            raise BadQuestion(
                f"protocol {number} is the other IP version's ICMP", f"of IPv{version} it is {own}"
            )
        return own
    return number


def _ports(protocol: int, port: str, source_port: str) -> tuple[int, int]:
    """Return the source's and the target's port."""
    if protocol in ICMP:
        if source_port:
            raise BadQuestion("ICMP has no source port", "its type and code: icmp 8:0")
        both = _type(port) if port else OPAQUE
        return both, both
    if (port or source_port) and protocol not in WITH_PORTS:
        raise BadQuestion(
            f"{protocol_name(protocol)} has no ports" if protocol else "a port of which protocol?",
            "ports go with tcp, udp, sctp, dccp and udplite",
        )
    return (
        _number(source_port, 65535, "port") if source_port else OPAQUE,
        _number(port, 65535, "port") if port else OPAQUE,
    )


def _type(text: str) -> int:
    kind, _, code = text.partition(":")
    return _number(kind, 255, "ICMP type") << 8 | _number(code or "0", 255, "ICMP code")


def _number(text: str, most: int, what: str) -> int:
    if text.isascii() and text.isdecimal() and len(text) <= 5 and int(text) <= most:
        return int(text)
    such = "type or type:code, such as 8:0" if what.startswith("ICMP") else "such as 443"
    raise BadQuestion(f"{text[:_LONGEST]!r} is no {what}", f"0 to {most}, {such}")
