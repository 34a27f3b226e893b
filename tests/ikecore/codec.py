"""What every payload codec is held to, of either IKE version."""

from typing import Final, Protocol, Self, TypeVar

from hypothesis import settings
from hypothesis import strategies as st

from ikecore.wire import Malformed, Reader

MODERATE: Final = settings(max_examples=60, deadline=None)
OCTET: Final = st.integers(0, 255)
SHORT: Final = st.integers(0, 65535)


class Codec(Protocol):
    """What the payload classes have in common."""

    @classmethod
    def parse(cls, body: Reader) -> Self: ...

    def body(self) -> bytes: ...


CodecT = TypeVar("CodecT", bound=Codec)


def read(codec: type[CodecT], octets: bytes) -> CodecT:
    """Parse a whole body, as a chain does: nothing may be left."""
    reader = Reader(octets)
    payload = codec.parse(reader)
    if reader:
        raise Malformed("octets left", reader.at)
    return payload


def attempt(codec: type[CodecT], octets: bytes) -> CodecT | None:
    """Return the payload, or None if it is Malformed; any other exception is a test's failure."""
    try:
        return read(codec, octets)
    except Malformed:
        return None


def accepted_cuts(codec: type[CodecT], octets: bytes) -> list[int]:
    """Return the lengths to which a body can be cut and still be read."""
    return [n for n in range(len(octets)) if attempt(codec, octets[:n]) is not None]
