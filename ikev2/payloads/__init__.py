"""Payload codecs, one a file (RFC 7296 section 3); :mod:`ikev2.payloads.chain` joins them."""
