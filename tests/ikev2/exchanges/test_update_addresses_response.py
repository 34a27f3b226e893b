"""Address updates answered (RFC 4555 sections 3.5 to 3.9)."""

from collections.abc import Sequence
from dataclasses import dataclass

import pytest

from ikecore.actions import Action, Closed, Failed, MoveChild, Moved, Noted
from ikev2.exchange import OwnExchange
from ikev2.exchanges.update_addresses import ProveAddress
from ikev2.message import Exchange, Message
from ikev2.payloads.chain import Payload
from ikev2.payloads.notify import Notify
from ikev2.payloads.types import NotifyType
from ikev2.sa import IkeSa
from policy.path import Path
from tests.ikev2.movers import LTE, MOON, SUN, WLAN, Pair, addresses
from tests.ikev2.wire import Nat

UPDATE = Notify(NotifyType.UPDATE_SA_ADDRESSES)
COOKIE = Notify(NotifyType.COOKIE2, b"12345678")


@dataclass
class Say:
    """A request of a peer with other habits than ours; keeps the answer."""

    words: Sequence[Payload]
    answer: tuple[Payload, ...] = ()
    kind = Exchange.INFORMATIONAL
    alone = False

    def is_moot(self, _sa: IkeSa) -> bool:
        return False

    def payloads(self, _sa: IkeSa, _now: float) -> tuple[Payload, ...]:
        return tuple(self.words)

    def on_response(self, _sa: IkeSa, message: Message, _now: float) -> list[Action]:
        self.answer = message.payloads
        return []

    def on_silence(self, _sa: IkeSa, _now: float) -> list[Action]:
        return []


def ask(pair: Pair, *words: Payload, name: str = "moon") -> list[str]:
    """Let one end say something, and return what the answer says."""
    say = Say(words)
    exchange: OwnExchange = say
    pair.act(name, lambda sa: sa.start(exchange, pair.now))
    pair.sleep(1)
    return [NotifyType(n.type).name for n in say.answer if isinstance(n, Notify)]


def leave_from(pair: Pair, address: str) -> None:
    """Let moon send from another address without a word of it."""
    pair.ends["moon"].addresses.add(address)
    pair.moon.path = Path((address, 4500), pair.moon.path.remote, encapsulated=True)


def test_a_cookie_comes_back_as_it_was() -> None:
    pair = Pair()
    say = Say((COOKIE,))
    pair.act("moon", lambda sa: sa.start(say, pair.now))
    pair.sleep(1)
    assert say.answer == (COOKIE,)
    assert ask(pair, COOKIE, name="sun") == ["COOKIE2"]  # both roles
    assert ask(Pair(mobike=False), COOKIE) == ["COOKIE2"]


@pytest.mark.parametrize("size", [0, 7, 65])
def test_a_cookie_of_another_size_than_the_rfcs_does_not(size: int) -> None:
    assert ask(Pair(), Notify(NotifyType.COOKIE2, bytes(size))) == []


def test_nat_detection_comes_back_and_changes_nothing() -> None:
    pair = Pair()
    leave_from(pair, LTE)
    told = ask(
        pair,
        Notify(NotifyType.NAT_DETECTION_SOURCE_IP, bytes(20)),
        Notify(NotifyType.NAT_DETECTION_DESTINATION_IP, bytes(20)),
    )
    assert told == ["NAT_DETECTION_SOURCE_IP", "NAT_DETECTION_DESTINATION_IP"]
    assert addresses([pair.sun.path]) == [(SUN, MOON)]
    assert not pair.sun.nat_there


def test_a_request_from_elsewhere_moves_nothing_by_itself() -> None:
    pair = Pair()
    leave_from(pair, LTE)
    assert ask(pair) == []
    assert pair.wire[-1][1].path.remote[0] == LTE  # the answer goes to where it came from
    assert addresses((pair.sun.path, pair.child_paths()[1])) == [(SUN, MOON), (SUN, MOON)]


def test_an_update_moves_the_sa_and_after_a_proof_the_children() -> None:
    pair = Pair()
    leave_from(pair, LTE)
    say = Say((UPDATE,))
    pair.act("moon", lambda sa: sa.start(say, pair.now))
    pair.sleep(0.015)
    assert addresses((pair.sun.path, pair.child_paths()[1])) == [(SUN, LTE), (SUN, MOON)]
    pair.sleep(1)
    assert addresses([pair.child_paths()[1]]) == [(SUN, LTE)]
    assert say.answer == ()  # no NAT detection, no cookie: neither was asked for


def test_another_port_of_the_same_address_needs_no_proof() -> None:
    pair = Pair(nat=Nat("203.0.113.9"))
    pair.nats["moon"] = Nat("203.0.113.9", {500: 50500, 4500: 54500})
    ask(pair, UPDATE)
    assert pair.child_paths()[1].remote == ("203.0.113.9", 54500)
    sent_by_sun = [send for name, send in pair.wire if name == "sun"]
    assert len(sent_by_sun) == 1  # the answer alone


