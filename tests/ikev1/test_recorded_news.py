"""A real peer's probes and Deletes, replayed to an SA of ours that has its keys."""

from pathlib import Path

import pytest

from ikecore.actions import Action, Closed, Dropped, Reason, RemoveChild, Send
from ikev1.channel import SealedChannel
from ikev1.keys import phase2_iv
from ikev1.message import Exchange, open_message, parse_header
from ikev1.payloads.chain import Payload
from ikev1.payloads.hash import Hash
from ikev1.sa import IkeSa
from ikev1.state import State

from .alone import PATH
from .recorded import FILES, Recording
from .test_vectors import Opened, Reading
from .told import add_child, up

(DPD,) = (path for path in FILES if path.stem == "main-pfs-dpd")


@pytest.fixture(scope="module")
def reading() -> Reading:
    return Reading(Recording(Path(DPD)))


def news(reading: Reading, sender: str) -> list[Opened]:
    """Return the INFORMATIONALs that one end said."""
    told = [one for one in reading.opened if one.message.header.exchange == Exchange.INFORMATIONAL]
    return [one for one in told if one.said.sender == sender]


def last_block(reading: Reading) -> bytes:
    phase1 = [one for one in reading.opened if one.message.header.message_id == 0]
    return phase1[-1].said.raw[-reading.suite.encr.iv :]


def take_part(reading: Reading, part: str) -> IkeSa:
    """Return an SA of ours in the place of one end, once phase 1 is over."""
    sa = up()
    sa.initiator = part == "initiator"
    sa.spis = reading.recording.cookies
    sa.sa = sa.spis[0] if sa.initiator else sa.spis[1]
    sa.keys, sa.suite = reading.keys, reading.suite
    sa.channel = SealedChannel(sa.keys)
    sa.last_block = last_block(reading)
    return sa


def replay(sa: IkeSa, one: Opened) -> list[Action]:
    return sa.handle_datagram(parse_header(one.said.raw), one.said.raw, PATH, 1.0)


def read(sa: IkeSa, sent: Send) -> tuple[Payload, ...]:
    """Return what we say, without the HASH, which is ours."""
    header = parse_header(sent.data)
    iv = phase2_iv(sa.keys, sa.last_block, header.message_id)
    message, _ = open_message(sent.data, header, sa.keys.cipher, iv)
    assert isinstance(message.payloads[0], Hash)
    return message.payloads[1:]


def test_we_answer_strongswans_probes_as_strongswan_does(reading: Reading) -> None:
    sa = take_part(reading, "initiator")
    answers = news(reading, "initiator")
    for asked, answer in zip(news(reading, "responder"), answers, strict=False):
        (sent,) = (one for one in replay(sa, asked) if isinstance(one, Send))
        assert read(sa, sent) == answer.message.payloads[1:]
    again = replay(sa, news(reading, "responder")[0])
    assert [one.reason for one in again if isinstance(one, Dropped)] == ["message_id"]


def test_strongswans_good_bye_ends_the_child_and_then_the_sa(reading: Reading) -> None:
    sa = take_part(reading, "responder")
    *_, child, end = news(reading, "initiator")
    add_child(sa, 0x1001, int.from_bytes(reading.recording.children[0].spi_i, "big"))
    assert RemoveChild(0x1001) in replay(sa, child)
    assert sa.state is State.ESTABLISHED
    assert replay(sa, end)[-1] == Closed(sa.sa, "net", False, Reason.PEER_DELETED)
