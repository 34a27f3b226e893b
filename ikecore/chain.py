"""Chains of payloads, as both IKE versions have them: each begins with a generic header.

```
| Next Payload  |C|  RESERVED   |         Payload Length        |
```

RFC 7296 section 3.2, RFC 2408 section 3.2 (which has no critical flag).
"""

import struct
from collections.abc import Iterable, Iterator
from typing import Final

from ikecore.wire import Malformed, Reader

GENERIC: Final = struct.Struct("!BBH")
LONGEST_CHAIN: Final = 128
END: Final = 0
"""The next-payload value of the last one."""


def walk(first: int, body: Reader) -> Iterator[tuple[int, int, Reader]]:
    """Yield type, flags and body of each payload; the first one's type is ``first``.

    Each body has to be read to its end before the next one is asked for.  What stands behind the
    last payload stays in ``body``.  Raises :exc:`Malformed`.
    """
    count = 0
    while first != END:
        at = body.at
        if count == LONGEST_CHAIN:
            raise Malformed(f"more than {LONGEST_CHAIN} payloads", at)
        count += 1
        following, flags, length = body.unpack(GENERIC)
        if length < GENERIC.size:
            raise Malformed(f"payload length {length}", at)
        inside = body.sub(length - GENERIC.size)
        yield first, flags, inside
        if inside:
            raise Malformed("octets after the payload's last field", inside.at)
        first = following


def link(payloads: Iterable[tuple[int, int, bytes]]) -> tuple[int, bytes]:
    """Return the first payload's type and the chain of these: type, flags and body of each.

    No payload at all is ``(0, b"")``.
    """
    told = list(payloads)
    types = [kind for kind, _, _ in told]
    types.append(END)
    parts: list[bytes] = []
    for (_, flags, body), following in zip(told, types[1:], strict=True):
        parts.append(GENERIC.pack(following, flags, GENERIC.size + len(body)))
        parts.append(body)
    return types[0], b"".join(parts)
