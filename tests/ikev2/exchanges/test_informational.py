"""INFORMATIONAL: probes and deletes, asked and answered; CREATE_CHILD_SA, refused."""

import pytest

from ikecore.actions import ChildClosed, Closed, Reason, RemoveChild, Send
from ikecore.diagnosis import Code
from ikecore.events import CloseWanted, ProbeWanted
from ikecore.proposals import Protocol
from ikev2.message import Exchange
from ikev2.payloads.chain import Payload
from ikev2.payloads.delete import Delete
from ikev2.payloads.ke import KeyExchangeData
from ikev2.payloads.nonce import Nonce
from ikev2.payloads.notify import Notify
from ikev2.payloads.sa import SecurityAssociation
from ikev2.payloads.ts import SelectorsInitiator, SelectorsResponder
from ikev2.payloads.types import NotifyType
from tests.ikev2.forger import Forger
from tests.ikev2.network import MOON, OTHER, Network, only, profile, selectors

BOTH = pytest.mark.parametrize("who", ["moon", "sun"])


@pytest.fixture
def net() -> Network:
    net = Network()
    net.initiate("moon")
    return net


def forger(net: Network, who: str) -> Forger:
    """Return a forger who speaks as ``who``; moon initiated."""
    return Forger(net, who, initiator=who == "moon")


def first_id(who: str) -> int:
    """Return the next message ID that ``who`` would use: moon has used 0 and 1."""
    return 2 if who == "moon" else 0


def said(net: Network, listener: str, datagram: bytes) -> tuple[Payload, ...]:
    """Let ``listener`` receive a request; return the payloads of its one answer."""
    (sent,) = [send for send in only(Send, net.inject(listener, datagram)) if send.data[19] & 0x20]
    return forger(net, OTHER[listener]).hear(sent.data).payloads


@BOTH
def test_a_probe_is_answered_with_nothing(net: Network, who: str) -> None:
    # INFORMATIONAL {} ──►
    # ◄── INFORMATIONAL {}
    net.tell(who, ProbeWanted(net.up(who)[0]))
    net.settle()
    number = first_id(who)
    assert net.story(who)[-2:] == [f"> INFORMATIONAL {number}", f"< INFORMATIONAL {number}"]
    net.assert_connected()


def test_probes_do_not_pile_up(net: Network) -> None:
    for _ in range(50):
        net.tell("moon", ProbeWanted(net.up("moon")[0]))
    net.settle()
    assert len([line for line in net.story("moon") if "> INFO" in line]) == 1


def test_a_probe_of_an_sa_that_is_not_up_yet_is_not_sent() -> None:
    net = Network()
    net.hosts["moon"].answers_authorize = False
    net.initiate("moon", settle=False)
    net.tell("moon", ProbeWanted(net.wire[0].data[:8]))
    net.settle()
    assert [line for line in net.story("moon") if "INFO" in line] == []


@BOTH
def test_a_delete_ends_both_ends(net: Network, who: str) -> None:
    # INFORMATIONAL { D(IKE) } ──►
    # ◄── INFORMATIONAL {}
    net.tell(who, CloseWanted(net.up(who)[0]))
    assert net.hosts[who].children == {}  # not a packet more once it is decided
    net.settle()
    assert net.seen(Closed, who)[0].reason is Reason.DELETED
    assert net.seen(Closed, OTHER[who])[0].reason is Reason.PEER_DELETED
    assert net.story(who)[-2].endswith("D(IKE)")
    net.assert_gone()


def test_deletes_that_cross_end_both_ends(net: Network) -> None:
    for who in ("moon", "sun"):
        net.tell(who, CloseWanted(net.up(who)[0]))
    net.settle()
    for who in ("moon", "sun"):
        assert len(net.seen(Closed, who)) == 1
    net.assert_gone()


def test_the_answer_to_a_delete_is_repeated_after_the_end(net: Network) -> None:
    lost: list[Send] = []

    def lose(send: Send) -> bool:
        if send.path.local[0] != MOON and not lost:
            lost.append(send)
            return True
        return False

    net.lose = lose
    net.tell("moon", CloseWanted(net.up("moon")[0]))
    net.sleep(5)
    assert net.seen(Closed, "moon")[0].reason is Reason.DELETED
    assert [send for send in net.wire if send == lost[0]] == [lost[0]] * 2
    net.assert_gone()


