"""Distinguished names: DER from text, text from DER, and comparison (RFC 4514, RFC 5280 4.1.2.4).

Text keeps the order of the encoding, as gateways' configurations do (``C=CH, O=Acme, CN=gw``), not
RFC 4514's reverse one; the escapes are RFC 4514's.  A name from the wire has at most
:data:`LONGEST_NAME` attributes, and no step of reading one recurses.
"""

import re
from typing import Final, TypeAlias

from ikecore.wire import Malformed, Reader

LONGEST_NAME: Final = 64
_SEQUENCE, _SET, _OID = 0x30, 0x31, 0x06
_UTF8, _PRINTABLE, _IA5 = 12, 19, 22
_CODECS: Final = {_UTF8: "utf-8", _PRINTABLE: "ascii", 20: "latin-1", _IA5: "ascii",
                  28: "utf-32-be", 30: "utf-16-be"}  # fmt: skip
# fmt: off
_TYPES: Final = {  # keyword: encoded OID, string type
    "CN": ("550403", _UTF8), "SN": ("550404", _UTF8), "serialNumber": ("550405", _PRINTABLE),
    "C": ("550406", _PRINTABLE), "L": ("550407", _UTF8), "ST": ("550408", _UTF8),
    "STREET": ("550409", _UTF8), "O": ("55040a", _UTF8), "OU": ("55040b", _UTF8),
    "T": ("55040c", _UTF8), "postalCode": ("550411", _UTF8), "N": ("550429", _UTF8),
    "G": ("55042a", _UTF8), "I": ("55042b", _UTF8), "dnQualifier": ("55042e", _PRINTABLE),
    "UID": ("0992268993f22c640101", _UTF8), "DC": ("0992268993f22c640119", _IA5),
    "E": ("2a864886f70d010901", _IA5),
}
# fmt: on
_ALIASES: Final = {"S": "ST", "EMAIL": "E", "EMAILADDRESS": "E", "USERID": "UID"}
_BY_KEYWORD: Final = {
    name.upper(): (bytes.fromhex(oid), tag) for name, (oid, tag) in _TYPES.items()
}
_BY_OID: Final = {bytes.fromhex(oid): name for name, (oid, _tag) in _TYPES.items()}
_COMMA: Final = re.compile(r"\s*([A-Za-z]+)\s*=((?:[^\\,+]|\\.)*)([,+]|$)", re.DOTALL)
_SLASH: Final = re.compile(r"\s*([A-Za-z]+)\s*=((?:[^\\/]|\\.)*)(/|$)", re.DOTALL)
_ESCAPED: Final = re.compile(rb"\\([0-9A-Fa-f]{2}|.)", re.DOTALL)
_SPECIAL: Final = re.compile(r'([\\,+"<>;/]|^[ #]| \Z)')

Attribute: TypeAlias = tuple[bytes, int, bytes]  # encoded OID, string type, value
Rdn: TypeAlias = tuple[Attribute, ...]


def encode(text: str) -> bytes:
    """Return the DER Name of ``C=CH, O=Acme, CN=gw``, or of ``/C=CH/O=Acme/CN=gw``.

    Raises ValueError when the text cannot be read.
    """
    form = _SLASH if text.startswith("/") else _COMMA
    rdns: list[list[bytes]] = [[]]
    at = int(text.startswith("/"))
    more = "start"
    while more:
        found = form.match(text, at)
        if found is None:
            raise ValueError(f"cannot read {text[at:]!r} as part of a distinguished name")
        keyword, value, more = found.groups()
        rdns[-1].append(_attribute(keyword, value))
        if more != "+":
            rdns.append([])
        at = found.end()
    sets = [_tlv(_SET, b"".join(sorted(rdn))) for rdn in rdns if rdn]
    if sum(map(len, rdns)) > LONGEST_NAME:
        raise ValueError(f"more than {LONGEST_NAME} attributes in a distinguished name")
    return _tlv(_SEQUENCE, b"".join(sets))


