"""A refusal in clear is short."""

from ikev1.message import Exchange, parse_clear, parse_header
from ikev1.payloads.types import NotifyType
from ikev1.refusal import refusal
from policy.path import Path

PATH = Path(("192.0.2.1", 500), ("192.0.2.2", 500))


def test_it_is_an_informational_of_forty_octets() -> None:
    sent = refusal((b"initcook", bytes(8)), NotifyType.NO_PROPOSAL_CHOSEN, PATH)
    header = parse_header(sent.data)
    message = parse_clear(sent.data, header)
    assert (len(sent.data), sent.path) == (40, PATH)
    assert header.exchange == Exchange.INFORMATIONAL
    assert message.notify(NotifyType.NO_PROPOSAL_CHOSEN) is not None
