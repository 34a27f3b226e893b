"""IKEv1 (RFC 2407-2409), without I/O: the room, not yet furnished."""
