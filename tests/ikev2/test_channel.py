import json
from pathlib import Path

import pytest

from ikecore.keywords import parse_proposal
from ikecore.proposals import Protocol, choose
from ikecore.wire import Malformed
from ikev2.channel import Channel, ClearChannel, SealedChannel
from ikev2.fragments import PATIENCE
from ikev2.keys import IkeKeys, derive_ike_keys
from ikev2.message import Exchange, Header, Message, parse_header
from ikev2.payloads.auth import Authentication
from ikev2.payloads.chain import Payload
from ikev2.payloads.delete import Delete
from ikev2.payloads.ident import IdInitiator, IdResponder
from ikev2.payloads.nonce import Nonce
from ikev2.payloads.notify import Notify
from suites.sealers import IntegrityError

from .test_keys import Recording

SAID = (Nonce(bytes(16)), Notify(16384))
MUCH = tuple(Notify(40000 + n, bytes(300)) for n in range(8))
RECORDED = sorted((Path(__file__).parent / "vectors" / "fragments").glob("*.json"))
SUITES = (
    "aes128gcm16-prfsha256-x25519",
    "chacha20poly1305-prfsha256-x25519",
    "aes128-sha1-x25519",
    "aes256-sha512-x25519",
    "3des-md5-x25519",
)


def keys(suite: str = SUITES[0], *, initiator: bool) -> IkeKeys:
    offer = parse_proposal(suite, Protocol.IKE)
    settled = choose((offer,), (offer,))
    assert settled is not None
    nonces = (bytes(16), bytes(16))
    return derive_ike_keys(settled[0], b"shared", nonces, (b"i", b"r"), initiator=initiator)


def ends(suite: str = SUITES[0], *, fragments: bool = True) -> tuple[SealedChannel, SealedChannel]:
    """Return both ends' channels, the initiator's first."""
    mine, theirs = keys(suite, initiator=True), keys(suite, initiator=False)
    return SealedChannel(mine, fragments=fragments), SealedChannel(theirs, fragments=fragments)


def header(exchange: int = Exchange.INFORMATIONAL, message_id: int = 1) -> Header:
    return Header(b"initspi!", b"respspi!", exchange, message_id, True, False)


def opened(channel: Channel, datagram: bytes, now: float = 0.0) -> Message | None:
    return channel.open(datagram, parse_header(datagram), now)


def payloads(channel: Channel, datagram: bytes, now: float = 0.0) -> tuple[Payload, ...] | None:
    message = opened(channel, datagram, now)
    return None if message is None else message.payloads


def test_in_clear_only_ike_sa_init_passes() -> None:
    channel = ClearChannel()
    (datagram,) = channel.seal(header(Exchange.IKE_SA_INIT), SAID, 0)
    message = opened(channel, datagram)
    assert message is not None
    assert message.payloads == SAID
    assert not message.protected
    for exchange in (Exchange.IKE_AUTH, Exchange.INFORMATIONAL, 240):
        (datagram,) = channel.seal(header(exchange), SAID, 0)
        with pytest.raises(Malformed, match="in the clear"):
            opened(channel, datagram)


def test_in_clear_nothing_is_cut() -> None:
    channel = ClearChannel()
    (datagram,) = channel.seal(header(Exchange.IKE_SA_INIT), MUCH, 548)
    assert payloads(channel, datagram) == MUCH
    cut = ends()[0].seal(header(), MUCH, 548)[0]
    assert not channel.is_first_fragment(cut, parse_header(cut))
    with pytest.raises(Malformed, match="in the clear"):
        opened(channel, cut)


def test_what_one_end_seals_the_other_opens_and_nobody_reads() -> None:
    moon, sun = ends()
    for speaker, listener in ((moon, sun), (sun, moon)):
        (datagram,) = speaker.seal(header(), (Notify(4711, b"secret words"),), 0)
        assert b"secret words" not in datagram
        message = opened(listener, datagram)
        assert message is not None
        assert message.protected
        assert message.payloads == (Notify(4711, b"secret words"),)


def test_a_message_does_not_open_under_the_senders_own_keys() -> None:
    moon, _ = ends()
    for datagram in (*moon.seal(header(), SAID, 0), *moon.seal(header(), MUCH, 548)):
        with pytest.raises(IntegrityError):
            opened(moon, datagram)


def test_nothing_is_ever_sealed_under_one_counter_twice() -> None:
    moon, _ = ends()
    datagrams: list[bytes] = []
    for room in (0, 548, 0, 548, 400, 0):
        datagrams += moon.seal(header(), MUCH, room)
        datagrams += moon.seal(header(), SAID, room)
    ivs = [d[32:40] if d[16] == 46 else d[36:44] for d in datagrams]
    assert len(datagrams) > 20
    assert ivs == [counter.to_bytes(8, "big") for counter in range(1, len(ivs) + 1)]


# -- fragments ------------------------------------------------------------------------------------
@pytest.mark.parametrize("suite", SUITES)
@pytest.mark.parametrize("room", [1252, 548])
def test_what_is_too_large_for_the_room_is_cut_and_gathered(suite: str, room: int) -> None:
    moon, sun = ends(suite)
    datagrams = moon.seal(header(), MUCH, room)
    assert len(datagrams) > 1
    assert max(map(len, datagrams)) <= room
    assert [opened(sun, datagram) for datagram in datagrams[1:]] == [None] * (len(datagrams) - 1)
    message = opened(sun, datagrams[0])
    assert message is not None
    assert message.payloads == MUCH
    assert (message.raw, message.fragments) == (datagrams[0], datagrams)


