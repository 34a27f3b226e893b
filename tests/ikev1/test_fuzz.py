"""Damaged datagrams at every position of a conversation, in both roles: over 20,000 each run.

Nothing raises; one datagram gets at most one answer of bounded size; nothing unauthenticated
changes an established SA.  A failure names the seed of its batch.
"""

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ikecore.actions import Action, Dropped, Established, Failed, Send, Traced
from ikecore.events import ChildWanted, CloseWanted, ProbeWanted, RekeyWanted
from ikecore.profile import ConfigMode, LegacyTerms, Limits, Phase1Mode, Profile, Role
from ikecore.wire import Malformed
from ikev1.fragments import cut
from ikev1.keys import Keys1, quick_hash2
from ikev1.message import Exchange, parse_header
from ikev1.payloads.attributes import Attribute
from ikev1.payloads.attrs import ConfigAttributes, ConfigType
from ikev1.payloads.chain import Payload, build_chain
from ikev1.payloads.delete import Delete
from ikev1.payloads.hash import Hash
from ikev1.payloads.notify import Notify
from ikev1.payloads.types import NotifyType, ProtocolId
from policy.path import Path
from tests.ikev2.mutate import Mutator

from .forger import Forger, first_message
from .network import AGGRESSIVE, MOON, SUN, Network, only, profile
from .recorded import FILES, Recording
from .tunnel import QUICK, heard

TYPES = (*range(15), 20, 21, 33, 46, 128, 130, 131, 132, 255)
ROOMY = {name: Limits(10**6, 10**6, 10**6, 10**6, ike_sas=10**6) for name in ("moon", "sun")}
PATHS = {"moon": Path((MOON, 500), (SUN, 500)), "sun": Path((SUN, 500), (MOON, 500))}
MODES = {"main": LegacyTerms(), "aggressive": AGGRESSIVE}
FIRST = {"main": Exchange.MAIN, "aggressive": Exchange.AGGRESSIVE}
GROUP = ("aes128-sha256-ecp256",)
EACH_MODE = pytest.mark.parametrize("mode", MODES)


def profiles(mode: str, **changes: object) -> tuple[Profile, Profile]:
    moon, sun = (
        profile(name, GROUP, legacy=MODES[mode], dpd=False, **changes)  # type: ignore[arg-type]
        for name in ("moon", "sun")
    )
    return moon, sun


def network(seed: int, mode: str, messages: int) -> Network:
    """Return a network in which so many messages of a conversation arrived; others never will."""
    net = Network(*profiles(mode), limits=ROOMY, seed=seed)
    net.lose = lambda _: len(net.wire) > messages
    net.initiate("moon")
    net.lose = lambda _: True
    return net


def recording(mode: str) -> list[bytes]:
    """Return a whole conversation: handshake, probes of both ends, a rekey, Deletes."""
    net = Network(*profiles(mode), seed=99)
    net.initiate("moon")
    for name in ("moon", "sun"):
        net.tell(name, ProbeWanted(net.up(name)[0]))
        net.settle()
    net.tell("sun", RekeyWanted(next(iter(net.hosts["sun"].children)), "time"))
    net.settle()
    net.tell("moon", CloseWanted(net.up("moon")[0]))
    net.settle()
    return [send.data for send in net.wire]


GOOD = {mode: recording(mode) for mode in MODES}
PEERS = [one for path in FILES for said in Recording(path).messages[:2] for one in said.datagrams]


def mutator(seed: int, good: list[bytes]) -> Mutator:
    return Mutator(seed, good, 0x10, TYPES, tuple(Exchange))


def give(net: Network, name: str, data: bytes, *, proved: bool = False) -> list[Action]:
    """Let one end have a datagram: it answers once at most.

    Unless the address is ``proved``, nothing is said that pays an attacker.
    """
    before = len(net.wire)
    actions = net.inject(name, data, PATHS[name])
    sent = net.wire[before:]
    assert len(sent) <= 1
    assert proved or all(len(send.data) <= 2 * len(data) + 100 for send in sent)
    return actions


def standing(net: Network) -> list[object]:
    """Return what must stay as it is."""
    return [
        (net.up(name), dict(host.children), host.endpoint.next_timeout())
        for name, host in net.hosts.items()
    ]


