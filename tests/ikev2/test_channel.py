import pytest

from ikecore.keywords import parse_proposal
from ikecore.proposals import Protocol, choose
from ikecore.wire import Malformed
from ikev2.channel import ClearChannel, SealedChannel
from ikev2.keys import derive_ike_keys
from ikev2.message import Exchange, Header, parse_header
from ikev2.payloads.nonce import Nonce
from ikev2.payloads.notify import Notify
from suites.sealers import IntegrityError

from .forger import Forger
from .network import Network

SAID = (Nonce(bytes(16)), Notify(16384))


@pytest.fixture(scope="module")
def net() -> Network:
    net = Network()
    net.initiate("moon")
    return net


def header(exchange: int) -> Header:
    return Header(b"initspi!", b"respspi!", exchange, 1, from_initiator=True, response=False)


def test_in_clear_only_ike_sa_init_passes() -> None:
    channel = ClearChannel()
    datagram = channel.seal(header(Exchange.IKE_SA_INIT), SAID)
    message = channel.open(datagram, parse_header(datagram))
    assert message.payloads == SAID
    assert not message.protected
    for exchange in (Exchange.IKE_AUTH, Exchange.INFORMATIONAL, 240):
        datagram = channel.seal(header(exchange), SAID)
        with pytest.raises(Malformed, match="in the clear"):
            channel.open(datagram, parse_header(datagram))


def test_what_one_end_seals_the_other_opens_and_nobody_reads(net: Network) -> None:
    forger = Forger(net, "moon", initiator=True)
    datagram = forger.say(9, Notify(4711, b"secret words"))
    assert b"secret words" not in datagram
    mirrored = Forger(net, "sun", initiator=False)
    message = mirrored.hear(datagram)
    assert message.protected
    assert message.payloads == (Notify(4711, b"secret words"),)


def test_a_message_does_not_open_under_the_senders_own_keys(net: Network) -> None:
    forger = Forger(net, "moon", initiator=True)
    with pytest.raises(IntegrityError):
        forger.hear(forger.say(9))


def test_sealing_the_same_twice_gives_other_octets() -> None:
    suite = parse_proposal("aes128gcm16-prfsha256-x25519", Protocol.IKE)
    settled = choose((suite,), (suite,))
    assert settled is not None
    nonces = (bytes(16), bytes(16))
    keys = derive_ike_keys(settled[0], b"shared", nonces, (b"i", b"r"), initiator=True)
    channel = SealedChannel(keys)
    again = {channel.seal(header(Exchange.INFORMATIONAL), SAID) for _ in range(3)}
    assert len(again) == 3
