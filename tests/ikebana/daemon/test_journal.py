"""The log's memory: how long it is, and what is not kept in it."""

import sys
from dataclasses import replace

from ikebana.control.view import Level
from ikebana.daemon.journal import Journal
from ikecore.proposals import choose
from ikecore.trace import KeysDerived, MessageTraced
from policy.path import Path
from suites.secret import Secret
from tests.ikev2.network import MOON, SUN, profile

OFFER = profile().ike_proposals
CHOSEN = choose(OFFER, OFFER)
PATH = Path((SUN, 500), (MOON, 500))


def message(octets: int) -> MessageTraced:
    return MessageTraced(
        "net", b"8 octets", False, "IKE_AUTH", False, 1, ("IDi",), bytes(octets), PATH
    )


def test_a_message_is_told_when_the_log_is_read_however_long_it_was() -> None:
    journal = Journal(lambda: 1.0)
    for octets in (100, 16_000):
        journal.trace(message(octets))
    short, long = journal.lines("net")
    assert short == replace(long, text=short.text)
    assert short.level is Level.DEBUG
    assert "16000 octets" in long.text


def test_a_strangers_long_message_is_not_kept_beyond_its_line() -> None:
    journal = Journal(lambda: 1.0)
    record = message(16_000)
    before = sys.getrefcount(record)
    journal.trace(record)
    assert sys.getrefcount(record) == before


def test_keys_are_not_kept_beyond_their_sa() -> None:
    assert CHOSEN is not None
    journal = Journal(lambda: 1.0)
    record = KeysDerived("net", bytes(8), bytes(8), CHOSEN[0], (("SK_d", Secret(b"0" * 32)),))
    before = sys.getrefcount(record)
    journal.trace(record)
    assert sys.getrefcount(record) == before
    (line,) = journal.lines(None)
    assert "keys derived" in line.text


def test_the_oldest_lines_are_forgotten() -> None:
    journal = Journal(lambda: 1.0)
    for number in range(6000):
        journal.write(Level.INFO, (f"line {number}",))
    kept = journal.lines(None)
    assert (len(kept), kept[0].text, kept[-1].text) == (5000, "line 1000", "line 5999")
