"""Key derivation and AUTH against exchanges of two strongSwan gateways (vectors/README.md)."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ikecore.keywords import parse_proposal
from ikecore.proposals import Protocol, Suite, choose
from ikecore.wire import Malformed
from ikev2.channel import SealedChannel
from ikev2.keys import IkeKeys, derive_child_keys, derive_ike_keys, is_auth_good, psk_auth
from ikev2.message import Message, parse_header, parse_init
from ikev2.payloads.auth import Authentication
from ikev2.payloads.delete import Delete
from ikev2.payloads.ident import IdInitiator, IdResponder
from ikev2.payloads.nonce import Nonce
from ikev2.payloads.sa import SecurityAssociation
from suites.sealers import IntegrityError
from suites.secret import Secret

FILES = sorted((Path(__file__).parent / "vectors").glob("*.json"))
IKE_NAMES = ("SK_d", "SK_ai", "SK_ar", "SK_ei", "SK_er", "SK_pi", "SK_pr")


@dataclass
class Recording:
    """One file: its octets, and what follows from the two messages in clear."""

    told: dict[str, Any]

    def __post_init__(self) -> None:
        self.datagrams = [bytes.fromhex(text) for text in self.told["datagrams"]]
        self.keys = {name: bytes.fromhex(text) for name, text in self.told["keys"].items()}
        request, response = (parse_init(d, parse_header(d)) for d in self.datagrams[:2])
        self.nonces = (nonce(request), nonce(response))
        self.spis = (response.header.initiator_spi, response.header.responder_spi)
        self.ike = self.chosen("ike", Protocol.IKE, response)

    def chosen(self, which: str, protocol: Protocol, message: Message) -> Suite:
        ours = parse_proposal(self.told[which], protocol)
        answer = message.one(SecurityAssociation)
        assert answer is not None
        found = choose((ours,), answer.proposals)
        assert found is not None
        return found[0]

    def derive(self, *, initiator: bool) -> IkeKeys:
        shared = self.keys["shared"]
        return derive_ike_keys(self.ike, shared, self.nonces, self.spis, initiator=initiator)

    def opened(self) -> list[Message]:
        """Return the sealed messages, each opened by the end that received it."""
        ends = {
            sent_by_initiator: SealedChannel(self.derive(initiator=not sent_by_initiator))
            for sent_by_initiator in (True, False)
        }
        found = []
        for datagram in self.datagrams[2:]:
            header = parse_header(datagram)
            message = ends[header.from_initiator].open(datagram, header, 0.0)
            assert message is not None
            found.append(message)
        return found


def nonce(message: Message) -> bytes:
    payload = message.one(Nonce)
    assert payload is not None
    return payload.data


@pytest.fixture(params=FILES, ids=lambda path: path.stem)
def recording(request: pytest.FixtureRequest) -> Recording:
    return Recording(json.loads(request.param.read_text()))


def test_the_recordings_are_there() -> None:
    assert len(FILES) == 3


def test_every_key_is_the_one_that_both_gateways_derived(recording: Recording) -> None:
    named = dict(recording.derive(initiator=True).named)
    assert tuple(named) == IKE_NAMES
    assert {name: named[name].reveal() for name in IKE_NAMES} == {
        name: recording.keys[name] for name in IKE_NAMES
    }


def test_an_sa_keeps_only_what_it_needs_for_life(recording: Recording) -> None:
    keys = recording.derive(initiator=True)
    kept = keys.kept()
    assert (kept.sending, kept.receiving, kept.derive) == (
        keys.sending,
        keys.receiving,
        keys.derive,
    )
    assert not kept.named
    assert not kept.auth_i.reveal()
    assert not kept.auth_r.reveal()


def test_skeyseed_is_the_prf_of_nonces_and_shared_secret(recording: Recording) -> None:
    prf = recording.derive(initiator=True).prf
    seed = b"".join(recording.nonces)
    assert prf.digest(seed, recording.keys["shared"]) == recording.keys["SKEYSEED"]


def test_both_ends_open_what_the_other_sealed(recording: Recording) -> None:
    messages = recording.opened()
    assert len(messages) == 6
    assert all(message.protected for message in messages)
    assert messages[0].one(IdInitiator) is not None
    assert any(message.one(Delete) is not None for message in messages)


def test_auth_of_both_ends_proves_the_psk(recording: Recording) -> None:
    asked, answered = recording.opened()[:2]
    ends = (
        (asked.one(IdInitiator), asked.one(Authentication), 0, True),
        (answered.one(IdResponder), answered.one(Authentication), 1, False),
    )
    for identity, auth, at, initiator in ends:
        assert identity is not None
        assert auth is not None
        said, peers_nonce = recording.datagrams[at], recording.nonces[1 - at]
        for psk, good in ((recording.told["psk"], True), ("labsecreT", False)):
            expected = psk_auth(
                recording.derive(initiator=True),
                Secret(psk.encode()),
                said,
                peers_nonce,
                identity.body(),
                initiator=initiator,
            )
            assert is_auth_good(expected, auth.data) is good


def test_child_keys_are_the_ones_that_both_gateways_derived(recording: Recording) -> None:
    answered = recording.opened()[1]
    suite = recording.chosen("esp", Protocol.ESP, answered)
    keys = recording.derive(initiator=True)
    back, there = derive_child_keys(keys, suite, recording.nonces, initiator=True)
    for half, way in ((there, "i"), (back, "r")):
        assert half.encr.reveal() == recording.keys[f"child_encr_{way}"]
        assert half.integ.reveal() == recording.keys[f"child_integ_{way}"]
    assert derive_child_keys(keys, suite, recording.nonces, initiator=False) == (there, back)


def test_no_octet_of_a_recorded_message_can_be_changed(recording: Recording) -> None:
    datagram = recording.datagrams[-1]
    end = SealedChannel(recording.derive(initiator=True))
    header = parse_header(datagram)
    message = end.open(datagram, header, 0.0)
    assert message is not None
    assert message.protected
    for at in range(len(datagram)):
        forged = bytearray(datagram)
        forged[at] ^= 0x10
        with pytest.raises((IntegrityError, Malformed)):
            end.open(bytes(forged), header, 0.0)


def test_a_suite_without_prf_makes_no_ike_keys(recording: Recording) -> None:
    suite = Suite(Protocol.ESP, recording.ike.encr, recording.ike.integ)
    with pytest.raises(ValueError, match="PRF"):
        derive_ike_keys(suite, b"", recording.nonces, recording.spis, initiator=True)
