"""NAT-D payloads, made at one end of a path and judged at the other; and what a NAT changes."""

from dataclasses import replace

import pytest

from ikecore.child import Mode
from ikev1.keys import plain_hash
from ikev1.message import Exchange, Header, Message
from ikev1.nat import Nat, detection_payloads, judge
from ikev1.payloads.natd import DraftNatDetection, NatDetection
from ikev1.vendors import NatVariant
from policy.path import Path
from tests.pair.hosts import MOON, SUN, Dice

from .alone import COOKIES, suite

HERE = Path((MOON, 500), (SUN, 500))
THERE = HERE.reversed
RFC, DRAFT = NatVariant.RFC_3947, NatVariant.DRAFT_02_N
EACH = pytest.mark.parametrize("speaks", list(NatVariant), ids=lambda v: v.name)


def hash_of(data: bytes) -> bytes:
    return plain_hash(suite(), data)


def told(
    speaks: NatVariant | None = RFC, path: Path = HERE, *, pretend: bool = False
) -> tuple[NatDetection, ...]:
    return detection_payloads(speaks, hash_of, COOKIES, path, Dice(1), pretend=pretend)


def judged(*payloads: NatDetection, speaks: NatVariant | None = RFC, path: Path = THERE) -> Nat:
    header = Header(*COOKIES, Exchange.MAIN, 0, encrypted=False)
    message = Message(header, payloads, b"", b"")
    return judge(message, speaks, hash_of, COOKIES, path)


@EACH
def test_no_nat_is_found_where_none_is(speaks: NatVariant) -> None:
    found = judged(*told(speaks), speaks=speaks)
    assert found == Nat(speaks, here=False, there=False)
    assert not found.any


@EACH
def test_a_rewritten_source_is_a_nat_before_the_peer(speaks: NatVariant) -> None:
    for source in (("198.51.100.1", 500), (MOON, 40500)):
        found = judged(*told(speaks), speaks=speaks, path=replace(THERE, remote=source))
        assert (found.here, found.there, found.any) == (False, True, True)


@EACH
def test_a_rewritten_destination_is_a_nat_before_us(speaks: NatVariant) -> None:
    moved = replace(THERE, local=("10.0.0.1", 500))
    found = judged(*told(speaks), speaks=speaks, path=moved)
    assert (found.here, found.there) == (True, False)


def test_forced_encapsulation_pretends_a_nat_before_its_sender() -> None:
    assert judged(*told(pretend=True)) == Nat(RFC, here=False, there=True)


def test_a_peer_with_several_addresses_sends_a_hash_for_each() -> None:
    target, source = told()
    assert not judged(target, NatDetection(bytes(32)), source).any


def test_the_drafts_have_a_number_of_their_own() -> None:
    assert {type(one) for one in told(RFC)} == {NatDetection}
    assert {type(one) for one in told(DRAFT)} == {DraftNatDetection}


def test_who_knows_no_traversal_says_and_judges_nothing() -> None:
    assert told(None) == ()
    target, source = told()
    assert judged(target, source, speaks=None) == Nat()
    assert judged(target) == judged() == Nat()
    assert judged(target, source, speaks=DRAFT) == Nat()  # and under another number nothing came


def test_ipv6_is_judged_alike() -> None:
    path = Path(("2001:db8::1", 500), ("2001:db8::2", 500))
    payloads = told(path=path)
    assert not judged(*payloads, path=path.reversed).any
    moved = replace(path.reversed, remote=("2001:db8::9", 500))
    assert judged(*payloads, path=moved).there


def test_encapsulation_modes_depend_on_the_nat_and_the_variant() -> None:
    for nat, tunnel, transport in (
        (Nat(), 1, 2),
        (Nat(RFC), 1, 2),
        (Nat(RFC, here=True), 3, 4),
        (Nat(RFC, there=True), 3, 4),
        (Nat(DRAFT, there=True), 61_443, 61_444),
        (Nat(NatVariant.DRAFT_03, here=True), 61_443, 61_444),
    ):
        assert nat.encapsulation(Mode.TUNNEL) == tunnel
        assert nat.encapsulation(Mode.TRANSPORT) == transport


def test_a_nat_lets_both_ends_float_to_their_other_port() -> None:
    floated = Nat(RFC, here=True).floated(HERE, 4500)
    assert (floated.local, floated.remote) == ((MOON, 4500), (SUN, 4500))
    assert floated.encapsulated
    assert Nat(RFC).floated(HERE, 4500) == HERE


def test_who_came_to_the_other_port_by_itself_stays_there() -> None:
    there = Path((MOON, 4500), (SUN, 44500), encapsulated=True)
    assert Nat(RFC, there=True).floated(there, 4500) == there
    assert Nat(RFC).floated(there, 4500) == replace(there, plain_esp=True)


@pytest.mark.parametrize(
    ("nat", "remote", "follows"),
    [
        (Nat(), (SUN, 500), False),  # the same again
        (Nat(), (SUN, 501), True),
        (Nat(), ("203.0.113.9", 500), False),
        (Nat(RFC, there=True), ("203.0.113.9", 500), True),
        (Nat(RFC, here=True, there=True), ("203.0.113.9", 500), False),
        (Nat(RFC, here=True), (SUN, 501), False),
    ],
)
def test_a_peer_is_followed_where_a_nat_may_have_taken_it(
    nat: Nat, remote: tuple[str, int], follows: bool
) -> None:
    assert nat.follows(HERE, replace(HERE, remote=remote)) is follows
