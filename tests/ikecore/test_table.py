"""The books of an endpoint: SAs found by SPI, by child, by connection, by who waits next."""

import pytest

from ikecore.actions import InstallChild, RemoveChild
from ikecore.child import ChildSpec, Keys
from ikecore.halfopen import HalfOpen
from ikecore.profile import Limits
from ikecore.proposals import choose
from ikecore.spipool import SpiPool
from ikecore.table import SaTable
from ikev2.handlers import HANDLERS
from ikev2.life import next_timeout
from ikev2.sa import IkeSa, Resources, State
from ikev2.standing import standing
from policy.path import Path
from suites.secret import Secret
from tests.ikev2.network import MOON, SUN, Dice, profile

DICE = Dice(1)
RESOURCES = Resources(DICE, SpiPool(DICE), Limits(), HANDLERS, lambda _: [])
PATH = Path((SUN, 500), (MOON, 500))


def sa(number: int, *, initiator: bool = False) -> IkeSa:
    spis = (b"i%07d" % number, b"r%07d" % number)
    return IkeSa(RESOURCES, spis, PATH, profile("sun"), 0.0, initiator=initiator)


@pytest.fixture
def counts() -> HalfOpen:
    return HalfOpen(Limits())


@pytest.fixture
def table(counts: HalfOpen) -> SaTable[IkeSa]:
    return SaTable(counts, standing, next_timeout)


def spec(owner: IkeSa, spi: int) -> ChildSpec:
    ours = profile("sun").esp_proposals
    settled = choose(ours, ours)
    assert settled is not None
    none = Keys(Secret(b""), Secret(b""))
    return ChildSpec("net", owner.sa, spi, 999, settled[0], none, none, (), (), PATH)


def test_a_responder_is_found_by_its_own_spi_and_by_the_peers_request(
    table: SaTable[IkeSa], counts: HalfOpen
) -> None:
    one = sa(1)
    table.add_responder(one, MOON)
    assert table.get(b"r0000001") is one
    assert b"r0000001" in table
    assert table.get(b"i0000001") is None
    assert table.of_init(b"i0000001", MOON) is one
    assert table.of_init(b"i0000001", SUN) is None
    assert (len(table), counts.total, list(table)) == (1, 1, [one])


def test_an_initiator_is_a_mate_at_once_and_a_responder_when_it_is_established(
    table: SaTable[IkeSa], counts: HalfOpen
) -> None:
    ours, theirs = sa(1, initiator=True), sa(2)
    table.add_initiator(ours)
    table.add_responder(theirs, MOON)
    assert table.mates("net") == [ours]
    theirs.connection = "net"
    theirs.become(State.ESTABLISHED, "")
    table.note(theirs, [])
    assert table.mates("net") == [ours, theirs]
    assert counts.total == 0
    table.note(theirs, [])
    assert counts.total == 0


def test_a_child_leads_to_its_sa_until_it_is_removed(table: SaTable[IkeSa]) -> None:
    one = sa(1)
    table.add_responder(one, MOON)
    table.note(one, [InstallChild(spec(one, 4711))])
    assert table.of_child(4711) is one
    table.note(one, [RemoveChild(4711)])
    assert table.of_child(4711) is None
    assert table.of_child(4712) is None


def test_a_closed_sa_is_no_mate_but_still_answers_until_it_is_forgotten(
    table: SaTable[IkeSa], counts: HalfOpen
) -> None:
    one = sa(1)
    table.add_responder(one, MOON)
    one.become(State.CLOSED, "")
    table.note(one, [])
    assert counts.total == 0
    assert table.mates("net") == []
    assert table.get(one.sa) is one
    table.forget(one)
    table.forget(one)
    assert table.get(one.sa) is None
    assert table.of_init(one.spis[0], MOON) is None
    assert counts.total == 0


def test_only_a_thousand_closed_sas_are_kept(table: SaTable[IkeSa]) -> None:
    for number in range(1500):
        one = sa(number)
        table.add_responder(one, MOON)
        one.become(State.CLOSED, "")
        table.note(one, [])
    assert len(table) == 1000
    assert table.get(b"r0000499") is None
    assert table.get(b"r0000500") is not None


def test_the_next_to_wait_comes_first(table: SaTable[IkeSa]) -> None:
    for number, at in ((1, 30.0), (2, 10.0), (3, 20.0)):
        one = sa(number)
        one.expires_at = at
        table.add_responder(one, MOON)
        table.schedule(one)
    assert table.next_due() == 10.0
    assert table.pop_due(9.9) is None
    first = table.pop_due(10.0)
    assert first is table.get(b"r0000002")
    assert table.pop_due(10.0) is None
    assert table.next_due() == 20.0


def test_a_time_put_off_is_found_out_when_it_comes(table: SaTable[IkeSa]) -> None:
    one = sa(1)
    one.expires_at = 10.0
    table.add_responder(one, MOON)
    table.schedule(one)
    one.expires_at = 50.0
    table.schedule(one)
    assert table.pop_due(10.0) is None
    assert table.next_due() == 50.0
    assert table.pop_due(50.0) is one


def test_a_time_brought_forward_is_kept(table: SaTable[IkeSa]) -> None:
    one = sa(1)
    one.expires_at = 50.0
    table.add_responder(one, MOON)
    table.schedule(one)
    one.expires_at = 5.0
    table.schedule(one)
    assert table.next_due() == 5.0
    assert table.pop_due(5.0) is one
    assert table.pop_due(60.0) is None


def test_a_forgotten_sa_is_never_due(table: SaTable[IkeSa]) -> None:
    one = sa(1)
    one.expires_at = 5.0
    table.add_responder(one, MOON)
    table.schedule(one)
    table.forget(one)
    assert table.next_due() is None
    table.schedule(one)
    assert table.next_due() is None


def test_a_busy_sa_does_not_grow_the_heap(table: SaTable[IkeSa]) -> None:
    one = sa(1)
    table.add_responder(one, MOON)
    for at in range(10_000):
        one.expires_at = 100.0 + at
        table.schedule(one)
    steps = 0
    while table.next_due() is not None and steps < 5:
        table.pop_due(1e9)
        steps += 1
    assert steps <= 2


def test_an_attempt_whose_peer_moves_leaves_nothing_behind(table: SaTable[IkeSa]) -> None:
    one = sa(1, initiator=True)
    table.add_initiator(one)
    one.path = Path((SUN, 4500), ("203.0.113.9", 4500), encapsulated=True)
    table.forget(one)
    assert table.tried_at(MOON) == []


def test_an_attempt_is_found_by_the_peers_address_until_it_ends(table: SaTable[IkeSa]) -> None:
    one, two = sa(1, initiator=True), sa(2, initiator=True)
    for each in (one, two):
        table.add_initiator(each)
    assert table.tried_at(MOON) == [one, two]
    assert table.tried_at(SUN) == []
    one.become(State.ESTABLISHED, "a test")
    table.note(one, [])
    table.forget(two)
    assert table.tried_at(MOON) == []
