"""NAT detection payloads, made and judged (RFC 7296 section 2.23)."""

from dataclasses import dataclass

from ikecore.entropy import Entropy
from ikecore.natd import detection_hash
from ikev2.message import Message
from ikev2.payloads.notify import Notify
from ikev2.payloads.types import NotifyType
from policy.path import Path


@dataclass(frozen=True, slots=True)
class NatFound:
    """Which end sits behind a NAT; ``told`` is False when the peer said nothing of it."""

    told: bool
    here: bool
    there: bool

    @property
    def any(self) -> bool:
        """Return whether there is a NAT at all."""
        return self.here or self.there


def detection_payloads(
    spis: tuple[bytes, bytes], path: Path, entropy: Entropy, *, pretend: bool
) -> tuple[Notify, Notify]:
    """Return the two notifies that let the peer find a NAT.

    ``pretend`` sends a source hash of nothing, so that the peer finds one: forced encapsulation.
    """
    source = entropy.octets(20) if pretend else detection_hash(*spis, *path.local)
    target = detection_hash(*spis, *path.remote)
    return (
        Notify(NotifyType.NAT_DETECTION_SOURCE_IP, source),
        Notify(NotifyType.NAT_DETECTION_DESTINATION_IP, target),
    )


def judge(message: Message, spis: tuple[bytes, bytes], path: Path) -> NatFound:
    """Return what the peer's notifies say, held against where the datagram really came from."""
    sources = {n.data for n in message.all(Notify) if n.type == NotifyType.NAT_DETECTION_SOURCE_IP}
    target = message.notify(NotifyType.NAT_DETECTION_DESTINATION_IP)
    if not sources or target is None:
        return NatFound(told=False, here=False, there=False)
    return NatFound(
        told=True,
        here=target.data != detection_hash(*spis, *path.local),
        there=detection_hash(*spis, *path.remote) not in sources,
    )