def test_what_fits_is_not_cut() -> None:
    moon, sun = ends()
    (datagram,) = moon.seal(header(), SAID, 548)
    message = opened(sun, datagram)
    assert message is not None
    assert (message.header.first, message.fragments) == (46, ())


def test_without_the_peers_word_nothing_is_cut_and_no_fragment_taken() -> None:
    """A fragment that was not agreed on is refused before anything is decrypted."""
    plain, _ = ends(fragments=False)
    assert len(plain.seal(header(), MUCH, 548)) == 1
    moon, sun = ends()[0], ends(fragments=False)[1]
    for datagram in moon.seal(header(), MUCH, 548):
        with pytest.raises(Malformed, match="no fragmentation was agreed on"):
            opened(sun, datagram)
        assert not sun.is_first_fragment(datagram, parse_header(datagram))


def test_a_fragment_lost_comes_with_the_next_repeat() -> None:
    moon, sun = ends()
    datagrams = moon.seal(header(), MUCH, 548)
    assert all(opened(sun, datagram) is None for datagram in datagrams[:-1])
    assert all(opened(sun, datagram, 2.0) is None for datagram in datagrams[:-1])
    assert payloads(sun, datagrams[-1], 2.0) == MUCH


def test_a_repeat_cut_smaller_is_gathered_anew() -> None:
    moon, sun = ends()
    coarse, fine = (moon.seal(header(), MUCH, room) for room in (1252, 548))
    assert opened(sun, coarse[0]) is None
    assert all(opened(sun, datagram) is None for datagram in fine[:-1])
    assert opened(sun, coarse[1]) is None  # late
    assert payloads(sun, fine[-1]) == MUCH


def test_a_repeat_in_one_piece_overtakes_its_fragments() -> None:
    moon, sun = ends()
    assert opened(sun, moon.seal(header(), MUCH, 548)[0]) is None
    assert payloads(sun, moon.seal(header(), MUCH, 0)[0]) == MUCH


def test_any_message_of_the_peer_sweeps_out_what_it_never_finished() -> None:
    moon, sun = ends()
    datagrams = moon.seal(header(), MUCH, 548)
    for datagram in datagrams[:-1]:
        opened(sun, datagram, 10.0)
    assert payloads(sun, moon.seal(header(message_id=2), SAID, 0)[0], 10.0 + PATIENCE) == SAID
    assert opened(sun, datagrams[-1], 10.0) is None  # the others are gone


def test_only_an_authentic_first_fragment_calls_for_the_answer_once_more() -> None:
    moon, sun = ends()
    one, two, *_ = moon.seal(header(), MUCH, 548)
    whole = moon.seal(header(), MUCH, 0)[0]
    forged = one[:-1] + bytes((one[-1] ^ 1,))
    cut = one[:24] + (34).to_bytes(4, "big") + one[28:34]
    heard = [
        sun.is_first_fragment(datagram, parse_header(datagram))
        for datagram in (one, one, two, whole, forged, cut)
    ]
    assert heard == [True, True, False, False, False, False]
    assert opened(sun, one) is None  # it was not taken: it is not here twice


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: path.stem)
def test_the_fragments_of_two_strongswans_are_gathered(path: Path) -> None:
    recording = Recording(json.loads(path.read_text()))
    listeners = {
        sent_by_initiator: SealedChannel(
            recording.derive(initiator=not sent_by_initiator), fragments=True
        )
        for sent_by_initiator in (True, False)
    }
    messages = []
    for datagram in recording.datagrams[2:]:
        sent_by_initiator = parse_header(datagram).from_initiator
        message = opened(listeners[sent_by_initiator], datagram)
        if message is not None:
            messages.append(message)
    asked, answered = messages[:2]
    assert asked.one(IdInitiator) is not None
    assert answered.one(IdResponder) is not None
    for message in (asked, answered):
        assert message.one(Authentication) is not None
        assert len(message.fragments) > 1
        assert max(map(len, message.fragments)) <= 250 - 20 - 8 - 4
    assert all(message.fragments == () for message in messages[2:])
    assert messages[-2].one(Delete) is not None
    missing = len(asked.fragments) + len(answered.fragments) - 2
    assert len(messages) + missing == len(recording.datagrams) - 2


def test_we_cut_in_cbc_where_a_strongswan_cuts() -> None:
    (path,) = (path for path in RECORDED if path.stem.startswith("aes256-"))
    recording = Recording(json.loads(path.read_text()))
    ours = SealedChannel(recording.derive(initiator=True), fragments=True)
    theirs = SealedChannel(recording.derive(initiator=False), fragments=True)
    heard = (opened(theirs, datagram) for datagram in recording.datagrams[2:])
    asked = next(message for message in heard if message is not None)
    cut = ours.seal(asked.header, asked.payloads, 250 - 20 - 8 - 4)
    assert len(cut) == 3
    assert [d[:36] for d in cut] == [d[:36] for d in asked.fragments]
    assert [len(d) for d in cut] == [len(d) for d in asked.fragments]


def test_the_recordings_are_there() -> None:
    assert len(RECORDED) == 2
