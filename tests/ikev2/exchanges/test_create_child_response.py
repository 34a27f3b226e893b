"""CREATE_CHILD_SA answered: new children, renewed ones, and what is refused with which words."""

from dataclasses import replace

import pytest

from ikecore.actions import (
    ChildClosed,
    ChildEstablished,
    Failed,
    InstallChild,
    RetireChild,
    Send,
    UseChild,
)
from ikecore.child import Mode
from ikecore.diagnosis import Code
from ikecore.events import ChildCloseWanted, ChildWanted
from ikecore.proposals import Protocol
from ikev2.message import Exchange
from ikev2.payloads.chain import build_chain
from ikev2.payloads.ke import KeyExchangeData
from ikev2.payloads.notify import Notify
from ikev2.payloads.sa import SecurityAssociation
from ikev2.payloads.ts import SelectorsInitiator, SelectorsResponder
from ikev2.payloads.types import NotifyType
from suites.kex import GROUP_BY_NAME
from suites.modp import oakley_prime
from tests.ikev2.asking import child_request, ike_request, instead, kinds, renewal, spec_of, tunnel
from tests.ikev2.forger import Forger
from tests.ikev2.network import OTHER, Network, only, profile, selectors
from tests.ikev2.races.scene import ask, connect_with_one_of_two, quiet, rekey, second
from tests.ikev2.wire import request

BOTH = pytest.mark.parametrize("who", ["moon", "sun"])
CREATE = Exchange.CREATE_CHILD_SA
NO_PROPOSAL = Notify(NotifyType.NO_PROPOSAL_CHOSEN)
NOT_FOUND = NotifyType.CHILD_SA_NOT_FOUND


# -- new children ---------------------------------------------------------------------------------
@BOTH
def test_the_child_is_in_the_worker_before_the_answer_leaves_and_sends_at_once(who: str) -> None:
    net = connect_with_one_of_two("moon")
    start = len(net.hosts[OTHER[who]].log)
    net.tell(who, ChildWanted(net.up(who)[0], second(who)))
    net.settle()
    # CREATE_CHILD_SA { SA Ni TSi TSr } ──►
    #                                   ◄── CREATE_CHILD_SA { SA Nr TSi TSr }
    log = [type(action) for action in net.hosts[OTHER[who]].log[start:]]
    assert log.index(InstallChild) < log.index(Send) < log.index(ChildEstablished)
    made = net.seen(ChildEstablished, OTHER[who])[-1]
    assert (made.child, made.replaces, made.narrowed) == (second(OTHER[who]), 0, False)
    assert not net.hosts[OTHER[who]].children[made.inbound_spi].standby
    net.assert_mirrored()


def test_an_answer_says_no_more_than_it_must() -> None:
    net = tunnel()
    answer = ask(net, "moon", CREATE, *child_request())
    assert kinds(answer) == [
        "SecurityAssociation", "Nonce", "SelectorsInitiator", "SelectorsResponder",
    ]  # fmt: skip


def test_narrowing_is_told() -> None:
    net = tunnel()
    wide = SelectorsInitiator(selectors("10.0.0.0/8"))
    said = instead(child_request(), wide)
    answer = ask(net, "moon", CREATE, *said)
    assert Notify(NotifyType.ADDITIONAL_TS_POSSIBLE) in answer
    assert SelectorsInitiator(selectors("10.1.0.0/24")) in answer


def test_a_child_at_the_limit_is_refused_and_a_renewed_one_is_not() -> None:
    net = tunnel()
    moon = Forger(net, "moon", initiator=True)
    for number in range(2, 513):
        request = child_request(spi=0xC0000000 + number)
        net.inject("sun", moon.say(number, *request, exchange=CREATE))
    assert len(net.hosts["sun"].children) == 512
    (sent,) = only(
        Send, net.inject("sun", moon.say(513, *child_request(spi=0xD0000000), exchange=CREATE))
    )
    assert moon.hear(sent.data).payloads == (Notify(NotifyType.NO_ADDITIONAL_SAS),)
    spi = spec_of(net, "moon").inbound_spi.to_bytes(4, "big")
    old = Notify(NotifyType.REKEY_SA, b"", Protocol.ESP, spi)
    (sent,) = only(Send, net.inject("sun", moon.say(514, *child_request(old), exchange=CREATE)))
    assert moon.hear(sent.data).notify(NotifyType.NO_ADDITIONAL_SAS) is None
    assert len(net.hosts["sun"].children) == 513


