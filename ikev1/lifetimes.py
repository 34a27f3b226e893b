"""RESPONDER-LIFETIME: the peer's word for how long an SA lives (RFC 2407 section 4.6.3.1)."""

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from ikecore.share import soft_share
from ikecore.wire import Malformed, Reader
from ikev1.payloads.attributes import parse_attributes
from ikev1.payloads.notify import Notify
from ikev1.payloads.types import ProtocolId
from ikev1.proposals import Life, read
from ikev1.registry import Phase1, Phase2

if TYPE_CHECKING:
    from ikev1.sa import IkeSa

_NUMBERS: Final = {  # of an ISAKMP SA some peers take phase 1's numbers, some the DOI's
    Phase1.LIFE_TYPE.value: Phase2.LIFE_TYPE.value,
    Phase1.LIFE_DURATION.value: Phase2.LIFE_DURATION.value,
}
_LEAST: Final = 60.0  # seconds: who says less shall not make us negotiate without end


def told_life(notify: Notify) -> Life:
    """Return what a RESPONDER-LIFETIME says; nothing of one that makes no sense."""
    try:
        attributes = parse_attributes(Reader(notify.data))
    except Malformed:
        return Life()
    if notify.protocol == ProtocolId.ISAKMP:
        attributes = tuple(replace(a, type=_NUMBERS.get(a.type, a.type)) for a in attributes)
    found = read(attributes, (), Phase2.LIFE_TYPE, Phase2.LIFE_DURATION)
    return Life() if found is None else found.life


def heed_lifetime(sa: "IkeSa", notify: Notify) -> None:
    """End the ISAKMP SA, and make the next one, no later than the peer says."""
    is_ours = notify.protocol == ProtocolId.ISAKMP and notify.spi in (b"", b"".join(sa.spis))
    seconds = told_life(notify).seconds
    if not is_ours or not seconds:
        return
    lifetime = max(_LEAST, float(seconds))
    sa.lifetime = min(sa.lifetime, lifetime) if sa.lifetime > 0 else lifetime
    share = soft_share(sa.resources.entropy, early=sa.initiator)
    sa.lifetime_ends_at = min(sa.lifetime_ends_at, sa.established_at + lifetime)
    sa.rekey_at = min(sa.rekey_at, sa.established_at + lifetime * share)
