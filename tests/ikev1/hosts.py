"""The two ends of a :class:`~tests.ikev1.network.Network`: what they want of each other."""

from dataclasses import replace

from ikecore.identities import Identity
from ikecore.keywords import parse_proposal
from ikecore.profile import ChildProfile, IkeVersion, LegacyTerms, Phase1Mode, Profile
from ikecore.proposals import Protocol
from tests.pair.hosts import ADDRESS, NETS, selectors
from tests.pair.wire import OTHER

AGGRESSIVE = LegacyTerms(Phase1Mode.AGGRESSIVE, allow_aggressive_psk=True)


def profile(
    local: str = "moon",
    ike: tuple[str, ...] = ("aes128-sha256-modp2048",),
    esp: tuple[str, ...] = ("aes128-sha256",),
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
        version=IkeVersion.IKEV1,
    )
    return replace(made, **changes)  # type: ignore[arg-type]  # a test names the fields


def quiet(name: str, **changes: object) -> Profile:
    """Return a profile in which nothing happens by itself."""
    calm: dict[str, object] = {"dpd": False, "ike_lifetime": 0.0, "child_lifetime": 0.0}
    return profile(name, **{**calm, **changes})  # type: ignore[arg-type]  # fields by name
