"""What the payloads without any field of their own have in common."""

from dataclasses import dataclass
from typing import Self

from ikecore.wire import Reader


@dataclass(frozen=True, slots=True)
class Octets:
    """A payload whose body is all data.

    ```
    ~                             Data                              ~
    ```
    """

    data: bytes

    @classmethod
    def parse(cls, body: Reader) -> Self:
        """Read the payload's body: any octets."""
        return cls(body.rest())

    def body(self) -> bytes:
        """Return the payload without its generic header."""
        return self.data