@BOTH
def test_what_does_not_fit_is_refused_and_told(who: str) -> None:
    net = tunnel()
    other = OTHER[who]
    assert ask(net, who, CREATE, *child_request(esp=("aes256gcm16",), name=who)) == (NO_PROPOSAL,)
    (failed,) = net.seen(Failed, other)
    assert failed.child == net.hosts[other].profile.children[0]
    assert (failed.diagnosis.stage, failed.diagnosis.code) == (2, Code.ESP_PROPOSAL_MISMATCH)
    strange = SelectorsResponder(selectors("10.99.0.0/24"))
    said = instead(child_request(name=who), strange)
    assert ask(net, who, CREATE, *said) == (Notify(NotifyType.TS_UNACCEPTABLE),)
    assert net.codes(other)[-1] == Code.TS_MISMATCH
    net.assert_connected()


def test_compression_is_declined_by_not_speaking_of_it() -> None:
    net = tunnel()
    compress = Notify(NotifyType.IPCOMP_SUPPORTED, b"\x12\x34\x02")
    answer = ask(net, "moon", CREATE, *child_request(compress))
    assert "SecurityAssociation" in kinds(answer)
    assert not any(isinstance(payload, Notify) for payload in answer)


@pytest.mark.parametrize(
    ("mode", "wish", "answered"),
    [
        (Mode.TUNNEL, False, "tunnel"),
        (Mode.TUNNEL, True, "tunnel"),  # declined: the initiator may then delete it (1.3.1)
        (Mode.TRANSPORT, True, "transport"),
        (Mode.TRANSPORT, False, "refused"),
    ],
)
def test_transport_mode_takes_two(mode: Mode, wish: bool, answered: str) -> None:
    net = tunnel(mode=mode)
    wishes = (Notify(NotifyType.USE_TRANSPORT_MODE),) if wish else ()
    answer = ask(net, "moon", CREATE, *child_request(*wishes))
    said = Notify(NotifyType.USE_TRANSPORT_MODE) in answer
    assert said == (answered == "transport")
    assert (NO_PROPOSAL in answer) == (answered == "refused")
    if answered == "refused":
        assert net.codes("sun") == [Code.ENCAPSULATION_MISMATCH]
    else:
        assert net.seen(InstallChild, "sun")[-1].spec.mode is mode


# -- keys of its own ------------------------------------------------------------------------------
def test_a_key_exchange_of_its_own_is_answered_with_one() -> None:
    net = tunnel(esp=("aes128gcm16-x25519",))
    kex = GROUP_BY_NAME["x25519"].generate()
    key = (kex.group.iana, kex.public)
    answer = ask(net, "moon", CREATE, *child_request(esp=("aes128gcm16-x25519",), key=key))
    (data,) = [payload for payload in answer if isinstance(payload, KeyExchangeData)]
    assert (data.group, len(data.data)) == (31, 32)


@pytest.mark.parametrize("given", ["none", "not offered"])
def test_our_group_is_asked_for_when_the_peer_sent_none_of_ours(given: str) -> None:
    net = tunnel(esp=("aes128gcm16-x25519-ecp256",))
    kex = GROUP_BY_NAME["modp2048"].generate()
    key = None if given == "none" else (kex.group.iana, kex.public)
    said = child_request(esp=("aes128gcm16-x25519-ecp256",), key=key)
    answer = ask(net, "moon", CREATE, *said)
    assert answer == (Notify(NotifyType.INVALID_KE_PAYLOAD, (31).to_bytes(2, "big")),)
    net.assert_connected()


