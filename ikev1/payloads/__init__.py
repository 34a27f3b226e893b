"""The payloads of IKEv1, one file each (RFC 2408 section 3)."""
