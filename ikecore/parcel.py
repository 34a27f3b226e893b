"""What the messages of both IKE versions are asked: their payloads by class."""

from typing import Any, Protocol, TypeVar

P = TypeVar("P")


class Carrier(Protocol):
    """Whatever has payloads."""

    @property
    def payloads(self) -> tuple[Any, ...]:
        """Return them in order."""
        ...


class Parcel:
    """Half of a message: pick payloads of one class out of those it carries."""

    __slots__ = ()

    def all(self: Carrier, kind: type[P]) -> tuple[P, ...]:
        """Return the payloads of one class, in order."""
        return tuple(payload for payload in self.payloads if isinstance(payload, kind))

    def one(self: Carrier, kind: type[P]) -> P | None:
        """Return the first payload of a class: the rules see to it that it is alone."""
        for payload in self.payloads:
            if isinstance(payload, kind):
                return payload
        return None
