"""The frame of proposals and transforms, which both versions' SA payloads have in common.

RFC 7296 sections 3.3.1 and 3.3.2, RFC 2408 sections 3.5 and 3.6:

```
proposal:
| 0 (last) or 2 |   RESERVED    |         Proposal Length       |
| Proposal Num  |  Protocol ID  |    SPI Size   |Num  Transforms|
~                        SPI (variable)                         ~
transform:
| 0 (last) or 3 |   RESERVED    |        Transform Length       |
~                  what the version puts there                  ~
```
"""

import struct
from collections.abc import Callable, Iterator, Sequence
from typing import Final, NamedTuple, TypeVar

from ikecore.wire import Malformed, Reader

PROPOSALS: Final = 64  # more than any peer sends; each is compared with each of ours
TRANSFORMS: Final = 256  # in all proposals: comparing them is what a forged offer costs us
_PROPOSAL: Final = struct.Struct("!BxHBBBB")
_TRANSFORM: Final = struct.Struct("!BxH")
_LAST: Final = 0
_MORE_PROPOSALS: Final = 2
_MORE_TRANSFORMS: Final = 3

T = TypeVar("T")


class Framed(NamedTuple):
    """One proposal's fields; ``at`` is where it begins, for the trace."""

    at: int
    number: int
    protocol: int
    spi: bytes


def parse_offer(
    body: Reader, transform: Callable[[Reader], T]
) -> Iterator[tuple[Framed, tuple[T, ...]]]:
    """Yield the proposals in ``body``, each with what ``transform`` makes of its transforms.

    What follows the last one stays in ``body``.  Raises :exc:`Malformed` also when there are more
    than :data:`PROPOSALS` or :data:`TRANSFORMS`.
    """
    more, count, left = _MORE_PROPOSALS, 0, TRANSFORMS
    while more == _MORE_PROPOSALS:
        at = body.at
        if count == PROPOSALS:
            raise Malformed(f"more than {PROPOSALS} proposals", at)
        count += 1
        more, length, number, protocol, spi_size, size = body.unpack(_PROPOSAL)
        if more not in (_LAST, _MORE_PROPOSALS):
            raise Malformed(f"proposal followed by {more}", at)
        inside = body.sub(length - _PROPOSAL.size)
        framed = Framed(at, number, protocol, inside.take(spi_size))
        left -= size
        if left < 0:
            raise Malformed(f"more than {TRANSFORMS} transforms", at)
        found = tuple(_parse(inside, n == size - 1, transform) for n in range(size))
        if inside:
            raise Malformed("octets after the proposal's last transform", inside.at)
        yield framed, found


def _parse(body: Reader, is_last: bool, transform: Callable[[Reader], T]) -> T:
    at = body.at
    more, length = body.unpack(_TRANSFORM)
    if more != (_LAST if is_last else _MORE_TRANSFORMS):
        raise Malformed(f"transform followed by {more}", at)
    inside = body.sub(length - _TRANSFORM.size)
    found = transform(inside)
    if inside:
        raise Malformed("octets after the transform's last field", inside.at)
    return found


def build_offer(proposals: Sequence[tuple[int, int, bytes, Sequence[bytes]]]) -> bytes:
    """Return the encoding of proposals: number, protocol, SPI, and each transform's octets."""
    parts: list[bytes] = []
    for left, (number, protocol, spi, transforms) in enumerate(proposals, 1 - len(proposals)):
        inside = spi + b"".join(
            _TRANSFORM.pack(_MORE_TRANSFORMS if more else _LAST, _TRANSFORM.size + len(one)) + one
            for more, one in enumerate(transforms, 1 - len(transforms))
        )
        parts.append(
            _PROPOSAL.pack(
                _MORE_PROPOSALS if left else _LAST, _PROPOSAL.size + len(inside),
                number, protocol, len(spi), len(transforms),
            )
        )  # fmt: skip
        parts.append(inside)
    return b"".join(parts)
