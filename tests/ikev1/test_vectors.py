"""The recordings (vectors/README.md) through our own eyes: each message, key, HASH and IV."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import pytest

from ikecore.keywords import parse_proposal
from ikecore.proposals import Protocol, Suite, choose
from ikev1 import keys as ours
from ikev1.fragments import Reassembly
from ikev1.keys import Keys1
from ikev1.message import (
    Exchange,
    Message,
    open_message,
    parse_clear,
    parse_header,
    seal_hashed,
    seal_message,
)
from ikev1.payloads.hash import Hash
from ikev1.payloads.ident import Identification
from ikev1.payloads.ke import KeyExchangeData
from ikev1.payloads.nonce import Nonce
from ikev1.payloads.sa import SecurityAssociation
from ikev1.rules import Place, check
from suites.secret import Secret

from .recorded import FILES, Child, Recording, Said

PHASE_1: Final = (Exchange.MAIN, Exchange.AGGRESSIVE)
PLACES: Final = {
    Exchange.MAIN: (Place.MM1, Place.MM2, Place.MM3, Place.MM4, Place.MM5, Place.MM6),
    Exchange.AGGRESSIVE: (Place.AM1, Place.AM2, Place.AM3),
    Exchange.QUICK: (Place.QM1, Place.QM2, Place.QM3),
    Exchange.INFORMATIONAL: (Place.INFORMATIONAL,),
    Exchange.TRANSACTION: (Place.TRANSACTION, Place.TRANSACTION),
}


@dataclass(frozen=True)
class Opened:
    """A message as we read it, the IV it was read with, and those before it in its exchange."""

    said: Said
    message: Message
    iv: bytes
    before: tuple[Message, ...]


class Reading:
    """One recording, read from its first message to its last with keys of our own making."""

    def __init__(self, recording: Recording) -> None:
        self.recording = recording
        clear = [read_clear(one) for one in recording.messages if not one.is_encrypted]
        first, second = (
            next(one for one in clear if one.header.responder_cookie.strip(b"\0") == cookie)
            for cookie in (b"", recording.cookies[1])
        )
        offered = first.one(SecurityAssociation)
        assert offered is not None
        self.sa_body = first.body_of(SecurityAssociation)
        self.publics = pair(clear, KeyExchangeData)
        self.nonces = pair(clear, Nonce)
        self.suite = suite(recording.ike, Protocol.IKE)
        assert second.one(SecurityAssociation) is not None
        self.keys: Keys1 = ours.derive(
            self.suite, Secret(recording.psk), self.nonces, recording.keys["shared"],
            recording.cookies, self.publics,
        )  # fmt: skip
        self.opened = list(self._open())

    def _open(self) -> Iterator[Opened]:
        ivs: dict[int, bytes] = {0: self.keys.iv}
        exchanges: dict[int, list[Message]] = {}
        cipher = self.keys.cipher
        last = b""
        for said in self.recording.messages:
            header = parse_header(said.raw)
            before = exchanges.setdefault(header.message_id, [])
            if header.encrypted:
                start = ivs.get(header.message_id) or ours.phase2_iv(
                    self.keys, last, header.message_id
                )
                message, after = open_message(said.raw, header, cipher, start)
                ivs[header.message_id] = after
                if header.exchange in PHASE_1:
                    last = after
            else:
                start, message = b"", parse_clear(said.raw, header)
            yield Opened(said, message, start, tuple(before))
            before.append(message)


def suite(text: str, protocol: Protocol) -> Suite:
    proposal = parse_proposal(text, protocol)
    found = choose((proposal,), (proposal,))
    assert found is not None
    return found[0]


def read_clear(said: Said) -> Message:
    return parse_clear(said.raw, parse_header(said.raw))


def pair(messages: list[Message], kind: type[KeyExchangeData] | type[Nonce]) -> tuple[bytes, bytes]:
    one, other = (found.data for x in messages if (found := x.one(kind)) is not None)
    return one, other


@pytest.fixture(params=FILES, ids=lambda path: path.stem)
def reading(request: pytest.FixtureRequest) -> Reading:
    return Reading(Recording(request.param))


def test_every_key_is_the_one_that_both_gateways_derived(reading: Reading) -> None:
    told = dict(reading.recording.keys)
    assert reading.keys.iv == told.pop("IV")
    assert told.pop("shared")
    assert {name: key.reveal() for name, key in reading.keys.named} == told


def test_every_message_is_opened_with_the_iv_that_the_gateways_had(reading: Reading) -> None:
    for one in reading.opened:
        assert one.message.header.encrypted == one.said.is_encrypted
        assert one.iv == one.said.iv
        assert not one.message.protected


def test_every_message_keeps_the_rules_of_its_place(reading: Reading) -> None:
    for one in reading.opened:
        check(one.message, PLACES[Exchange(one.message.header.exchange)][len(one.before)])


def test_every_hash_is_the_one_that_came(reading: Reading) -> None:
    for one in reading.opened:
        found = one.message.one(Hash)
        assert (found.data if found else b"") == one.said.hash
        if found is not None:
            assert ours.is_hash_good(expected(reading, one), found.data)


def expected(reading: Reading, one: Opened) -> bytes:
    """Return the HASH that this message has to hold."""
    keys, message_id, rest = reading.keys, one.message.header.message_id, one.message.after_first
    match one.message.header.exchange:
        case Exchange.MAIN | Exchange.AGGRESSIVE:
            sent = [x.message for x in reading.opened if x.said.sender == one.said.sender]
            identity = next(x.body_of(Identification) for x in sent if x.one(Identification))
            make = ours.hash_i if one.said.sender == "initiator" else ours.hash_r
            cookies = reading.recording.cookies
            return make(keys, reading.publics, cookies, reading.sa_body, identity)
        case Exchange.QUICK:
            nonces = [found.data for x in one.before if (found := x.one(Nonce)) is not None]
            match nonces:
                case []:
                    return ours.quick_hash1(keys, message_id, rest)
                case [nonce]:
                    return ours.quick_hash2(keys, message_id, nonce, rest)
            return ours.quick_hash3(keys, message_id, (nonces[0], nonces[1]))
    return ours.informational_hash(keys, message_id, rest)


def test_every_message_sealed_again_says_the_same(reading: Reading) -> None:
    """Octet for octet, but for the padding: the gateways add a block to whole ones."""
    cipher = reading.keys.cipher
    for one in reading.opened:
        if not one.said.is_encrypted:
            continue
        header, payloads = one.message.header, one.message.payloads
        sealed = [seal_message(header, payloads, cipher, one.iv)[0]]
        if isinstance(payloads[0], Hash):
            make = {one.message.after_first: one.said.hash}
            sealed.append(seal_hashed(header, make.__getitem__, payloads[1:], cipher, one.iv)[0])
        for again in sealed:
            found, _ = open_message(again, parse_header(again), cipher, one.iv)
            assert found.content == one.message.content


def test_every_child_has_the_keys_that_both_gateways_derived(reading: Reading) -> None:
    child_suite = suite(reading.recording.esp, Protocol.ESP)
    for child in reading.recording.children:
        nonces = quick_nonces(reading, child)
        spis = (int.from_bytes(child.spi_i), int.from_bytes(child.spi_r))
        inbound, outbound = ours.child_keys(reading.keys, child_suite, spis, nonces, child.shared)
        for keys, keymat in ((inbound, child.keymat_i), (outbound, child.keymat_r)):
            assert keys.encr.reveal() + keys.integ.reveal() == keymat


def test_fragments_are_put_together_in_any_order() -> None:
    recording = Recording(next(path for path in FILES if path.stem == "main-fragments"))
    gathered = 0
    for said in recording.messages:
        parts = said.datagrams
        if len(parts) == 1:
            continue
        for order in (parts, parts[::-1]):
            buffer = Reassembly()
            found = [buffer.add(parse_header(one), one, 0.0) for one in order]
            assert found == [None] * (len(parts) - 1) + [said.raw]
        gathered += 1
    assert gathered >= 4


def quick_nonces(reading: Reading, child: Child) -> tuple[bytes, bytes]:
    found = [x.message for x in reading.opened if x.message.header.message_id == child.message_id]
    return pair(found, Nonce)
