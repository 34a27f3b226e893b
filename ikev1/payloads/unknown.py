"""Payloads that have no codec here."""

from dataclasses import dataclass

from ikecore.wire import Reader


@dataclass(frozen=True, slots=True)
class Unknown:
    """A payload kept as octets: certificates, signatures, private types, IKEv2's."""

    type: int
    data: bytes

    @property
    def TYPE(self) -> int:  # noqa: N802 - the other payloads have it as a class constant
        """Return the payload's type, under the name that all payloads share."""
        return self.type

    @classmethod
    def parse(cls, kind: int, body: Reader) -> "Unknown":
        """Keep the payload's body as it is."""
        return cls(kind, body.rest())

    def body(self) -> bytes:
        """Return the payload without its generic header."""
        return self.data