# -- before there is anything ---------------------------------------------------------------------
@EACH_MODE
@pytest.mark.parametrize("seed", range(6))
def test_damaged_first_messages(seed: int, mode: str) -> None:
    good = [GOOD[mode][0], first_message(exchange=FIRST[mode]), *PEERS]
    damage = mutator(seed, good)
    for _ in range(4):
        net = network(seed, mode, 0)
        for _ in range(150):
            data = damage.datagram()
            give(net, "sun", data)
        assert net.up("sun") == []
        net.sleep(100)
        assert net.hosts["sun"].endpoint.half_open == 0
        assert net.hosts["sun"].endpoint.next_timeout() is None


@EACH_MODE
@pytest.mark.parametrize("seed", range(4))
def test_damaged_answers_to_our_first_message(seed: int, mode: str) -> None:
    damage = mutator(seed, [])
    net = network(seed, mode, 0)
    for number in range(300):
        if number % 20 == 0 or len(net.wire) > 1:  # it believed one: start anew
            answer = network(seed * 1000 + number, mode, 1).wire[1].data
            net = network(seed * 1000 + number, mode, 0)
            theirs = [answer[:8] + peer[8:] for peer in PEERS]
            damage = mutator(seed * 1000 + number, [answer, answer, answer, *theirs])
        data = damage.datagram()
        sent = only(Send, net.inject("moon", data, PATHS["moon"]))
        assert len(sent) <= (1 if mode == "main" else 2)  # message 3 of aggressive and quick mode
        assert mode == "aggressive" or net.up("moon") == []


# -- in the middle --------------------------------------------------------------------------------
CLEAR = {
    "main mode message 3": ("main", 2, "sun"),
    "main mode message 4": ("main", 3, "moon"),
}


@pytest.mark.parametrize("position", CLEAR)
@pytest.mark.parametrize("seed", range(6))
def test_damaged_key_exchanges(position: str, seed: int) -> None:
    """Some are believed, for nothing vouches for them: then the keys differ, and no SA comes."""
    mode, messages, listener = CLEAR[position]
    for turn in range(20):
        net = network(seed, mode, messages)
        damage = mutator(seed * 100 + turn, [net.wire[messages].data])
        for _ in range(15):
            data = damage.datagram()
            give(net, listener, data)
            assert net.up(listener) == []
        net.sleep(100)
        assert net.hosts[listener].endpoint.next_timeout() is None


SEALED = {
    "main mode message 5": ("main", 4, "sun"),
    "main mode message 6": ("main", 5, "moon"),
    "aggressive mode message 3": ("aggressive", 2, "sun"),
    "quick mode message 1": ("main", 6, "sun"),
    "quick mode message 2": ("main", 7, "moon"),
    "quick mode message 3": ("main", 8, "sun"),
}


@pytest.mark.parametrize("position", SEALED)
@pytest.mark.parametrize("seed", range(4))
def test_damaged_sealed_messages_change_nothing(position: str, seed: int) -> None:
    mode, messages, listener = SEALED[position]
    for turn in range(6):
        net = network(seed, mode, messages)
        good = net.wire[messages].data
        damage = mutator(seed * 10 + turn, [good])
        before = standing(net)
        for _ in range(50):
            data = damage.datagram()
            if data == good or is_same_under_keys(net, data, good):
                continue  # nothing vouches for these octets: padding, or what HASH_I leaves out
            actions = give(net, listener, data)
            assert {type(action) for action in actions} <= {Dropped, Send, Failed, Traced}
            assert not any(failed.diagnosis.proven for failed in only(Failed, actions))
            assert standing(net) == before


def is_same_under_keys(net: Network, data: bytes, good: bytes) -> bool:
    """Tell whether a HASH cannot tell the damaged message from the good one."""
    try:
        one, other = net.ear.read(data), net.ear.read(good)
    except (Malformed, KeyError):
        return False
    if one is None or other is None or one.header.message_id != other.header.message_id:
        return False
    if other.header.message_id:
        return one.content == other.content
    return (one.payloads[0], one.one(Hash)) == (other.payloads[0], other.one(Hash))


@EACH_MODE
@pytest.mark.parametrize("seed", range(4))
def test_noise_at_both_ends(seed: int, mode: str) -> None:
    net = network(seed, mode, 99)
    damage = mutator(seed, [send.data for send in net.wire])
    before = standing(net)
    for number in range(600):
        name, data = ("moon", "sun")[number % 2], damage.noise()
        give(net, name, data)
    assert [one[:2] for one in before] == [one[:2] for one in standing(net)]  # type: ignore[index]


