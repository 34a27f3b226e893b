"""Data attributes (RFC 2408 section 3.3): of transforms, notifies and configuration.

```
|A|       Attribute Type        |    AF=0  Attribute Length     |
|F|                             |    AF=1  Attribute Value      |
~                   AF=0  Attribute Value                       ~
```
"""

import struct
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from ikecore.wire import Malformed, Reader

MOST: Final = 256
"""Attributes of one list; a transform has about ten."""
LARGEST: Final = (1 << 64) - 1
"""What :func:`value_of` tells of every greater number."""
_ATTRIBUTE: Final = struct.Struct("!HH")
_BASIC: Final = 0x8000  # AF: the second field is the value itself, not a length


@dataclass(frozen=True, slots=True)
class Attribute:
    """One attribute: an ``int`` of 16 bits stands in the header, octets behind it.

    A greater ``int`` is written in 4 octets, or in 8; so it comes back as octets.
    """

    type: int
    value: int | bytes = field(repr=False)  # it may be a user's password (XAUTH)


def value_of(attribute: Attribute) -> int:
    """Return an attribute's value as a number, :data:`LARGEST` at most.

    A peer may write a number of any size in octets (RFC 2409 section 5 has lifetimes so).  No
    octets are 0.
    """
    value = attribute.value
    if isinstance(value, int):
        return value
    digits = value.lstrip(b"\0")
    return int.from_bytes(digits, "big") if len(digits) <= 8 else LARGEST


def parse_attributes(body: Reader) -> tuple[Attribute, ...]:
    """Read attributes to the end of ``body``; raise :exc:`Malformed`, also for too many."""
    found: list[Attribute] = []
    while body:
        if len(found) == MOST:
            raise Malformed(f"more than {MOST} attributes", body.at)
        name, value = body.unpack(_ATTRIBUTE)
        if name & _BASIC:
            found.append(Attribute(name ^ _BASIC, value))
        else:
            found.append(Attribute(name, body.take(value)))
    return tuple(found)


def build_attributes(attributes: Iterable[Attribute]) -> bytes:
    """Return the attributes' encoding."""
    return b"".join(map(_encoded, attributes))


def _encoded(attribute: Attribute) -> bytes:
    value = attribute.value
    if isinstance(value, int):
        if value < 1 << 16:
            return _ATTRIBUTE.pack(attribute.type | _BASIC, value)
        value = value.to_bytes(4 if value < 1 << 32 else 8, "big")
    return _ATTRIBUTE.pack(attribute.type, len(value)) + value
