"""Identities: what an ID payload carries, and how an administrator writes it.

RFC 7296 section 3.5 and RFC 2407 section 4.6.2.1 share the numbers used here.
"""

import contextlib
import re
from dataclasses import dataclass
from enum import IntEnum
from ipaddress import ip_address, ip_network
from typing import Final

from ikecore import dn
from ikecore.wire import Malformed

LONGEST: Final = 2048
"""Octets of identification data; the longest names in the field are a few hundred."""
_SHOWN: Final = 200


class IdType(IntEnum):
    """Identification types (RFC 7296 section 3.5); the subnets are IKEv1's (RFC 2407 4.6.2)."""

    IPV4_ADDR = 1
    FQDN = 2
    RFC822_ADDR = 3
    IPV4_SUBNET = 4
    IPV6_ADDR = 5
    IPV6_SUBNET = 6
    DER_ASN1_DN = 9
    DER_ASN1_GN = 10
    KEY_ID = 11


_CASELESS: Final = (IdType.FQDN, IdType.RFC822_ADDR)
_PREFIXES: Final = {
    "ipv4": IdType.IPV4_ADDR, "ipv6": IdType.IPV6_ADDR, "fqdn": IdType.FQDN, "dns": IdType.FQDN,
    "email": IdType.RFC822_ADDR, "rfc822": IdType.RFC822_ADDR, "userfqdn": IdType.RFC822_ADDR,
    "asn1dn": IdType.DER_ASN1_DN, "asn1gn": IdType.DER_ASN1_GN, "keyid": IdType.KEY_ID,
    "subnet": IdType.IPV4_SUBNET,
}  # fmt: skip
_PREFIX_OF: Final[dict[int, str]] = {
    IdType.IPV4_ADDR: "ipv4", IdType.FQDN: "fqdn", IdType.RFC822_ADDR: "email",
    IdType.IPV6_ADDR: "ipv6", IdType.DER_ASN1_DN: "asn1dn", IdType.DER_ASN1_GN: "asn1gn",
    IdType.KEY_ID: "keyid",
}  # fmt: skip
_WIDTHS: Final[dict[int, int]] = {IdType.IPV4_ADDR: 4, IdType.IPV6_ADDR: 16}
_SUBNETS: Final[dict[int, int]] = {IdType.IPV4_SUBNET: 4, IdType.IPV6_SUBNET: 16}
_NAME: Final = re.compile(r"[!-~]+")  # visible ASCII: what a host name is made of, and more


class IdentityError(ValueError):
    """An identity cannot be read; the text says what would do."""


@dataclass(frozen=True, slots=True)
class Identity:
    """One identity, as it stands on the wire.

    ``type`` is any octet and ``data`` any octets: what a peer sends survives, and every method
    takes it.  Two identities are the same when :meth:`matches` says so; ``==`` compares octets.
    """

    type: int
    data: bytes

    @classmethod
    def parse(cls, text: str) -> "Identity":
        """Read an identity as strongSwan's configuration writes it.

        An IP address; ``@fqdn``; ``@@mail``; ``@#hex`` (key id); ``user@host``; ``C=CH, CN=gw``;
        ``subnet:10.1.0.0/24``;
        ``keyid:text`` and the other types' prefixes, after which ``#`` means hexadecimal; else a
        host name.  Raises :exc:`IdentityError`, a ValueError.
        """
        identity = _read(text.strip())
        if len(identity.data) > LONGEST:
            raise IdentityError(f"an identity has at most {LONGEST} octets")
        return identity

    @classmethod
    def of_address(cls, address: str) -> "Identity":
        """Return the identity of an IP address; raise ValueError when it is none."""
        found = ip_address(address)
        kind = IdType.IPV4_ADDR if found.version == 4 else IdType.IPV6_ADDR
        return cls(kind, found.packed)

    def matches(self, other: "Identity") -> bool:
        """Tell whether both name the same one.

        Host names and mail addresses compare without regard to ASCII case, distinguished names
        part by part (:func:`ikecore.dn.same`), all else octet by octet.
        """
        if self.type != other.type:
            return False
        if self.type in _CASELESS:
            return self.data.lower() == other.data.lower()
        if self.type == IdType.DER_ASN1_DN:
            return dn.same(self.data, other.data)
        return self.data == other.data

    def __str__(self) -> str:
        """Return text that is safe to log, of bounded length.

        :meth:`parse` reads it back, unless it had to be cut short or escaped.
        """
        shown = _shown(self.type, self.data[:LONGEST])
        return shown if len(shown) <= _SHOWN else shown[:_SHOWN] + "…"