@EACH_MODE
@pytest.mark.parametrize("seed", range(4))
def test_damage_to_everything_that_was_said(seed: int, mode: str) -> None:
    net = network(seed, mode, 99)
    damage = mutator(seed, [send.data for send in net.wire])
    before = standing(net)
    for number in range(400):
        name, data = ("moon", "sun")[number % 2], damage.datagram()
        give(net, name, data, proved=True)
    assert [one[:2] for one in before] == [one[:2] for one in standing(net)]  # type: ignore[index]


@pytest.mark.parametrize("seed", range(4))
def test_damaged_fragments_change_nothing(seed: int) -> None:
    net = network(seed, "main", 99)
    whole = Forger(net).say(*(Notify(40000 + n, bytes(200)) for n in range(9)))
    pieces = cut(whole, 500, 7)
    damage = mutator(seed, list(pieces))
    before = standing(net)
    for _ in range(400):
        data = damage.datagram()
        if data in pieces:
            continue
        give(net, "sun", data)
    assert [one[:2] for one in before] == [one[:2] for one in standing(net)]  # type: ignore[index]


# -- a peer that has the keys ---------------------------------------------------------------------
def fuzz_authentic(
    seed: int, rounds: int, exchange: Exchange, good: tuple[Payload, ...], mode: str = "main"
) -> None:
    """Let sun take messages that are damaged under a good HASH; each may end its SA, no more."""
    first, chain = build_chain(good)
    damage = mutator(seed, [chain])
    net = network(seed, mode, 99)
    forger = Forger(net)
    for turn in range(rounds):
        if turn % 50 == 0 or not net.up("sun"):
            net = network(seed * 10_000 + turn, mode, 99)
            forger = Forger(net)
        before = len(net.wire)
        data = forger.say_octets(first, damage.damaged(chain), exchange)
        net.inject("sun", data, PATHS["sun"])
        assert len(net.wire) - before <= 8  # answers to as many notifies of one message
        assert len(net.hosts["sun"].children) <= 7  # ours, and those of quick modes under way


@pytest.mark.parametrize("seed", range(6))
def test_authentic_nonsense_in_informational(seed: int) -> None:
    good = (
        Delete(ProtocolId.ESP, (b"abcd", b"efgh")),
        Notify(NotifyType.R_U_THERE, b"\0\0\0\1", spi=bytes(16)),
        Notify(NotifyType.RESPONDER_LIFETIME, bytes.fromhex("800b0001800c0e10")),
        Notify(NotifyType.INITIAL_CONTACT, spi=bytes(16)),
        Notify(NotifyType.INVALID_SPI, protocol=3, spi=b"abcd"),
        Delete(ProtocolId.ISAKMP, (bytes(16),)),
    )
    fuzz_authentic(seed, 200, Exchange.INFORMATIONAL, good)


@EACH_MODE
@pytest.mark.parametrize("seed", range(6))
def test_authentic_nonsense_in_quick_mode(seed: int, mode: str) -> None:
    good = heard(network(1, mode, 99), "moon", QUICK)[0][1:]
    fuzz_authentic(seed, 200, Exchange.QUICK, good, mode)


@pytest.mark.parametrize("seed", range(4))
def test_authentic_nonsense_in_transactions(seed: int) -> None:
    words = tuple(Attribute(number, b"alice") for number in (1, 3, 7, 16521, 16522, 28672))
    for kind in ConfigType:
        fuzz_authentic(seed, 60, Exchange.TRANSACTION, (ConfigAttributes(kind, 1, words),))


@pytest.mark.parametrize("seed", range(6))
def test_authentic_nonsense_in_the_answer_to_quick_mode(seed: int) -> None:
    for turn in range(60):
        net = network(seed * 100 + turn, "main", 99)
        net.tell("moon", ChildWanted(net.up("moon")[0], net.hosts["moon"].profile.children[0]))
        net.tell("moon", RekeyWanted(next(iter(net.hosts["moon"].children)), "time"))
        asked = net.wire[-1].data
        forger = Forger(net)
        message_id = parse_header(asked).message_id
        make = hash2(forger.keys, message_id, heard(net, "moon", QUICK)[-1][2].body())
        first, chain = build_chain(heard(net, "sun", QUICK)[0][1:])
        data = forger.say_octets(
            first,
            mutator(turn, [chain]).damaged(chain),
            Exchange.QUICK,
            message_id,
            make,
            asked[-16:],
        )
        before = len(net.wire)
        net.inject("moon", data, PATHS["moon"])
        assert len(net.wire) - before <= 2
        assert len(net.up("moon")) == 1
        assert len(net.hosts["moon"].children) <= 2
        assert any(spi in net.hosts["moon"].children for spi in net.hosts["moon"].spis.owed)


