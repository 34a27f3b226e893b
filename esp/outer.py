"""The outer header of a tunnel: what it takes from the packet inside, and what it gives back.

    field        on the way in                       on the way out
    DSCP         the inner one's, or a fixed one     dropped: the inner one stays
    ECN          copied (RFC 6040 normal mode)       combined with the inner one (figure 4)
    DF (IPv4)    copied, set or clear                dropped
    TTL          the system's, or a fixed one        dropped: the inner one's

The inner TTL is not touched here: packets come from a TUN device and go to one, so that the host
has forwarded them before and will after, and each time took one hop off (RFC 4301 section 5.1.2).
"""

from typing import Final

from esp.checksum import checksum, corrected, difference
from esp.header import V4
from esp.sa import Drop
from policy.treatment import DontFragment, Treatment

DF: Final = 0x100
"""Beside a TOS octet: the outer IPv4 header forbids fragments."""
_ECT0: Final = 2
_CE: Final = 3
_ECN: Final = 3
_DF: Final = 0x40


def tos_of(packet: bytes) -> int:
    """Return the type of service octet or traffic class of an IP packet: DSCP and ECN."""
    if packet[0] >> 4 == 6:
        return (packet[0] & 15) << 4 | packet[1] >> 4
    return packet[1]


def outer_tos(packet: bytes, dscp: int | None) -> int:
    """Return what the outer header says for ``packet``; ``dscp`` None: the inner code point.

    The ECN field is copied, congestion experienced included (RFC 6040 section 4.1).
    """
    tos = tos_of(packet)
    return tos if dscp is None else dscp << 2 | tos & _ECN


def outer_df(packet: bytes, df: DontFragment, mtu: int) -> bool:
    """Tell whether the outer IPv4 header forbids fragments (RFC 4301 section 8.1).

    ``mtu`` is the largest packet whose outer one fits the path.  What is larger, and was let
    through because it may be fragmented, goes in fragments of the outer packet: there it cannot be
    forbidden.  An IPv6 packet counts as one that may not be fragmented.
    """
    if df is DontFragment.CLEAR or len(packet) > mtu:
        return False
    return df is DontFragment.SET or packet[0] >> 4 == 6 or bool(packet[6] & _DF)


def never_changes(outer: int) -> bool:
    """Tell whether no inner packet at all is changed or dropped for this outer TOS octet.

    True of Not-ECT and ECT(0), which is all that most networks ever show: whole batches need no
    further look.
    """
    return not outer & 1


def is_plain(outer: int, head: bytes) -> bool:
    """Tell whether :func:`decapsulate` would give the packet back as it is.

    ``outer`` is the outer TOS octet or traffic class, ``head`` the packet or its first two octets.
    """
    if not outer & 1:
        return True
    ecn = head[1] >> 4 & _ECN if head[0] >> 4 == 6 else head[1] & _ECN
    if outer & _ECN == _CE:
        return ecn == _CE
    return ecn != _ECT0


def decapsulate(packet: bytes, outer: int) -> bytes:
    r"""Return the packet with the ECN field that inner and outer make together.

    RFC 6040 figure 4; ``outer`` is the outer TOS octet or traffic class:

        inner \ outer   Not-ECT   ECT(0)    ECT(1)    CE
        Not-ECT         Not-ECT   Not-ECT   Not-ECT   drop
        ECT(0)          ECT(0)    ECT(0)    ECT(1)    CE
        ECT(1)          ECT(1)    ECT(1)    ECT(1)    CE
        CE              CE        CE        CE        CE

    Raises ``Drop("ecn")``: who sent it could not be told of the congestion otherwise.
    """
    if is_plain(outer, packet):
        return packet
    tos = tos_of(packet)
    if not tos & _ECN:
        raise Drop("ecn")
    return with_tos(packet, tos & ~_ECN | outer & _ECN)


def with_tos(packet: bytes, tos: int) -> bytes:
    """Return an IP packet with another TOS octet or traffic class, its checksum corrected."""
    if packet[0] >> 4 == 6:
        return bytes((0x60 | tos >> 4, (tos & 15) << 4 | packet[1] & 15)) + packet[2:]
    head = bytes((packet[0], tos))
    fresh = corrected(packet[10:12], difference(packet[:2], head))
    return b"".join((head, packet[2:10], fresh, packet[12:]))


def with_header(packet: bytes, tos: int, ttl: int, *, df: bool) -> bytes:
    """Return an IPv4 packet without options made here, its header saying this; ``ttl`` 0: as is.

    For AH, which does not cover these fields (RFC 4302 section 3.3.3.1.1.1).
    """
    flags = packet[6] & ~_DF | _DF * df
    head = b"".join(
        (packet[:1], bytes((tos,)), packet[2:6], bytes((flags,)), packet[7:8],
         bytes((ttl or packet[8],)), packet[9:10], b"\0\0", packet[12:V4])
    )  # fmt: skip
    return b"".join((head[:10], checksum(head), head[12:], packet[V4:]))


def tfc_padded(packet: bytes, multiple: int, mtu: int) -> bytes:
    """Return a packet with octets behind it up to a multiple of so many, at most to ``mtu``.

    Traffic flow confidentiality (RFC 4303 section 2.7): who opens it takes the packet's length out
    of its IP header, so tunnel mode only.  0: no padding.
    """
    size = len(packet)
    if not multiple or size >= mtu:
        return packet
    return packet + bytes(min(-(-size // multiple) * multiple, mtu) - size)


def outer_header(packet: bytes, treatment: Treatment, mtu: int) -> int:
    """Return the outer TOS octet or traffic class, and :data:`DF` beside it where it is set."""
    tos = packet[1] if packet[0] < 0x60 else (packet[0] & 15) << 4 | packet[1] >> 4
    if treatment.dscp is not None:
        tos = treatment.dscp << 2 | tos & _ECN
    if treatment.df is not DontFragment.CLEAR and outer_df(packet, treatment.df, mtu):
        return tos | DF
    return tos
