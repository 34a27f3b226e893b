"""What makes a child in the packet path of the daemon's order."""

from typing import Final

from esp.child import ChildSa
from esp.limit import NEVER, Limit
from esp.sa import InboundSa, OutboundSa
from ikebana.worker.messages import Install
from ikecore.child import Mode
from policy.mtu import transport_mtu, tunnel_mtu
from suites.encr import ENCR_BY_NAME, sealer
from suites.integ import INTEG_BY_NAME
from suites.sealers import Sealer

NEAR_END: Final = (1 << 32) - (1 << 24)
"""Packets after which a child without extended sequence numbers is told to be near its end."""


def child_of(message: Install, near_end: int = NEAR_END) -> ChildSa:
    """Return the SAs that a message describes; raise KeyError or ValueError if it cannot be."""
    encr = ENCR_BY_NAME[message.encr]
    integ = INTEG_BY_NAME[message.integ] if message.integ else None
    if not (0 < message.inbound_spi < 1 << 32 and 0 < message.outbound_spi < 1 << 32):
        raise ValueError("an SPI has four octets and is not 0")  # RFC 4303 section 2.1

    def make(key: bytes, mac: bytes) -> Sealer:
        return sealer(encr, key, integ, mac)

    inbound = InboundSa(
        message.inbound_spi, make(message.inbound_encr, message.inbound_integ), esn=message.esn
    )
    outbound = OutboundSa(
        message.outbound_spi, make(message.outbound_encr, message.outbound_integ), esn=message.esn
    )
    icv = integ.icv if integ is not None else encr.icv
    version = 6 if ":" in message.path.local[0] else 4
    mtu = tunnel_mtu(message.path_mtu, version, message.path.encapsulated, encr.iv, icv, encr.block)
    is_transport = message.mode is Mode.TRANSPORT
    return ChildSa(
        message.tunnel,
        outbound,
        inbound,
        message.path,
        message.local_ts,
        message.remote_ts,
        transport_mtu(mtu, version) if is_transport else mtu,
        transport=is_transport,
        original=message.original,
        soft=Limit(
            message.soft_octets or NEVER,
            min(message.soft_packets or NEVER, NEVER if message.esn else near_end),
        ),
        hard=Limit(message.hard_octets or NEVER, message.hard_packets or NEVER),
    )
