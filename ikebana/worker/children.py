"""What makes a child in the packet path of the daemon's order."""

from typing import Final

from esp.ah import AhInbound, AhOutbound
from esp.child import ChildSa
from esp.limit import NEVER, Limit
from esp.sa import InboundHalf, InboundSa, OutboundHalf, OutboundSa
from ikebana.worker.messages import Install, Ipsec
from ikecore.child import Mode
from policy.mtu import Overhead
from suites.encr import ENCR_BY_NAME, sealer
from suites.integ import INTEG_BY_NAME
from suites.sealers import Sealer

NEAR_END: Final = (1 << 32) - (1 << 24)
"""Packets after which a child without extended sequence numbers is told to be near its end."""


def child_of(message: Install, near_end: int = NEAR_END) -> ChildSa:
    """Return the SAs that a message describes; raise KeyError or ValueError if it cannot be."""
    if not (0 < message.inbound_spi < 1 << 32 and 0 < message.outbound_spi < 1 << 32):
        raise ValueError("an SPI has four octets and is not 0")  # RFC 4303 section 2.1
    version = 6 if ":" in message.path.local[0] else 4
    make = _ah if message.protocol is Ipsec.AH else _esp
    outbound, inbound = make(message)
    return ChildSa(
        message.tunnel,
        outbound,
        inbound,
        message.path,
        message.local_ts,
        message.remote_ts,
        overhead_of(message).largest(message.path_mtu, version, message.path.esp_in_udp),
        transport=message.mode is Mode.TRANSPORT,
        original=message.original,
        later_fragments=message.later_fragments,
        treatment=message.treatment,
        soft=Limit(
            message.soft_octets or NEVER,
            min(message.soft_packets or NEVER, NEVER if message.esn else near_end),
        ),
        hard=Limit(message.hard_octets or NEVER, message.hard_packets or NEVER),
    )


def overhead_of(message: Install) -> Overhead:
    """Return what the transform adds to a packet; KeyError when it is none."""
    integ = INTEG_BY_NAME[message.integ] if message.integ else None
    is_transport = message.mode is Mode.TRANSPORT
    if message.protocol is Ipsec.AH:
        return Overhead(0, integ.icv if integ is not None else 0, 1, True, is_transport)
    encr = ENCR_BY_NAME[message.encr]
    icv = integ.icv if integ is not None else encr.icv
    return Overhead(encr.iv, icv, encr.block, False, is_transport)


def _esp(message: Install) -> tuple[OutboundHalf, InboundHalf]:
    encr = ENCR_BY_NAME[message.encr]
    integ = INTEG_BY_NAME[message.integ] if message.integ else None

    def make(key: bytes, mac: bytes) -> Sealer:
        return sealer(encr, key, integ, mac)

    inbound = InboundSa(
        message.inbound_spi,
        make(message.inbound_encr, message.inbound_integ),
        esn=message.esn,
        window=message.treatment.replay_window,
    )
    outbound = OutboundSa(
        message.outbound_spi, make(message.outbound_encr, message.outbound_integ), esn=message.esn
    )
    return outbound, inbound


def _ah(message: Install) -> tuple[OutboundHalf, InboundHalf]:
    if message.encr or message.inbound_encr or message.outbound_encr:
        raise ValueError("AH hides nothing")
    if message.path.esp_in_udp:
        raise ValueError("no NAT lets AH pass")  # RFC 3715 section 2.1
    integ = INTEG_BY_NAME[message.integ]
    inbound = AhInbound(
        message.inbound_spi,
        integ.for_ah(message.inbound_integ),
        esn=message.esn,
        window=message.treatment.replay_window,
    )
    outbound = AhOutbound(
        message.outbound_spi,
        integ.for_ah(message.outbound_integ),
        message.path,
        esn=message.esn,
    )
    return outbound, inbound
