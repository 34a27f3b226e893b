"""NAT detection (RFC 7296 section 2.23; the hash of RFC 3947 section 3.2 differs)."""

import hashlib
from functools import lru_cache
from ipaddress import ip_address


def detection_hash(initiator_spi: bytes, responder_spi: bytes, address: str, port: int) -> bytes:
    """Return SHA-1 of SPIs, address (4 or 16 octets) and port: 20 octets.

    The SPIs are those of the message's header: in an IKE_SA_INIT request the responder's is zero.
    Raises ValueError when ``address`` is none.
    """
    octets = initiator_spi + responder_spi + _packed(address) + port.to_bytes(2, "big")
    return hashlib.sha1(octets, usedforsecurity=False).digest()


@lru_cache(maxsize=1024)  # a handshake asks four times for the same two addresses
def _packed(address: str) -> bytes:
    return ip_address(address).packed
