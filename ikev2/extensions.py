"""What the two ends tell each other they can do beside RFC 7296, and for how long they trust."""

from typing import Final

from ikecore.profile import Childless, Profile
from ikev2.message import Message
from ikev2.mobike import supported_payloads, take_support
from ikev2.payloads.notify import Notify
from ikev2.payloads.types import NotifyType
from ikev2.sa import IkeSa
from ikev2.window import WIDEST

_FRAGMENTS: Final = Notify(NotifyType.IKEV2_FRAGMENTATION_SUPPORTED)
_LIFETIME: Final = 4  # octets, of seconds (RFC 4478 section 3)


def offered_in_init(profile: Profile) -> tuple[Notify, ...]:
    """Return what our IKE_SA_INIT request says: that we take fragments (RFC 7383)."""
    return (_FRAGMENTS,) if profile.fragmentation else ()


def answered_in_init(profile: Profile, request: Message) -> tuple[Notify, ...]:
    """Return what our answer says: fragments to who takes them, and childless too (RFC 6023)."""
    fragments = (_FRAGMENTS,) if can_fragment(profile, request) else ()
    if profile.childless is Childless.NEVER:
        return fragments
    return (*fragments, Notify(NotifyType.CHILDLESS_IKEV2_SUPPORTED))


def can_fragment(profile: Profile, message: Message) -> bool:
    """Tell whether both ends take fragments, by the peer's IKE_SA_INIT message."""
    theirs = message.notify(NotifyType.IKEV2_FRAGMENTATION_SUPPORTED) is not None
    return profile.fragmentation and theirs


def goes_childless(profile: Profile, message: Message) -> bool:
    """Tell whether IKE_AUTH makes no child, by the responder's IKE_SA_INIT message."""
    theirs = message.notify(NotifyType.CHILDLESS_IKEV2_SUPPORTED) is not None
    return profile.childless is Childless.PREFER and theirs


def auth_notifies(sa: IkeSa) -> tuple[Notify, ...]:
    """Return what IKE_AUTH says: our window (section 2.3), as responder the trust's end (4478)."""
    found: list[Notify] = []
    if sa.profile.window > 1:
        sa.responses.size = sa.profile.window
        found.append(Notify(NotifyType.SET_WINDOW_SIZE, sa.profile.window.to_bytes(4, "big")))
    if not sa.initiator and sa.profile.auth_lifetime > 0:
        seconds = int(sa.profile.auth_lifetime).to_bytes(_LIFETIME, "big")
        found.append(Notify(NotifyType.AUTH_LIFETIME, seconds))
    return (*found, *supported_payloads(sa))


def take_notifies(sa: IkeSa, message: Message, now: float) -> None:
    """Heed the peer's window and, as its initiator, for how long it trusts us."""
    window = message.notify(NotifyType.SET_WINDOW_SIZE)
    if window is not None and len(window.data) == 4:
        size = int.from_bytes(window.data, "big")
        sa.requests.size = max(sa.requests.size, min(size, WIDEST))
    take_support(sa, message)
    heed_lifetime(sa, message, now)


def heed_lifetime(sa: IkeSa, message: Message, now: float) -> None:
    """Authenticate anew before the peer's trust ends; it may say so again at any time (4478)."""
    lifetime = message.notify(NotifyType.AUTH_LIFETIME)
    if lifetime is not None and sa.mobility.decides and len(lifetime.data) == _LIFETIME:
        seconds = int.from_bytes(lifetime.data, "big")
        sa.reauth_at = min(sa.reauth_at, now + max(_LEAST, seconds * _SOFT, seconds - _MARGIN))


_SOFT: Final = 0.9
_MARGIN: Final = 60.0  # seconds that are enough to authenticate anew, however long the trust
_LEAST: Final = 5.0  # seconds: a peer that says 0 shall not make us start without end
