"""NAT detection (RFC 7296 section 2.23; the hash of RFC 3947 section 3.2 differs)."""

import hashlib
from ipaddress import ip_address


def detection_hash(initiator_spi: bytes, responder_spi: bytes, address: str, port: int) -> bytes:
    """Return SHA-1 of SPIs, address (4 or 16 octets) and port: 20 octets.

    The SPIs are those of the message's header: in an IKE_SA_INIT request the responder's is zero.
    Raises ValueError when ``address`` is none.
    """
    octets = initiator_spi + responder_spi + ip_address(address).packed + port.to_bytes(2, "big")
    return hashlib.sha1(octets, usedforsecurity=False).digest()