def hash2(keys: Keys1, message_id: int, nonce: bytes) -> Callable[[bytes], bytes]:
    """Return what makes HASH(2) of what follows it."""
    return lambda rest: quick_hash2(keys, message_id, nonce, rest)


@pytest.mark.parametrize("seed", range(6))
def test_nonsense_under_the_keys_of_phase_1(seed: int) -> None:
    """Whoever knows the PSK may say anything in message 5."""
    for turn in range(60):
        net = network(seed * 100 + turn, "main", 4)
        said = net.ear.read(net.wire[4].data)
        assert said is not None
        first, chain = build_chain(said.payloads)
        forger = Forger(net, (net.wire[4].data[:8], net.wire[4].data[8:16]))
        damaged = mutator(turn, [chain]).damaged(chain)
        data = forger.seal(first, damaged, Exchange.MAIN, 0, forger.keys.iv)
        before = len(net.wire)
        net.inject("sun", data, PATHS["sun"])
        assert len(net.wire) - before <= 1
        net.sleep(100)
        assert len(net.seen(Established, "sun")) <= 1


# -- a gateway for clients ------------------------------------------------------------------------
@pytest.mark.parametrize("seed", range(4))
def test_damage_while_a_client_logs_in(seed: int) -> None:
    client, server = (
        LegacyTerms(Phase1Mode.MAIN, False, role, Role.NONE, ConfigMode.PULL)
        for role in (Role.CLIENT, Role.SERVER)
    )
    for messages in range(6, 11):
        moon = profile("moon", GROUP, legacy=client, dpd=False)
        sun = profile("sun", GROUP, legacy=server, dpd=False)
        net = Network(moon, sun, limits=ROOMY, seed=seed)
        net.lose = lambda _, net=net, messages=messages: len(net.wire) > messages  # type: ignore[misc]
        net.initiate("moon")
        net.lose = lambda _: True
        damage = mutator(seed, [send.data for send in net.wire[6:]])
        before = [net.up(name) for name in ("moon", "sun")]
        for number in range(60):
            name, data = ("moon", "sun")[number % 2], damage.datagram()
            if any(send.data == data for send in net.wire):
                continue
            give(net, name, data, proved=True)
        assert [net.up(name) for name in ("moon", "sun")] == before


# -- whatever hypothesis thinks of ----------------------------------------------------------------
@st.composite
def edits(draw: st.DrawFn) -> bytes:
    """A recorded datagram with slices replaced."""
    data = bytearray(draw(st.sampled_from([*GOOD["main"], *GOOD["aggressive"]])))
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(data)))
        stop = draw(st.integers(start, min(len(data), start + 8)))
        data[start:stop] = draw(st.binary(max_size=8))
    return bytes(data)


MAKERS = [lambda: network(99, "main", 0), lambda: network(99, "main", 99)]


@pytest.mark.parametrize("make", MAKERS, ids=["alone", "connected"])
@settings(max_examples=300, deadline=None, derandomize=True)
@given(data=st.one_of(edits(), st.binary(max_size=200)), listener=st.sampled_from(["moon", "sun"]))
def test_edited_datagrams(make: Callable[[], Network], data: bytes, listener: str) -> None:
    net = make()
    before = {name: net.up(name) for name in net.hosts}
    actions = net.inject(listener, data, PATHS[listener])
    assert len(only(Send, actions)) <= 1
    assert before == {name: net.up(name) for name in net.hosts}


def test_the_recordings_are_whole_conversations() -> None:
    for mode, first in (("main", [2] * 6), ("aggressive", [4] * 3)):
        exchanges = [parse_header(data).exchange for data in GOOD[mode]]
        assert exchanges == [*first, 32, 32, 32, *[5] * 4, 32, 32, 32, 5, 5]