def _read(text: str) -> Identity:
    if not text or text.startswith("%"):
        raise IdentityError("an identity is needed: an address, a host name, user@host, CN=…")
    if text.startswith("@@"):
        return Identity(IdType.RFC822_ADDR, _visible(text[2:]))
    if text.startswith("@#"):
        return Identity(IdType.KEY_ID, _hex(text[2:]))
    if text.startswith("@"):
        return Identity(IdType.FQDN, _visible(text[1:]))
    prefix, colon, rest = text.partition(":")
    if colon and prefix.lower() in _PREFIXES:
        return _typed(_PREFIXES[prefix.lower()], rest)
    if "=" in text:
        return Identity(IdType.DER_ASN1_DN, _name(text))
    if "@" in text:
        return Identity(IdType.RFC822_ADDR, _visible(text))
    try:
        return Identity.of_address(text)
    except ValueError:
        pass
    if colon or not text.strip("./0123456789"):
        raise IdentityError(f"{text!r} is no IP address; write @{text} if it is a name")
    return Identity(IdType.FQDN, _visible(text))


def _typed(kind: IdType, rest: str) -> Identity:
    if rest.startswith("#"):
        return Identity(kind, _hex(rest[1:]))
    match kind:
        case IdType.IPV4_ADDR | IdType.IPV6_ADDR:
            try:
                found = Identity.of_address(rest)
            except ValueError as why:
                raise IdentityError(str(why)) from None
            if found.type != kind:
                raise IdentityError(f"{rest} is of the other IP version")
            return found
        case IdType.IPV4_SUBNET | IdType.IPV6_SUBNET:
            return _subnet(rest)
        case IdType.DER_ASN1_DN:
            return Identity(kind, _name(rest))
        case IdType.DER_ASN1_GN:
            raise IdentityError("write a general name in hexadecimal: asn1gn:#…")
        case IdType.FQDN | IdType.RFC822_ADDR:
            return Identity(kind, _visible(rest))
        case IdType.KEY_ID:
            if not rest:
                raise IdentityError("a key id is empty")
            return Identity(kind, rest.encode())


def _subnet(text: str) -> Identity:
    try:
        found = ip_network(text)
    except ValueError as why:
        raise IdentityError(f"{why}; write subnet:10.1.0.0/24") from None
    kind = IdType.IPV4_SUBNET if found.version == 4 else IdType.IPV6_SUBNET
    return Identity(kind, found.network_address.packed + found.netmask.packed)


def _hex(text: str) -> bytes:
    try:
        found = bytes.fromhex(text.replace(":", " "))
    except ValueError:
        raise IdentityError(f"{text!r} is not hexadecimal") from None
    if not found:
        raise IdentityError("no hexadecimal digits after #")
    return found


def _visible(text: str) -> bytes:
    if not _NAME.fullmatch(text):
        raise IdentityError(f"{text!r} is no name: ASCII without blanks is (xn--… for others)")
    return text.encode()


def _name(text: str) -> bytes:
    try:
        return dn.encode(text)
    except ValueError as why:
        raise IdentityError(f"{why}; write C=CH, O=Acme, CN=gw") from None


def _shown(kind: int, data: bytes) -> str:
    match kind:
        case IdType.IPV4_ADDR | IdType.IPV6_ADDR if len(data) == _WIDTHS[kind]:
            return str(ip_address(data))
        case IdType.IPV4_SUBNET | IdType.IPV6_SUBNET if len(data) == 2 * _SUBNETS[kind]:
            half = len(data) // 2
            with contextlib.suppress(ValueError):  # a mask with holes, or host bits
                mask = int.from_bytes(data[half:], "big")
                return f"subnet:{ip_network((data[:half], _prefix(mask, half * 8)))}"
        case IdType.FQDN | IdType.RFC822_ADDR:
            return _shown_name(kind, data)
        case IdType.KEY_ID if data.isascii() and _is_text(data.decode()):
            return f"keyid:{data.decode()}"
        case IdType.DER_ASN1_DN:
            try:
                return _escaped(dn.text(data))
            except Malformed:
                pass
    return f"{_PREFIX_OF.get(kind, f'type{kind}')}:#{data.hex()}"


def _prefix(mask: int, bits: int) -> int:
    """Return the length of the prefix that a mask stands for; raise ValueError if it has holes."""
    hosts = mask ^ ((1 << bits) - 1)
    if hosts & (hosts + 1):
        raise ValueError("a mask with holes")
    return bits - hosts.bit_length()


def _shown_name(kind: int, data: bytes) -> str:
    """Return the shortest form that reads back as this type: a peer may call itself 10.0.0.1."""
    text = data.decode("ascii", "backslashreplace")
    for lead in ("", "@" if kind == IdType.FQDN else "@@"):
        try:
            if _read(lead + text) == Identity(kind, data):
                return lead + text
        except IdentityError:
            continue
    return f"{_PREFIX_OF[kind]}:{_escaped(text)}"


def _is_text(text: str) -> bool:
    return text.isprintable() and text == text.strip() and not text.startswith("#") and text != ""


def _escaped(text: str) -> str:
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