def test_a_delete_nobody_answers_ends_soon_all_the_same(net: Network) -> None:
    net.lose = lambda _: True
    net.tell("moon", CloseWanted(net.up("moon")[0]))
    net.sleep(2.9)
    assert net.seen(Closed, "moon") == []
    net.sleep(0.2)
    assert net.seen(Closed, "moon")[0].reason is Reason.DELETED
    assert net.codes("moon") == []


def test_a_delete_waits_for_the_request_before_it(net: Network) -> None:
    # INFORMATIONAL 2 {} ──► lost: a Delete with ID 3 would be outside of the peer's window
    net.lose = lambda _: True
    net.tell("moon", ProbeWanted(net.up("moon")[0]))
    net.lose = lambda _: False
    net.tell("moon", CloseWanted(net.up("moon")[0]))
    net.sleep(2)
    assert net.story("sun")[-4:] == [
        "< INFORMATIONAL 2",
        "> INFORMATIONAL 2",
        "< INFORMATIONAL 3 D(IKE)",
        "> INFORMATIONAL 3",
    ]
    net.assert_gone()


def test_a_delete_behind_a_dead_request_ends_soon_too(net: Network) -> None:
    net.lose = lambda _: True
    net.tell("moon", ProbeWanted(net.up("moon")[0]))
    net.tell("moon", CloseWanted(net.up("moon")[0]))
    net.sleep(3.1)
    assert [closed.reason for closed in net.seen(Closed, "moon")] == [Reason.DELETED]
    assert net.codes("moon") == []


def test_closing_while_ike_auth_is_under_way_leaves_nothing() -> None:
    net = Network()
    net.lose = lambda _: len(net.wire) == 4  # sun's answer to IKE_AUTH
    net.initiate("moon")
    (sa,) = [send.data[:8] for send in net.wire[:1]]
    net.tell("moon", CloseWanted(sa))
    net.sleep(5)
    assert net.up("moon") == []
    assert net.hosts["moon"].children == {}
    net.assert_gone()


def test_closing_before_ike_auth_says_nothing() -> None:
    net = Network()
    net.lose = lambda _: True
    net.initiate("moon")
    net.tell("moon", CloseWanted(net.wire[0].data[:8]))
    net.sleep(60)
    assert len(net.wire) == 1
    assert net.seen(Closed, "moon")[0].reason is Reason.DELETED


@BOTH
def test_a_deleted_child_takes_its_other_half_and_then_the_ike_sa(net: Network, who: str) -> None:
    # INFORMATIONAL { D(their inbound SPI) } ──►
    # ◄── INFORMATIONAL { D(our inbound SPI) }
    # ◄── INFORMATIONAL { D(IKE) }            nothing is left to protect
    listener = OTHER[who]
    (spec,) = net.hosts[listener].children.values()
    deletion = Delete(Protocol.ESP, (spec.outbound_spi,))
    told = said(net, listener, forger(net, who).say(first_id(who), deletion))
    assert told == (Delete(Protocol.ESP, (spec.inbound_spi,)),)
    assert [gone.spi for gone in net.seen(RemoveChild, listener)] == [spec.inbound_spi]
    assert [gone.inbound_spi for gone in net.seen(ChildClosed, listener)] == [spec.inbound_spi]
    net.settle()
    assert net.seen(Closed, listener)[0].reason is Reason.PEER_DELETED
    net.assert_gone()


@BOTH
def test_of_several_spis_only_the_known_one_is_answered(net: Network, who: str) -> None:
    listener = OTHER[who]
    (spec,) = net.hosts[listener].children.values()
    spis = (0x11111111, spec.outbound_spi, 0x22222222, spec.outbound_spi)
    told = said(net, listener, forger(net, who).say(first_id(who), Delete(Protocol.ESP, spis)))
    assert told == (Delete(Protocol.ESP, (spec.inbound_spi,)),)


@pytest.mark.parametrize(
    "case", ["unknown", "inbound instead of outbound", "AH", "empty", "empty AH", "REKEY notify"]
)
@BOTH
def test_a_delete_that_names_none_of_ours_changes_nothing(
    net: Network, who: str, case: str
) -> None:
    listener = OTHER[who]
    (spec,) = net.hosts[listener].children.values()
    payloads: dict[str, Payload] = {
        "unknown": Delete(Protocol.ESP, (0x11111111,)),
        "inbound instead of outbound": Delete(Protocol.ESP, (spec.inbound_spi,)),
        "AH": Delete(Protocol.AH, (spec.outbound_spi,)),
        "empty": Delete(Protocol.ESP),
        "empty AH": Delete(Protocol.AH),
        "REKEY notify": Notify(NotifyType.REKEY_SA, b"", 0, bytes(4)),
    }
    assert said(net, listener, forger(net, who).say(first_id(who), payloads[case])) == ()
    net.settle()
    net.assert_connected()


