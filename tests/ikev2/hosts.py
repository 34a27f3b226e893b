"""The two ends of a :class:`~tests.ikev2.network.Network`: who they are and what they draw on."""

from dataclasses import replace

from ikecore.identities import Identity
from ikecore.keywords import parse_proposal
from ikecore.profile import ChildProfile, Profile
from ikecore.proposals import Protocol
from tests.pair.hosts import ADDRESS, MOON, NETS, SUN, Dice, Host, WatchedPool, selectors
from tests.pair.wire import OTHER

__all__ = [
    "ADDRESS",
    "MOON",
    "NETS",
    "SUN",
    "Dice",
    "Host",
    "WatchedPool",
    "profile",
    "selectors",
]


def profile(
    local: str = "moon",
    ike: tuple[str, ...] = ("aes128gcm16-prfsha256-x25519",),
    esp: tuple[str, ...] = ("aes128gcm16",),
    **changes: object,
) -> Profile:
    """Return the connection between moon's and sun's networks as ``local`` sees it."""
    remote = OTHER[local]
    made = Profile(
        name="net",
        local_id=Identity.parse(f"{local}.lab"),
        remote_id=Identity.parse(f"{remote}.lab"),
        ike_proposals=tuple(parse_proposal(p, Protocol.IKE) for p in ike),
        esp_proposals=tuple(parse_proposal(p, Protocol.ESP) for p in esp),
        children=(ChildProfile(selectors(NETS[local]), selectors(NETS[remote])),),
        remote=frozenset((ADDRESS[remote],)),
    )
    if "local_ts" in changes or "remote_ts" in changes:  # of the one child
        one = {key: changes.pop(key) for key in ("local_ts", "remote_ts") if key in changes}
        changes["children"] = (replace(made.children[0], **one),)  # type: ignore[arg-type]
    return replace(made, **changes)  # type: ignore[arg-type]  # a test names the fields
