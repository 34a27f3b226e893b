"""Where a peer is: the two ends of the outer packets (RFC 4301 section 4.4.2.1, tunnel header)."""

from dataclasses import dataclass, field, replace


@dataclass(frozen=True, slots=True)
class Path:
    """The two ends of a datagram: (address, UDP port) each.

    ``encapsulated`` means port 4500's framing: IKE behind a non-ESP marker, ESP in UDP (RFC 3948).
    Without it ESP travels as IP protocol 50 and the ports speak only of IKE.  ``plain_esp`` is
    IKE on port 4500 with ESP as protocol 50 all the same: MOBIKE's way where there is no NAT
    (RFC 4555 section 3.3).  A datagram does not show it, so it is no part of what is compared.
    """

    local: tuple[str, int]
    remote: tuple[str, int]
    encapsulated: bool = False
    plain_esp: bool = field(default=False, compare=False)

    @property
    def esp_in_udp(self) -> bool:
        """Return whether ESP goes in UDP; IKE's marker follows ``encapsulated``."""
        return self.encapsulated and not self.plain_esp

    @property
    def reversed(self) -> "Path":
        """Return the same path as the other end sees it."""
        return replace(self, local=self.remote, remote=self.local)

    def over(self, ends: "Path") -> "Path":
        """Return the ends of another path, ESP going as on this one: a datagram does not tell."""
        return replace(ends, plain_esp=self.plain_esp)