def decode(der: bytes) -> tuple[Rdn, ...]:
    """Return the relative names of a DER Name; raise :exc:`Malformed` and nothing else."""
    outer = Reader(der)
    name = _open(outer, _SEQUENCE)
    if outer:
        raise Malformed("octets after the name", outer.at)
    rdns: list[Rdn] = []
    count = 0
    while name:
        at, members = name.at, _open(name, _SET)
        attributes: list[Attribute] = []
        while members:
            pair = _open(members, _SEQUENCE)
            oid = _open(pair, _OID).rest()
            tag, value = _header(pair)
            attributes.append((oid, tag, value.rest()))
            count += 1
            if pair or not oid or count > LONGEST_NAME:
                raise Malformed("attribute of a name", at)
        if not attributes:
            raise Malformed("empty relative name", at)
        rdns.append(tuple(attributes))
    return tuple(rdns)


def text(der: bytes) -> str:
    """Return a DER Name as text that :func:`encode` reads; raise :exc:`Malformed`."""
    return ", ".join("+".join(map(_show, rdn)) for rdn in decode(der))


def same(one: bytes, other: bytes) -> bool:
    """Tell whether two DER Names are equal, string types, case and repeated blanks aside.

    RFC 5280 section 7.1.  Octets that are no Name equal only themselves.
    """
    if one == other:
        return True
    try:
        return _folded(one) == _folded(other)
    except Malformed:
        return False


def _attribute(keyword: str, escaped: str) -> bytes:
    name = keyword.upper()
    entry = _BY_KEYWORD.get(_ALIASES.get(name, name))
    if entry is None:
        raise ValueError(f"unknown attribute {keyword!r} in a distinguished name")
    trimmed = escaped.strip(" ")
    if (len(trimmed) - len(trimmed.rstrip("\\"))) % 2:  # the blank it escapes was stripped
        trimmed += " "
    value = _ESCAPED.sub(_unescaped, trimmed.encode())
    if not value:
        raise ValueError(f"attribute {keyword!r} of a distinguished name is empty")
    oid, tag = entry
    if tag != _UTF8 and not value.isascii():
        tag = _UTF8
    return _tlv(_SEQUENCE, _tlv(_OID, oid) + _tlv(tag, value))


def _unescaped(found: re.Match[bytes]) -> bytes:
    code = found.group(1)
    return bytes.fromhex(code.decode()) if len(code) == 2 else code


def _tlv(tag: int, value: bytes) -> bytes:
    size = len(value)
    if size < 0x80:
        return bytes((tag, size)) + value
    octets = size.to_bytes(2 if size > 0xFF else 1, "big")
    return bytes((tag, 0x80 | len(octets))) + octets + value


def _header(reader: Reader) -> tuple[int, Reader]:
    at = reader.at
    tag, size = reader.take(2)
    if tag & 0x1F == 0x1F:
        raise Malformed("long tag", at)
    if size >= 0x80:
        count = size & 0x7F
        if count not in (1, 2):
            raise Malformed(f"length of {count} octets", at)
        size = int.from_bytes(reader.take(count), "big")
        if size < 0x80 or (count == 2 and size <= 0xFF):
            raise Malformed("length not in its shortest form", at)
    return tag, reader.sub(size)


def _open(reader: Reader, wanted: int) -> Reader:
    at = reader.at
    tag, value = _header(reader)
    if tag != wanted:
        raise Malformed(f"tag {tag:#04x} instead of {wanted:#04x}", at)
    return value


def _string(tag: int, value: bytes) -> str | None:
    try:
        return value.decode(_CODECS[tag])
    except (KeyError, UnicodeDecodeError):
        return None


def _show(attribute: Attribute) -> str:
    oid, tag, value = attribute
    name = _BY_OID.get(oid, oid.hex())
    string = _string(tag, value)
    shown = f"#{value.hex()}" if string is None else _SPECIAL.sub(r"\\\1", string)
    return f"{name}={shown}"


def _folded(der: bytes) -> list[frozenset[tuple[bytes, str | bytes]]]:
    return [frozenset((oid, _fold(tag, value)) for oid, tag, value in rdn) for rdn in decode(der)]


def _fold(tag: int, value: bytes) -> str | bytes:
    string = _string(tag, value)
    return bytes((tag,)) + value if string is None else " ".join(string.casefold().split())
