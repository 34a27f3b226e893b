"""What is offered for a first child, and what is agreed."""

from dataclasses import replace

import pytest

from ikecore.diagnosis import Code
from ikecore.proposals import Protocol, TransformType
from ikev2.children import Agreed, Refusal, agree, offer, spi_of
from ikev2.payloads.types import NotifyType

from .network import profile, selectors

SUN = profile("sun", esp=("aes256gcm16", "aes128-sha256-modp2048"))
MINE, THEIRS = SUN.local_ts, SUN.remote_ts


def offered(*esp: str, spi: int = 0xC0000001) -> tuple[object, ...]:
    return offer(profile("moon", esp=esp), spi)


def agreed(*esp: str, spi: int = 0xC0000001) -> Agreed | Refusal:
    return agree(SUN, offer(profile("moon", esp=esp), spi), THEIRS, MINE)


def test_an_offer_carries_the_spi_rising_numbers_and_no_group() -> None:
    moon = profile("moon", esp=("aes256gcm16-x25519", "aes128-sha256-modp2048-esn-noesn"))
    made = offer(moon, 0xC0000001)
    assert [p.number for p in made] == [1, 2]
    assert {spi_of(p) for p in made} == {0xC0000001}
    assert not any(p.of(TransformType.KE) for p in made)
    assert [t.id for t in made[1].of(TransformType.ESN)] == [1, 0]


def test_proposals_that_differ_only_in_their_group_are_offered_once() -> None:
    esp = ("aes128gcm16-x25519", "aes128gcm16-modp2048", "aes128gcm16")
    assert len(offer(profile("moon", esp=esp), 256)) == 1


def test_our_order_decides() -> None:
    found = agreed("aes128-sha256", "aes256gcm16")
    assert isinstance(found, Agreed)
    assert str(found.suite) == "aes256gcm16"
    assert (found.suite.number, found.outbound_spi) == (2, 0xC0000001)
    assert (found.local_ts, found.remote_ts) == (MINE, THEIRS)


def test_nothing_in_common_is_refused() -> None:
    found = agreed("aes128gcm16", "3des-sha1")
    assert isinstance(found, Refusal)
    assert found.notify is NotifyType.NO_PROPOSAL_CHOSEN
    (finding,) = found.diagnosis.findings
    assert finding.code is Code.ESP_PROPOSAL_MISMATCH
    assert finding.ours == "aes256gcm16, aes128-sha256"
    assert finding.theirs == "aes128gcm16, 3des-sha1"


@pytest.mark.parametrize("spi", [0, 1, 255])
def test_a_reserved_spi_is_no_offer(spi: int) -> None:
    found = agreed("aes256gcm16", spi=spi)
    assert isinstance(found, Refusal)
    assert found.notify is NotifyType.NO_PROPOSAL_CHOSEN


def test_an_spi_of_another_size_is_none() -> None:
    (proposal,) = offer(profile("moon"), 256)
    assert spi_of(replace(proposal, spi=b"12345678")) == 0
    assert spi_of(replace(proposal, spi=b"")) == 0
    assert spi_of(proposal) == 256


def test_esn_is_used_only_if_both_want_it() -> None:
    esn = profile("sun", esp=("aes128gcm16-esn",))
    both = agree(esn, offer(profile("moon", esp=("aes128gcm16-esn-noesn",)), 256), THEIRS, MINE)
    assert isinstance(both, Agreed)
    assert both.suite.esn
    assert isinstance(agree(esn, offer(profile("moon"), 256), THEIRS, MINE), Refusal)


def test_ah_is_another_protocol() -> None:
    (proposal,) = offer(profile("moon", esp=("aes128-sha256",)), 256)
    found = agree(SUN, (replace(proposal, protocol=Protocol.AH),), THEIRS, MINE)
    assert isinstance(found, Refusal)
    assert found.diagnosis.code is Code.PROTOCOL_MISMATCH


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        (selectors("10.9.0.0/24"), MINE),
        (THEIRS, selectors("10.9.0.0/24")),
        ((), MINE),
        (THEIRS, ()),
        (selectors("fd01::/64"), selectors("fd02::/64")),
    ],
)
def test_networks_that_do_not_meet_are_refused(theirs: tuple[()], ours: tuple[()]) -> None:
    found = agree(SUN, offer(profile("moon", esp=("aes256gcm16",)), 256), theirs, ours)
    assert isinstance(found, Refusal)
    assert found.notify is NotifyType.TS_UNACCEPTABLE
    assert found.diagnosis.findings[0].ours == "10.2.0.0/24 === 10.1.0.0/24"


def test_both_sides_are_narrowed() -> None:
    wide = selectors("10.0.0.0/8")
    found = agree(SUN, offer(profile("moon", esp=("aes256gcm16",)), 256), wide, wide)
    assert isinstance(found, Agreed)
    assert (found.local_ts, found.remote_ts) == (MINE, THEIRS)
