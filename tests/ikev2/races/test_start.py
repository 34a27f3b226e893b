"""IKE SAs that come up beside one another, and those whose peer has forgotten them."""

from dataclasses import replace

import pytest

from ikecore.actions import Closed, Established, Failed, Reason, ReauthWanted
from ikecore.diagnosis import Code
from ikecore.profile import Limits
from ikev2.labels import label
from ikev2.message import Exchange, Message, parse_header, parse_init
from ikev2.payloads.ts import SelectorsInitiator, SelectorsResponder
from tests.ikev2.forger import init_request
from tests.ikev2.network import OTHER, Network, selectors
from tests.ikev2.wire import request, response

from .scene import (
    CREATE,
    LATE,
    PEER,
    US,
    conclude,
    connect,
    quiet,
    rekey,
    rekeyed,
    share_a_child,
)

INIT, AUTH = Exchange.IKE_SA_INIT, Exchange.IKE_AUTH
BOTH = (US, PEER)
FLOOD = b"flooding"


@pytest.mark.parametrize("lowest", BOTH, ids=["our nonce lowest", "their nonce lowest"])
@pytest.mark.parametrize("exchange", [INIT, AUTH])
@pytest.mark.parametrize("late", ["nothing", "request", "answer"])
def test_both_ends_initiate_at_once(
    initiator: str, lowest: str, exchange: Exchange, late: str
) -> None:
    """Race 54: ``initiator`` is who is a little earlier."""
    net = Network(quiet("moon"), quiet("sun"))
    kind = {"request": request, "answer": response}.get(late)
    if kind is not None:
        net.delay_when(kind(initiator, exchange, 1), LATE)
    net.hosts[lowest].dice.nonces.append(bytes(32))
    net.initiate(initiator, settle=False)
    net.sleep(0.004)
    net.initiate(OTHER[initiator], settle=False)
    while not share_a_child(net):
        net.sleep(0.002)
    net.stream(0.005)
    net.sleep(1)
    net.traffic.streams[0].every = 0.1
    net.sleep(25)
    assert net.codes(US) == net.codes(PEER) == []
    conclude(net)


def test_initial_contact_replaces_what_the_peer_has_lost(initiator: str) -> None:
    """Race 55."""
    net = connect(initiator)
    (stale,) = net.up(US)
    net.restart(PEER)
    net.sleep(0.5)
    net.initiate(PEER, settle=False)
    net.sleep(1)
    (closed,) = net.seen(Closed, US)
    assert (closed.sa, closed.reason) == (stale, Reason.REPLACED)
    conclude(net, gap=1.0)


def test_a_peer_that_lost_its_state_is_found_out_and_connected_anew(initiator: str) -> None:
    """Race 56: its silence tells, for nobody believes what is not authenticated."""
    net = connect(initiator, quiet("moon", dpd=True), quiet("sun", dpd=True), every=0.1)
    net.restart(PEER)
    net.sleep(39)
    assert net.codes(US) == [Code.DPD_TIMEOUT]
    assert net.up(US) == []
    net.initiate(US, settle=False)
    net.sleep(1)
    conclude(net, gap=40.0)


@pytest.mark.parametrize("who", BOTH, ids=["we renew", "the peer renews"])
@pytest.mark.parametrize("late", ["nothing", "request", "answer"])
def test_a_reauthentication_overlaps_and_loses_nothing(initiator: str, who: str, late: str) -> None:
    """Race 57: the new child has the same selectors as the old one."""
    net = connect(initiator, every=0.005)
    (old,) = net.up(US)
    kind = {"request": request, "answer": response}.get(late)
    if kind is not None:
        net.delay_when(kind(who, AUTH, 2 if who == initiator else 1), LATE)
    net.initiate(who, settle=False)
    net.sleep(1)
    net.traffic.streams[0].every = 0.1
    net.sleep(20)
    assert old not in net.up(US)
    conclude(net)


def test_the_peers_shorter_authentication_lifetime_counts(initiator: str) -> None:
    """Race 58 (RFC 4478): the responder says how long, and the initiator obeys."""
    profiles = {
        name: quiet(name, ike_lifetime=1000.0, auth_lifetime=0.0 if name == initiator else 100.0)
        for name in BOTH
    }
    net = connect(initiator, profiles["moon"], profiles["sun"], every=0.1)
    (up,) = net.seen(Established, initiator)
    assert 50 < up.reauth_at < 100
    net.sleep(up.reauth_at + 0.1 - net.now)
    assert [wanted.sa for wanted in net.seen(ReauthWanted, initiator)] == [up.sa]
    net.initiate(initiator, settle=False)
    net.sleep(1)
    conclude(net)


def test_a_rekeying_that_gets_less_is_told(initiator: str) -> None:
    """Race 59."""
    net = connect(initiator)
    less = {"moon": selectors("10.1.0.0/25"), "sun": selectors("10.2.0.0/25")}

    def narrower(message: Message) -> Message:
        said = (
            SelectorsInitiator(less[US])
            if isinstance(p, SelectorsInitiator)
            else SelectorsResponder(less[PEER])
            if isinstance(p, SelectorsResponder)
            else p
            for p in message.payloads
        )
        return replace(message, payloads=tuple(said))

    net.change_when(request(US, CREATE, 1), narrower)
    rekey(net, US)
    net.sleep(1)
    (new,) = rekeyed(net, US)
    assert (new.local_ts, new.remote_ts, new.narrowed) == (less[US], less[PEER], True)
    conclude(net, gap=1.0)


def answers(net: Network, name: str) -> list[str]:
    """Return the first words of an end's different answers to its peer's IKE_SA_INIT."""
    return [
        label(parse_init(letter.data, parse_header(letter.data)).payloads[0])
        for letter, _ in net.letters
        if (letter.sender, letter.exchange, letter.response) == (name, INIT, True)
        and letter.copy == 0
        and letter.spis[0] != FLOOD
    ]


@pytest.mark.parametrize("first", ["cookie", "group"])
@pytest.mark.parametrize("stale", [False, True], ids=["", "and the secret changes"])
def test_a_cookie_and_another_group_are_asked_for(initiator: str, first: str, stale: bool) -> None:
    """Race 60: in either order, and again after a new secret."""
    other = OTHER[initiator]
    ike = {
        initiator: ("aes128gcm16-prfsha256-ecp256-x25519",),
        other: ("aes128gcm16-prfsha256-x25519",),
    }
    threshold = Limits(cookie_threshold=0 if first == "cookie" else 1, cookie_lifetime=1.0)
    net = Network(quiet("moon", ike=ike["moon"]), quiet("sun", ike=ike["sun"]), {other: threshold})
    if stale:  # the request that brings the cookie back is held up until two secrets later
        net.delay_when(request(initiator, INIT, 2 if first == "cookie" else 3), 2.5)
    net.initiate(initiator, settle=False)
    if first == "group":
        net.sleep(0.015)  # its first request was refused; now the other end is under pressure
        net.inject(other, init_request(offer=net.hosts[initiator].profile, spi=FLOOD))
    net.sleep(9)
    cookies = ["N(COOKIE)"] * (2 if stale else 1)
    group = ["N(INVALID_KE_PAYLOAD)"]
    assert answers(net, other) == [
        *(cookies + group if first == "cookie" else group + cookies),
        "SA",
    ]
    net.stream(0.02)
    conclude(net)
    assert net.seen(Failed, initiator) == []
