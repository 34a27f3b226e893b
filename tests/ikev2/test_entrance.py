"""The way in: what makes an IKE SA, what gets an answer without one, and what gets none."""

from dataclasses import replace

import pytest

from ikecore.actions import Action, Broken, Failed, Send
from ikecore.diagnosis import Code
from ikecore.entropy import Entropy
from ikecore.events import Configured, DatagramReceived
from ikecore.profile import IkeVersion, Limits
from ikecore.spipool import SpiPool
from ikev2.endpoint import Endpoint
from ikev2.entrance import Entrance
from ikev2.message import Exchange, Header, parse_header, parse_init
from ikev2.payloads.notify import Notify
from ikev2.payloads.types import NotifyType
from ikev2.payloads.unknown import Unknown
from policy.path import Path

from .forger import NOTHING, STRANGER, init_payloads, init_request
from .network import MOON, SUN, Dice, Network, only, profile

FIRST = Header(STRANGER, NOTHING, Exchange.IKE_SA_INIT, 0, from_initiator=True, response=False)
FROM_MOON = Path((SUN, 500), (MOON, 500))


def told(actions: list[Action]) -> tuple[Notify, ...]:
    """Return the notifies of the one answer."""
    (sent,) = only(Send, actions)
    return parse_init(sent.data, parse_header(sent.data)).notifies()


def test_only_a_first_request_leads_in() -> None:
    assert Entrance.leads_in(FIRST)
    others = (
        {"exchange": Exchange.IKE_AUTH},
        {"response": True},
        {"from_initiator": False},
        {"responder_spi": b"respspi!"},
        {"initiator_spi": NOTHING},
        {"message_id": 1},
    )
    for changes in others:
        assert not Entrance.leads_in(replace(FIRST, **changes))


@pytest.mark.parametrize("change", [(8, b"respspi!"), (0, NOTHING), (20, b"\0\0\0\1")])
def test_what_does_not_lead_in_gets_no_answer(change: tuple[int, bytes]) -> None:
    at, octets = change
    data = init_request()
    net = Network()
    net.inject("sun", data[:at] + octets + data[at + len(octets) :])
    assert net.drops("sun") == ["no_sa"]
    assert net.wire == []


def test_the_same_request_gets_the_same_answer_and_one_sa() -> None:
    net = Network()
    data = init_request()
    (first,), (second,) = (only(Send, net.inject("sun", data)) for _ in range(2))
    assert first.data == second.data
    assert net.hosts["sun"].endpoint.half_open == 1


def test_the_answer_goes_where_the_request_came_from() -> None:
    net = Network()
    path = Path((SUN, 500), (MOON, 40500))
    (sent,) = only(Send, net.inject("sun", init_request(), path))
    assert sent.path == path


def test_a_crowd_has_to_bring_a_cookie_and_then_comes_in() -> None:
    net = Network(limits={"sun": Limits(cookie_threshold=0)})
    (cookie,) = told(net.inject("sun", init_request()))
    assert cookie.type == NotifyType.COOKIE
    assert net.hosts["sun"].endpoint.half_open == 0
    payloads = init_payloads()
    (other,) = told(net.inject("sun", init_request(payloads)))
    assert net.drops("sun") == ["cookie_demanded"] * 2
    net.inject("sun", init_request((other, *payloads)))
    assert net.hosts["sun"].endpoint.half_open == 1


def test_an_unknown_critical_payload_is_refused_without_an_sa() -> None:
    net = Network()
    payloads = (*init_payloads(), Unknown(211, True, b""))
    refusal = Notify(NotifyType.UNSUPPORTED_CRITICAL_PAYLOAD, bytes((211,)))
    assert told(net.inject("sun", init_request(payloads))) == (refusal,)
    assert net.hosts["sun"].endpoint.half_open == 0


def test_a_version_to_come_is_answered_with_ours() -> None:
    net = Network()
    data = bytearray(init_request())
    data[17] = 0x30
    assert told(net.inject("sun", bytes(data))) == (Notify(NotifyType.INVALID_MAJOR_VERSION),)
    data[19] |= 0x20  # an answer is not answered
    assert only(Send, net.inject("sun", bytes(data))) == []


def test_an_older_version_is_told_to_the_operator_alone() -> None:
    net = Network()
    data = bytearray(init_request())
    data[17] = 0x10
    actions = net.inject("sun", bytes(data))
    assert only(Send, actions) == []
    (failed,) = only(Failed, actions)
    assert (failed.diagnosis.code, failed.diagnosis.proven) == (Code.IKE_VERSION_MISMATCH, False)


def test_nobody_comes_in_where_no_connection_fits() -> None:
    net = Network(sun=profile("sun", remote=frozenset(("203.0.113.9",))))
    refusal = (Notify(NotifyType.NO_PROPOSAL_CHOSEN),)
    assert told(net.inject("sun", init_request())) == refusal
    assert net.drops("sun") == ["no_connection"]


class Repeating:
    """Entropy whose IKE SPIs come twice, and are zero at first."""

    def __init__(self) -> None:
        self._dice = Dice(1)
        self._spis = [NOTHING, b"the one!", b"the one!", b"another!"]

    def octets(self, count: int) -> bytes:
        if count == 8 and self._spis:
            return self._spis.pop(0)
        return self._dice.octets(count)


def answered(endpoint: Endpoint, spi: bytes) -> bytes:
    """Return the SPI that a stranger is given."""
    event = DatagramReceived(init_request(spi=spi), FROM_MOON)
    (sent,) = only(Send, endpoint.handle(event, 0.0))
    return sent.data[8:16]


def test_spis_are_never_zero_and_never_those_of_another() -> None:
    entropy: Entropy = Repeating()
    endpoint = Endpoint(entropy, SpiPool(entropy))
    endpoint.handle(Configured((profile("sun"),)), 0.0)
    assert answered(endpoint, b"stranger") == b"the one!"
    assert answered(endpoint, b"strange2") == b"another!"


class Drained(Dice):
    """Entropy that a bug may take."""

    is_empty = False

    def octets(self, count: int) -> bytes:
        if self.is_empty:
            raise OSError(f"{count} octets, and none are left")
        return super().octets(count)


def test_a_bug_on_the_way_in_is_told_and_leaves_nothing() -> None:
    dice = Drained(1)
    endpoint = Endpoint(dice, SpiPool(dice))
    endpoint.handle(Configured((profile("sun"),)), 0.0)
    dice.is_empty = True
    (broken,) = endpoint.handle(DatagramReceived(init_request(), FROM_MOON), 0.0)
    assert isinstance(broken, Broken)
    assert "none are left" in broken.traceback
    assert endpoint.half_open == 0


def test_a_connection_of_the_other_version_hears_of_a_peer_that_speaks_this_one() -> None:
    net = Network()
    only_old = replace(net.hosts["sun"].profile, version=IkeVersion.IKEV1)
    net.tell("sun", Configured((only_old,)))
    net.initiate("moon")
    (failed,) = net.failures("sun")
    assert failed.code is Code.IKE_VERSION_MISMATCH
    assert (failed.findings[0].ours, failed.findings[0].theirs) == ("ikev1", "ikev2")
