"""NAT detection payloads, made at one end of a path and judged at the other."""

from dataclasses import replace

from ikev2.message import Header, Message
from ikev2.nat import NatFound, detection_payloads, judge
from ikev2.payloads.notify import Notify
from ikev2.payloads.types import NotifyType
from policy.path import Path

from .network import MOON, SUN, Dice

SPIS = (b"initspi!", bytes(8))
HERE = Path((MOON, 500), (SUN, 500))
THERE = HERE.reversed


def judged(*payloads: Notify, path: Path = THERE) -> NatFound:
    header = Header(*SPIS, 34, 0, from_initiator=True, response=False)
    return judge(Message(header, payloads, protected=False, raw=b""), SPIS, path)


def told(*, pretend: bool = False) -> tuple[Notify, Notify]:
    return detection_payloads(SPIS, HERE, Dice(1), pretend=pretend)


def test_no_nat_is_found_where_none_is() -> None:
    found = judged(*told())
    assert found == NatFound(told=True, here=False, there=False)
    assert not found.any


def test_a_rewritten_source_is_a_nat_before_the_peer() -> None:
    for source in (("198.51.100.1", 500), (MOON, 40500)):
        found = judged(*told(), path=replace(THERE, remote=source))
        assert (found.here, found.there, found.any) == (False, True, True)


def test_a_rewritten_destination_is_a_nat_before_us() -> None:
    found = judged(*told(), path=replace(THERE, local=("10.0.0.1", 500)))
    assert (found.here, found.there) == (True, False)


def test_forced_encapsulation_pretends_a_nat_before_its_sender() -> None:
    assert judged(*told(pretend=True)) == NatFound(told=True, here=False, there=True)


def test_a_peer_with_several_addresses_sends_a_hash_for_each() -> None:
    source, target = told()
    other = Notify(NotifyType.NAT_DETECTION_SOURCE_IP, bytes(20))
    assert not judged(other, source, target).any
    assert not judged(target, source, other).any


def test_a_peer_that_says_nothing_of_nat_is_not_judged() -> None:
    source, target = told()
    for payloads in ((), (source,), (target,)):
        assert judged(*payloads) == NatFound(told=False, here=False, there=False)


def test_ipv6_is_judged_alike() -> None:
    path = Path(("2001:db8::1", 500), ("2001:db8::2", 500))
    payloads = detection_payloads(SPIS, path, Dice(1), pretend=False)
    assert not judged(*payloads, path=path.reversed).any
    moved = replace(path.reversed, remote=("2001:db8::9", 500))
    assert judged(*payloads, path=moved).there
