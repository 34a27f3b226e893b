"""Where a peer is: the two ends of the outer packets (RFC 4301 section 4.4.2.1, tunnel header)."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Path:
    """The two ends of a datagram: (address, UDP port) each.

    ``encapsulated`` means port 4500's framing: IKE behind a non-ESP marker, ESP in UDP (RFC 3948).
    Without it ESP travels as IP protocol 50 and the ports speak only of IKE.
    """

    local: tuple[str, int]
    remote: tuple[str, int]
    encapsulated: bool = False

    @property
    def reversed(self) -> "Path":
        """Return the same path as the other end sees it."""
        return Path(self.remote, self.local, self.encapsulated)