@BOTH
def test_a_delete_with_notifies_beside_it_still_counts(net: Network, who: str) -> None:
    beside = Notify(40_960, b"private status")
    again = Notify(NotifyType.INVALID_SPI, bytes(4))
    datagram = forger(net, who).say(first_id(who), beside, Delete(Protocol.IKE), again)
    assert said(net, OTHER[who], datagram) == ()
    assert net.seen(Closed, OTHER[who])[0].reason is Reason.PEER_DELETED


def test_what_follows_a_delete_of_the_same_sa_is_ignored(net: Network) -> None:
    moon = forger(net, "moon")
    said(net, "sun", moon.say(2, Delete(Protocol.IKE)))
    count = len(net.wire)
    more: tuple[Payload, ...] = (Notify(NotifyType.INVALID_SPI), Delete(Protocol.IKE))
    for number, payload in enumerate(more, 3):
        net.inject("sun", moon.say(number, payload))
    assert net.drops("sun") == ["closed", "closed"]
    assert len(net.wire) == count
    net.sleep(100)
    net.inject("sun", moon.say(3))
    assert net.drops("sun")[-1] == "no_sa"


@BOTH
def test_a_late_refusal_of_our_auth_ends_the_sa(net: Network, who: str) -> None:
    listener = OTHER[who]
    refusal = Notify(NotifyType.AUTHENTICATION_FAILED)
    assert said(net, listener, forger(net, who).say(first_id(who), refusal)) == ()
    (diagnosis,) = net.failures(listener)
    assert diagnosis.code == Code.AUTH_REFUSED_BY_PEER
    assert [f.code for f in diagnosis.findings] == [
        Code.PSK_MISMATCH,
        Code.PEER_IDENTITY_MISMATCH,
    ]
    assert net.up(listener) == []
    assert net.hosts[listener].children == {}


def create(kind: str, spi: int) -> tuple[Payload, ...]:
    """Return a CREATE_CHILD_SA request of one kind."""
    mine = profile("moon")
    esp = tuple(p.__class__(p.protocol, p.transforms, b"\xc0\0\0\1") for p in mine.esp_proposals)
    ike = tuple(p.__class__(p.protocol, p.transforms, b"newspi!!") for p in mine.ike_proposals)
    nets = (
        SelectorsInitiator(selectors("10.1.0.0/24")),
        SelectorsResponder(selectors("10.2.0.0/24")),
    )
    nonce = Nonce(bytes(32))
    match kind:
        case "new child":
            return (SecurityAssociation(esp), nonce, *nets)
        case "child rekey":
            old = Notify(NotifyType.REKEY_SA, b"", Protocol.ESP, spi.to_bytes(4, "big"))
            return (old, SecurityAssociation(esp), nonce, *nets)
        case "rekey of protocol 0":
            old = Notify(NotifyType.REKEY_SA, b"", 0, spi.to_bytes(4, "big"))
            return (old, SecurityAssociation(esp), nonce, *nets)
        case "rekey of protocol 1":
            old = Notify(NotifyType.REKEY_SA, b"", 1, b"")
            return (old, SecurityAssociation(esp), nonce, *nets)
        case _:
            return (SecurityAssociation(ike), nonce, KeyExchangeData(31, bytes(32)))


@pytest.mark.parametrize(
    "kind", ["new child", "child rekey", "IKE rekey", "rekey of protocol 0", "rekey of protocol 1"]
)
@BOTH
def test_create_child_sa_is_refused_and_all_stays(net: Network, who: str, kind: str) -> None:
    listener = OTHER[who]
    (spec,) = net.hosts[listener].children.values()
    request = create(kind, spec.outbound_spi)
    datagram = forger(net, who).say(first_id(who), *request, exchange=Exchange.CREATE_CHILD_SA)
    assert said(net, listener, datagram) == (Notify(NotifyType.NO_ADDITIONAL_SAS),)
    net.assert_connected()
