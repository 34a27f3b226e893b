"""How an IKE SA's messages are put on the wire: in clear at first, then under its keys.

Handlers can only be given a :class:`~ikev2.message.Message`, and only a channel makes one: once
the keys are there, only after the integrity check.
"""

from typing import Final, Protocol

from ikecore.wire import Malformed
from ikev2.fragments import Reassembly, open_fragment, seal_within
from ikev2.keys import IkeKeys
from ikev2.message import (
    Header,
    Message,
    build_init,
    open_message,
    parse_init,
    seal_message,
)
from ikev2.payloads.chain import Payload
from ikev2.payloads.types import PayloadType
from suites.sealers import IntegrityError

_SKF: Final = int(PayloadType.SKF)


class Channel(Protocol):
    """Both directions of one IKE SA."""

    @property
    def fragments(self) -> bool:
        """Return whether both ends take fragments."""
        ...

    def seal(
        self, header: Header, payloads: tuple[Payload, ...], room: int = 0
    ) -> tuple[bytes, ...]:
        """Return the datagrams, in the order to send them.

        More than one only when ``room`` (the largest datagram in octets, 0: no bound) asks for it
        and the channel may fragment.
        """
        ...

    def open(self, datagram: bytes, header: Header, now: float) -> Message | None:
        """Return the message, or None while fragments of it are missing.

        The caller has made sure that the window waits for this message ID.  Raises Malformed,
        MalformedInside or IntegrityError.
        """
        ...

    def is_first_fragment(self, datagram: bytes, header: Header) -> bool:
        """Return whether this is an authentic fragment 1; it changes nothing.

        A request already answered may come again in other octets, cut smaller: on its fragment 1,
        and on no other, the answer is repeated (RFC 7383 section 2.6.1).
        """
        ...


class ClearChannel:
    """IKE_SA_INIT, before there are keys (RFC 7296 section 1.2): never in fragments."""

    fragments = False

    def seal(
        self,
        header: Header,
        payloads: tuple[Payload, ...],
        room: int = 0,  # noqa: ARG002 - the protocol's: nothing is cut here
    ) -> tuple[bytes, ...]:
        """Encode in clear."""
        return (build_init(header, payloads),)

    def open(
        self,
        datagram: bytes,
        header: Header,
        now: float,  # noqa: ARG002 - the protocol's: no fragment waits here
    ) -> Message:
        """Parse in clear; nothing but IKE_SA_INIT passes."""
        return parse_init(datagram, header)

    def is_first_fragment(
        self,
        datagram: bytes,  # noqa: ARG002 - the protocol's: in clear nothing is cut
        header: Header,  # noqa: ARG002 - the protocol's: in clear nothing is cut
    ) -> bool:
        """Return False: in clear there are none."""
        return False


class SealedChannel:
    """Everything after IKE_SA_INIT: one SK payload (section 3.14), or fragments (RFC 7383).

    ``fragments``: both ends said IKEV2_FRAGMENTATION_SUPPORTED.
    """

    __slots__ = ("_keys", "_sealed", "_waiting", "fragments")

    def __init__(self, keys: IkeKeys, *, fragments: bool = False) -> None:
        self._keys = keys
        self.fragments = fragments
        self._sealed = 0
        self._waiting = Reassembly()

    def seal(
        self, header: Header, payloads: tuple[Payload, ...], room: int = 0
    ) -> tuple[bytes, ...]:
        """Encode and encrypt; each datagram under a counter of its own."""
        outbound, counter = self._keys.outbound, self._sealed + 1
        if room and self.fragments:
            datagrams = seal_within(header, payloads, outbound, counter, room)
        else:
            datagrams = (seal_message(header, payloads, outbound, counter),)
        self._sealed += len(datagrams)
        return datagrams

    def open(self, datagram: bytes, header: Header, now: float) -> Message | None:
        """Check integrity, then decrypt, gather and parse."""
        self._waiting.expire(now)
        if header.first != _SKF:
            return open_message(datagram, header, self._keys.inbound)
        if not self.fragments:
            raise Malformed("a fragment, and no fragmentation was agreed on", 16)
        return self._waiting.add(open_fragment(datagram, header, self._keys.inbound), now)

    def is_first_fragment(self, datagram: bytes, header: Header) -> bool:
        """Check the ICV, then the number."""
        if header.first != _SKF or not self.fragments:
            return False
        try:
            return open_fragment(datagram, header, self._keys.inbound).number == 1
        except (Malformed, IntegrityError):
            return False
