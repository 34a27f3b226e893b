"""A key that does not end up in a log: it prints as its length."""

import hmac
from typing import NoReturn


class Secret:
    """Hold key octets that only :meth:`reveal` gives out.

    ``repr`` and ``str`` show ``<32 octets>``; ``==`` takes the same time whatever differs.
    Unhashable, so that no key becomes a dictionary key by accident.
    """

    __slots__ = ("_value",)

    def __init__(self, value: bytes) -> None:
        self._value = bytes(value)

    def reveal(self) -> bytes:
        """Return the octets themselves."""
        return self._value

    def __len__(self) -> int:
        return len(self._value)

    def __repr__(self) -> str:
        return f"<{len(self._value)} octets>"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self._value, other._value)

    def __hash__(self) -> NoReturn:
        raise TypeError("a Secret is unhashable")
