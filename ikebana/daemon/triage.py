"""Which IKE datagrams the daemon works on when there are more than it can (RFC 7296 section 2.6).

A flood of first messages costs us a little each, and what waits behind it in the socket is lost.
So first messages have a rate; what names an SA of ours, or seems to, always passes: it is cheap to
find out that there is none.  Strangers have a rate of their own, lest a flood from addresses made
up keeps out the peers that are configured.
"""

from collections.abc import Callable
from typing import Final

from ikebana.rate import Rate

_NO_SPI: Final = bytes(8)
_VERSION: Final = 17  # the octet of the header, the major version in its upper half


class Triage:
    """Ask it before any octet of a datagram is parsed.

    ``knows`` tells whether some connection's peer may come from an address, ``speaks`` whether a
    major version of IKE is in service.
    """

    def __init__(self, knows: Callable[[str], bool], speaks: Callable[[int], bool]) -> None:
        self._knows = knows
        self._speaks = speaks
        self._peers = Rate(1000.0, 500.0)
        self._strangers = Rate(200.0, 100.0)

    def admits(self, data: bytes, address: str, now: float) -> bool:
        """Tell whether to work on a datagram from ``address``."""
        is_whole = len(data) > _VERSION
        if is_whole and data[8:16] != _NO_SPI and self._speaks(data[_VERSION] >> 4):
            return True
        return (self._peers if self._knows(address) else self._strangers).takes(now)
