"""An error told in clear, outside any SA or before it has keys (RFC 2409 section 5.7)."""

from ikecore.actions import Send
from ikev1.message import Exchange, Header, build_clear
from ikev1.payloads.notify import Notify
from ikev1.payloads.types import NotifyType
from policy.path import Path


def refusal(cookies: tuple[bytes, bytes], why: NotifyType, path: Path) -> Send:
    """Return the datagram: 40 octets, less than any message that it may answer."""
    header = Header(*cookies, Exchange.INFORMATIONAL, 0, encrypted=False)
    return Send(build_clear(header, (Notify(why),)), path)
