"""Damaged datagrams at every position of an exchange, in both roles: over 20,000 each run.

Nothing raises; one datagram gets at most one answer of bounded size; nothing unauthenticated
changes an established SA.  A failure names the seed of its batch.
"""

import json
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ikecore.actions import Action, Dropped, Failed, Send
from ikecore.events import ProbeWanted
from ikecore.profile import Limits
from ikecore.proposals import Protocol
from ikev2.message import Exchange, parse_header
from ikev2.payloads.chain import build_chain
from ikev2.payloads.delete import Delete
from ikev2.payloads.notify import Notify
from policy.path import Path

from .forger import Forger, init_payloads, init_request
from .mutate import Mutator
from .network import MOON, SUN, Network, only, profile
from .test_keys import FILES

GROUPS = ("aes128gcm16-prfsha256-x25519-ecp256", "aes256-sha256-x25519")
ROOMY = {"sun": Limits(10**6, 10**6, 10**6, 10**6, ike_sas=10**6)}
PATHS = {"moon": Path((MOON, 500), (SUN, 500)), "sun": Path((SUN, 500), (MOON, 500))}
RESPONSE, INITIATOR = 0x20, 0x08


def network(seed: int, messages: int) -> Network:
    """Return a network in which so many messages of a handshake arrived."""
    net = Network(profile("moon", GROUPS), limits=ROOMY, seed=seed)
    net.lose = lambda _: len(net.wire) > messages
    net.initiate("moon")
    net.lose = lambda _: True
    return net


def recording() -> list[bytes]:
    """Return a whole conversation: handshake, probes of both ends, a Delete."""
    net = Network(profile("moon", GROUPS), seed=99)
    net.initiate("moon")
    for name in ("moon", "sun"):
        net.tell(name, ProbeWanted(net.up(name)[0]))
        net.settle()
    return [send.data for send in net.wire]


GOOD = recording()
PEERS = [  # strongSwan's own first requests and answers
    bytes.fromhex(text) for path in FILES for text in json.loads(path.read_text())["datagrams"][:2]
]


def check_answers(data: bytes, actions: list[Action]) -> list[Send]:
    """At most one answer to a request, and none that pays an attacker."""
    sent = only(Send, actions)
    assert len(sent) <= 1
    for send in sent:
        if len(data) > 19 and not data[19] & RESPONSE:
            accepts = send.data[18] == Exchange.IKE_SA_INIT and any(send.data[8:16])
            assert len(send.data) <= (2 * len(data) + 100 if accepts else len(data))
    return sent


@pytest.mark.parametrize("seed", range(8))
def test_damaged_first_requests(seed: int) -> None:
    cookie = init_request((Notify(16390, b"cookie"),))
    mutator = Mutator(seed, [GOOD[0], init_request(), cookie, *PEERS])
    for _ in range(5):
        net = network(seed, 0)
        for _ in range(150):
            data = mutator.datagram()
            check_answers(data, net.inject("sun", data, PATHS["sun"]))
        assert net.up("sun") == []


@pytest.mark.parametrize("seed", range(8))
def test_damaged_first_requests_in_a_crowd(seed: int) -> None:
    mutator = Mutator(seed, [GOOD[0], init_request((Notify(16390, bytes(17)), *init_payloads()))])
    net = Network(limits={"sun": Limits(cookie_threshold=0)})
    for _ in range(300):
        data = mutator.datagram()
        check_answers(data, net.inject("sun", data, PATHS["sun"]))
    assert net.hosts["sun"].endpoint.half_open == 0
    assert net.hosts["sun"].endpoint.next_timeout() is None


@pytest.mark.parametrize("seed", range(8))
def test_damaged_answers_to_our_first_request(seed: int) -> None:
    net, mutator = network(seed, 0), Mutator(seed, [])
    for number in range(400):
        if number % 20 == 0 or len(net.wire) > 1:  # it believed one: start anew
            net = network(seed * 1000 + number, 1)
            answer = net.wire[1].data
            net = network(seed * 1000 + number, 0)
            theirs = [answer[:8] + peer[8:] for peer in PEERS]
            mutator = Mutator(seed * 1000 + number, [answer, answer, answer, *theirs])
        data = mutator.datagram()
        actions = net.inject("moon", data, PATHS["moon"])
        assert len(only(Send, actions)) <= 1
        assert net.up("moon") == []


POSITIONS: dict[str, tuple[int, str, int]] = {
    "IKE_AUTH request": (2, "sun", 2),
    "IKE_AUTH response": (3, "moon", 3),
    "request on an established SA": (4, "sun", -1),
    "response on an established SA": (4, "moon", -1),
}


@pytest.mark.parametrize("position", POSITIONS)
@pytest.mark.parametrize("seed", range(4))
def test_damaged_sealed_messages_change_nothing(position: str, seed: int) -> None:
    messages, listener, index = POSITIONS[position]
    net = network(seed, messages)
    if index == -1:  # a probe is under way, and its answer is known
        net.tell("moon", ProbeWanted(net.up("moon")[0]))
    answer = Forger(net, "sun", initiator=False).say(2, response=True)
    good = {"sun": net.wire[index].data, "moon": answer if index == -1 else net.wire[index].data}
    mutator = Mutator(seed, [good[listener]])
    before = {name: (net.up(name), dict(host.children)) for name, host in net.hosts.items()}
    timeout = net.hosts[listener].endpoint.next_timeout()
    for _ in range(400):
        data = mutator.datagram()
        if data == good[listener]:
            continue
        actions = net.inject(listener, data, PATHS[listener])
        check_answers(data, actions)
        kinds = {type(action) for action in actions}
        assert kinds <= {Dropped, Send, Failed}
        told = only(Failed, actions)  # of another IKE version: no SA is meant
        assert all(not f.sa and not f.diagnosis.proven for f in told)
    after = {name: (net.up(name), dict(host.children)) for name, host in net.hosts.items()}
    assert after == before
    assert net.hosts[listener].endpoint.next_timeout() == timeout


