"""NAT detection and what follows from it (RFC 3947; drafts 02 and 03 differ in numbers).

The two ends exchange hashes of addresses and ports: first that of the receiver's, then those of
the sender's.  Who finds a hash wrong knows of a NAT, and both go over to port 4500.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from ipaddress import ip_address
from typing import TypeAlias

from ikecore.child import Mode
from ikecore.entropy import Entropy
from ikev1.message import Message
from ikev1.payloads.natd import DraftNatDetection, NatDetection
from ikev1.vendors import NatVariant
from policy.path import Path

HashOf: TypeAlias = Callable[[bytes], bytes]
"""The negotiated hash."""


@dataclass(frozen=True, slots=True)
class Nat:
    """What is known of NATs on the way."""

    speaks: NatVariant | None = None
    here: bool = False
    there: bool = False

    @property
    def any(self) -> bool:
        """Return whether there is a NAT at all."""
        return self.here or self.there

    def encapsulation(self, mode: Mode) -> int:
        """Return the Encapsulation Mode attribute (RFC 2407 4.5, RFC 3947 section 5.1)."""
        transport = mode is Mode.TRANSPORT
        if not self.any:
            return 2 if transport else 1
        base = 61_443 if self.speaks is not None and self.speaks.is_draft else 3
        return base + transport

    def floated(self, path: Path, port: int) -> Path:
        """Return where IKE and ESP go from now on; ``port`` is NAT traversal's own.

        An end that came to 4500 by itself stays there.
        """
        if path.encapsulated or not self.any:
            return self.reached(path)
        return Path((path.local[0], port), (path.remote[0], port), encapsulated=True)

    def follows(self, old: Path, new: Path) -> bool:
        """Tell whether a peer that is heard on a new path is to be talked to there.

        A router that begins anew gives it other ports; another address only a NAT gives it: who
        carries an authentic message elsewhere must not have the traffic after it.  An end behind a
        NAT does not follow: its own mapping would be lost.
        """
        if new == old or self.here:
            return False
        return self.there or new.remote[0] == old.remote[0]

    def reached(self, path: Path) -> Path:
        """Return the way that the peer chose: on 4500 without a NAT, ESP goes as it is."""
        return replace(path, plain_esp=path.encapsulated and not self.any)


def detection_payloads(
    speaks: NatVariant | None,
    hash_of: HashOf,
    cookies: tuple[bytes, bytes],
    path: Path,
    entropy: Entropy,
    *,
    pretend: bool,
) -> tuple[NatDetection | DraftNatDetection, ...]:
    """Return the two payloads that let the peer find a NAT (section 3.2); none without traversal.

    ``pretend`` sends a hash of nothing as ours, so that the peer finds one: forced encapsulation.
    """
    if speaks is None:
        return ()
    kind = DraftNatDetection if speaks is not None and speaks.is_draft else NatDetection
    there = hash_of(_seed(cookies, path.remote))
    here = entropy.octets(len(there)) if pretend else hash_of(_seed(cookies, path.local))
    return kind(there), kind(here)


def judge(
    message: Message,
    speaks: NatVariant | None,
    hash_of: HashOf,
    cookies: tuple[bytes, bytes],
    path: Path,
) -> Nat:
    """Return what the peer's payloads say, held against where the datagram really came from."""
    kind = DraftNatDetection if speaks is not None and speaks.is_draft else NatDetection
    hashes = [payload.data for payload in message.all(kind)]
    if speaks is None or len(hashes) < 2:
        return Nat()
    here = hashes[0] != hash_of(_seed(cookies, path.local))
    there = hash_of(_seed(cookies, path.remote)) not in hashes[1:]
    return Nat(speaks, here, there)


def _seed(cookies: tuple[bytes, bytes], end: tuple[str, int]) -> bytes:
    return b"".join((*cookies, ip_address(end[0]).packed, end[1].to_bytes(2, "big")))