PRIME = oakley_prime(2048)
BAD = {
    "x25519 of zero": ("x25519", bytes(32)),
    "x25519 of one": ("x25519", b"\1" + bytes(31)),
    "x25519 too short": ("x25519", bytes(31)),
    "ecp256 off the curve": ("ecp256", b"\1" * 64),
    "ecp256 at infinity": ("ecp256", bytes(64)),
    "modp2048 of 0": ("modp2048", bytes(256)),
    "modp2048 of 1": ("modp2048", bytes(255) + b"\1"),
    "modp2048 of p-1": ("modp2048", (PRIME - 1).to_bytes(256, "big")),  # of order 2
    "modp2048 of p": ("modp2048", PRIME.to_bytes(256, "big")),
    "modp2048 beyond p": ("modp2048", b"\xff" * 256),
    "modp2048 too short": ("modp2048", b"\2" * 255),
    "nothing": ("x25519", b""),
}


@pytest.mark.parametrize(("group", "public"), BAD.values(), ids=BAD.keys())
@pytest.mark.parametrize("renews", [False, True])
def test_a_bad_public_value_makes_nothing(group: str, public: bytes, renews: bool) -> None:
    esp = f"aes128gcm16-{group}"
    net = tunnel(esp=(esp,))
    old = (renewal(net, "moon"),) if renews else ()
    said = child_request(*old, esp=(esp,), key=(GROUP_BY_NAME[group].iana, public))
    assert ask(net, "moon", CREATE, *said) == (Notify(NotifyType.INVALID_SYNTAX),)
    assert len(net.seen(InstallChild, "sun")) == 1
    net.assert_connected()  # SPIs are not owed either


# -- renewed children -----------------------------------------------------------------------------
@BOTH
def test_a_renewed_child_waits_with_sending_until_the_peer_is_heard_on_it(who: str) -> None:
    net = tunnel()
    other = OTHER[who]
    old = spec_of(net, other).inbound_spi
    net.lose_when(request(who, Exchange.INFORMATIONAL), 1)  # the Delete of the old one
    rekey(net, who)
    net.sleep(0.05)
    (_, new) = net.seen(InstallChild, other)
    assert new.spec.standby
    made = net.seen(ChildEstablished, other)[-1]
    assert (made.replaces, made.why) == (old, "the peer renewed it")
    assert net.seen(UseChild, other) == []
    net.sleep(5)  # the Delete came
    assert [action.spi for action in net.seen(UseChild, other)] == [new.spec.inbound_spi]
    assert [action.spi for action in net.seen(RetireChild, other)] == [old]
    net.sleep(3)
    net.assert_connected()


@pytest.mark.parametrize("protocol", [0, 1, Protocol.AH, 4, 255])
@BOTH
def test_a_rekey_of_another_protocol_is_not_found_and_can_be_answered(
    who: str, protocol: int
) -> None:
    """libreswan CVE-2023-38710: such a number made an answer that could not be built."""
    net = tunnel()
    spi = spec_of(net, who).inbound_spi.to_bytes(4, "big")
    (answer,) = ask(
        net, who, CREATE, *child_request(Notify(NotifyType.REKEY_SA, b"", protocol, spi), name=who)
    )
    known = protocol == Protocol.AH
    assert answer == Notify(NOT_FOUND, b"", protocol if known else 0, spi if known else b"")
    net.assert_connected()


@pytest.mark.parametrize(
    "spi", [b"", b"\1", bytes(4), b"\xff" * 4, bytes(8), b"\xee" * 8, b"\7" * 255]
)
def test_a_rekey_with_an_odd_spi_is_not_found(spi: bytes) -> None:
    net = tunnel()
    (answer,) = ask(net, "moon", CREATE, *child_request(Notify(NotifyType.REKEY_SA, b"", 3, spi)))
    known = len(spi) == 4
    assert answer == Notify(NOT_FOUND, b"", 3 if known else 0, spi if known else b"")
    build_chain((answer,))
    net.assert_connected()