@pytest.mark.parametrize("seed", range(4))
def test_damaged_fragments_change_nothing(seed: int) -> None:
    net = network(seed, 4)
    payloads = tuple(Notify(40000 + n, bytes(200)) for n in range(5))
    fragments = Forger(net, "moon", initiator=True).say_in(400, 2, *payloads)
    mutator = Mutator(seed, fragments)
    before = {name: (net.up(name), dict(host.children)) for name, host in net.hosts.items()}
    timeout = net.hosts["sun"].endpoint.next_timeout()
    for _ in range(400):
        data = mutator.datagram()
        if data in fragments:
            continue
        actions = net.inject("sun", data, PATHS["sun"])
        check_answers(data, actions)
        assert {type(action) for action in actions} <= {Dropped, Send, Failed}
    assert before == {n: (net.up(n), dict(host.children)) for n, host in net.hosts.items()}
    assert net.hosts["sun"].endpoint.next_timeout() == timeout


@pytest.mark.parametrize("seed", range(4))
def test_noise_at_both_ends(seed: int) -> None:
    net = network(seed, 4)
    mutator = Mutator(seed, [send.data for send in net.wire])
    before = {name: (net.up(name), dict(host.children)) for name, host in net.hosts.items()}
    for number in range(750):
        name, data = ("moon", "sun")[number % 2], mutator.noise()
        check_answers(data, net.inject(name, data, PATHS[name]))
    assert before == {n: (net.up(n), dict(host.children)) for n, host in net.hosts.items()}


# -- a peer that has the keys ---------------------------------------------------------------------
def fuzz_authentic(
    seed: int, rounds: int, messages: int, exchange: int, number: int, plain: tuple[int, bytes]
) -> None:
    """Let sun take messages that are damaged under a good ICV; each may end its SA, no more."""
    first, good = plain
    mutator = Mutator(seed, [good])
    net = network(seed, messages)
    for turn in range(rounds):
        if len(net.hosts["sun"].log) != len(net.hosts["moon"].log) or turn % 50 == 0:
            net = network(seed * 10_000 + turn, messages)
        forger = Forger(net, "moon", initiator=True)
        data = forger.say_octets(exchange, number, first, mutator.damaged(good))
        before = len(net.wire)
        net.inject("sun", data, PATHS["sun"])
        answers = [send for send in net.wire[before:] if send.data[19] & RESPONSE]
        assert len(answers) <= 1
        assert len(net.wire) - before <= 2  # the answer, and a Delete of ours
        for host in net.hosts.values():
            assert len(host.children) <= 1


@pytest.mark.parametrize("seed", range(8))
def test_authentic_nonsense_in_ike_auth(seed: int) -> None:
    net = network(1, 2)
    payloads = Forger(net, "sun", initiator=False).hear(net.wire[2].data).payloads
    fuzz_authentic(seed, 150, 2, Exchange.IKE_AUTH, 1, build_chain(payloads))


@pytest.mark.parametrize("exchange", [Exchange.INFORMATIONAL, Exchange.CREATE_CHILD_SA])
@pytest.mark.parametrize("seed", range(4))
def test_authentic_nonsense_on_an_established_sa(seed: int, exchange: Exchange) -> None:
    payloads = (Notify(16393, b"", Protocol.ESP, bytes(4)), *init_payloads())
    if exchange is Exchange.INFORMATIONAL:
        payloads = (Delete(Protocol.ESP, (1, 2, 3)), Notify(16384), Delete(Protocol.AH))  # type: ignore[assignment]
    fuzz_authentic(seed, 150, 4, exchange, 2, build_chain(payloads))


# -- whatever hypothesis thinks of ----------------------------------------------------------------
@st.composite
def edits(draw: st.DrawFn) -> bytes:
    """A recorded datagram with slices replaced."""
    data = bytearray(draw(st.sampled_from(GOOD)))
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(data)))
        stop = draw(st.integers(start, min(len(data), start + 8)))
        data[start:stop] = draw(st.binary(max_size=8))
    return bytes(data)


@pytest.mark.parametrize("make", [lambda: network(99, 0), lambda: network(99, 4)], ids=["0", "4"])
@settings(max_examples=300, deadline=None, derandomize=True)
@given(data=st.one_of(edits(), st.binary(max_size=200)), listener=st.sampled_from(["moon", "sun"]))
def test_edited_datagrams(make: Callable[[], Network], data: bytes, listener: str) -> None:
    net = make()
    before = {name: net.up(name) for name in net.hosts}
    actions = net.inject(listener, data, PATHS[listener])
    assert len(only(Send, actions)) <= 1
    assert before == {name: net.up(name) for name in net.hosts}


def test_the_recording_is_a_whole_conversation() -> None:
    exchanges = [parse_header(data).exchange for data in GOOD]
    assert exchanges == [34, 34, 35, 35, 37, 37, 37, 37]