def test_a_proof_that_is_none_closes_the_sa() -> None:
    pair = Pair()
    probe = ProveAddress(0)
    pair.act("sun", lambda sa: sa.start(Say((COOKIE,)), pair.now))
    pair.sleep(1)
    probe.payloads(pair.sun, pair.now)
    pair.act("sun", lambda sa: probe.on_response(sa, _empty(pair), pair.now))
    pair.sleep(1)
    assert "COOKIE2" in pair.seen(Failed, "sun")[0].diagnosis.evidence
    assert len(pair.seen(Closed, "sun")) == 1


def _empty(pair: Pair) -> Message:
    header = pair.sun.header(Exchange.INFORMATIONAL, 0, response=True)
    return Message(header, (), protected=True, raw=b"")


def test_an_old_proof_moves_nothing() -> None:
    pair = Pair()
    leave_from(pair, LTE)
    pair.lose = lambda name, path: name == "sun" and path.remote[0] == LTE
    say = Say((UPDATE,))
    pair.act("moon", lambda sa: sa.start(say, pair.now))
    pair.sleep(0.1)
    pair.lose = lambda _name, _path: False
    pair.moon.requests.stop()
    leave_from(pair, WLAN)
    ask(pair, UPDATE)
    pair.sleep(5)
    paths = {move.path.remote[0] for move in pair.seen(MoveChild, "sun")}
    assert paths == {WLAN}
    assert pair.seen(Moved, "sun")[0].old.remote[0] == MOON


def test_a_peer_that_does_not_decide_updates_nothing() -> None:
    pair = Pair()
    pair.ends["sun"].addresses.add(WLAN)
    pair.sun.path = Path((WLAN, 4500), pair.sun.path.remote, encapsulated=True)
    assert ask(pair, UPDATE, name="sun") == []
    assert addresses([pair.moon.path]) == [(MOON, SUN)]


def test_without_mobike_an_update_is_only_a_probe() -> None:
    pair = Pair(mobike=False)
    assert ask(pair, UPDATE) == []
    assert pair.seen(Moved, "sun") == []


def test_a_nat_is_refused_by_who_allows_none() -> None:
    pair = Pair()
    pair.sun.profile = Pair(nat_traversal=False).sun.profile
    leave_from(pair, LTE)
    told = ask(
        pair,
        UPDATE,
        Notify(NotifyType.NAT_DETECTION_SOURCE_IP, bytes(20)),
        Notify(NotifyType.NAT_DETECTION_DESTINATION_IP, bytes(20)),
        COOKIE,
    )
    assert told == ["UNACCEPTABLE_ADDRESSES", "COOKIE2"]
    assert addresses([pair.sun.path]) == [(SUN, MOON)]
    assert "NAT" in pair.seen(Noted, "sun")[0].text


def test_a_translated_list_is_not_taken() -> None:
    pair = Pair()
    listed = Notify(NotifyType.ADDITIONAL_IP4_ADDRESS, bytes((203, 0, 113, 7)))
    forbidden = Notify(NotifyType.NO_NATS_ALLOWED, bytes(12))
    assert ask(pair, listed, forbidden) == ["UNEXPECTED_NAT_DETECTED"]
    assert len(pair.sun.mobility.peers) == 0
    assert ask(pair, listed) == []
    assert list(pair.sun.mobility.peers) == ["203.0.113.7"]


def test_a_list_and_an_update_in_one_message() -> None:
    # strongSwan says both at once
    pair = Pair()
    leave_from(pair, LTE)
    ask(pair, UPDATE, Notify(NotifyType.ADDITIONAL_IP4_ADDRESS, bytes((203, 0, 113, 7))))
    assert list(pair.sun.mobility.peers) == ["203.0.113.7"]
    assert addresses([pair.child_paths()[1]]) == [(SUN, LTE)]


def test_requests_that_overtook_each_other_do_not_undo_the_newer_one() -> None:
    pair = Pair()
    pair.sun.mobility.newest_update = pair.sun.mobility.newest_list = 7
    leave_from(pair, LTE)
    ask(pair, UPDATE, Notify(NotifyType.ADDITIONAL_IP4_ADDRESS, bytes((203, 0, 113, 7))))
    assert addresses([pair.sun.path]) == [(SUN, MOON)]
    assert pair.sun.mobility.peers == ()


def test_a_proof_that_never_comes_is_a_dead_peer() -> None:
    pair = Pair()
    leave_from(pair, LTE)
    pair.act("moon", lambda sa: sa.start(Say((UPDATE,)), pair.now))
    pair.sleep(0.012)
    pair.lose = lambda _name, _path: True
    pair.sleep(60)
    assert [str(f.diagnosis.code) for f in pair.seen(Failed, "sun")] == ["DPD_TIMEOUT"]