def test_a_child_is_named_by_the_spi_of_who_asks() -> None:
    net = tunnel()
    wrong = spec_of(net, "moon").outbound_spi.to_bytes(4, "big")
    (answer,) = ask(net, "moon", CREATE, *child_request(Notify(NotifyType.REKEY_SA, b"", 3, wrong)))
    assert answer == Notify(NOT_FOUND, b"", 3, wrong)
    net.assert_connected()


def test_a_child_that_is_being_deleted_is_not_renewed() -> None:
    net = tunnel()
    old = renewal(net, "moon")
    moon = Forger(net, "moon", initiator=True)
    net.lose_when(request("sun", Exchange.INFORMATIONAL), 1)
    rekey(net, "sun")  # and its Delete of the old child does not come
    net.settle()
    (sent,) = only(Send, net.inject("sun", moon.say(2, *child_request(old), exchange=CREATE)))
    assert moon.hear(sent.data).payloads == (Notify(NotifyType.TEMPORARY_FAILURE),)


def test_a_child_that_the_operator_deleted_is_not_found() -> None:
    net = tunnel()
    old = renewal(net, "moon")
    moon = Forger(net, "moon", initiator=True)
    net.lose_when(request("sun", Exchange.INFORMATIONAL), 1)
    net.tell("sun", ChildCloseWanted(spec_of(net, "sun").inbound_spi))
    (sent,) = only(Send, net.inject("sun", moon.say(2, *child_request(old), exchange=CREATE)))
    assert moon.hear(sent.data).payloads == (Notify(NOT_FOUND, b"", 3, old.spi),)


def test_a_renewed_child_keeps_its_selectors_however_much_is_asked() -> None:
    net = Network(quiet("moon", local_ts=selectors("10.1.0.0/28")), quiet("sun"))
    net.initiate("moon")
    answer = ask(
        net, "moon", CREATE, *child_request(renewal(net, "moon"))
    )  # of the whole 10.1.0.0/24
    assert SelectorsInitiator(selectors("10.1.0.0/28")) in answer
    assert Notify(NotifyType.ADDITIONAL_TS_POSSIBLE) in answer


def test_a_renewed_child_keeps_its_algorithms_against_our_order() -> None:
    both = ("aes256gcm16", "aes128gcm16")
    net = Network(quiet("moon", esp=("aes128gcm16",)), quiet("sun", esp=both))
    net.initiate("moon")
    made = profile("moon", esp=both).esp_proposals
    offer = SecurityAssociation(
        tuple(replace(p, spi=b"\xc0\0\0\1", number=n) for n, p in enumerate(made, 1))
    )
    said = instead(child_request(renewal(net, "moon")), offer)
    (answer,) = [p for p in ask(net, "moon", CREATE, *said) if isinstance(p, SecurityAssociation)]
    assert [p.number for p in answer.proposals] == [2]


def test_nothing_is_renewed_with_an_offer_that_does_not_fit() -> None:
    net = tunnel()
    assert ask(net, "moon", CREATE, *child_request(renewal(net, "moon"), esp=("aes256gcm16",))) == (
        NO_PROPOSAL,
    )
    assert net.seen(ChildClosed, "sun") == []
    net.assert_connected()


# -- who may ask ----------------------------------------------------------------------------------
@pytest.mark.parametrize("renews", [False, True])
def test_a_half_open_ike_sa_makes_no_child(renews: bool) -> None:
    """strongSwan CVE-2014-2338: a rekey before authentication made an authenticated SA."""
    net = Network()
    net.lose = lambda _: len(net.wire) > 2  # the IKE_AUTH request does not arrive
    net.initiate("moon")
    net.lose = lambda _: False
    moon = Forger(net, "moon", initiator=True)
    heir = ike_request()
    said = heir if renews else child_request()
    for number in (1, 2):
        assert only(Send, net.inject("sun", moon.say(number, *said, exchange=CREATE))) == []
    assert net.drops("sun") == ["unexpected_request", "message_id"]
    assert net.up("sun") == []
    assert net.seen(InstallChild, "sun") == []
