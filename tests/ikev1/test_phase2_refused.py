"""Offers and answers of phase 2 that lead to nothing."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ikecore.proposals import Protocol, describe
from ikev1.payloads.attributes import Attribute
from ikev1.payloads.sa import ProposalPayload, SecurityAssociation, TransformPayload
from ikev1.phase2_offer import (
    accepted_phase2,
    offer_phase2,
)
from ikev1.phase2_told import blame_phase2, refusal_phase2, theirs_phase2
from ikev1.registry import GROUPS

from .offers import (
    THEIRS,
    TUNNEL,
    agreed,
    chosen,
    home,
    lacking,
    offered,
    on_the_wire,
    with_more,
    with_value,
)

SINGLE = [
    pytest.param(5, 2, id="another integrity algorithm"),
    pytest.param(5, 99, id="an unknown integrity algorithm"),
    pytest.param(6, 256, id="another key length"),
    pytest.param(6, 0, id="no key length"),
    pytest.param(4, 2, id="another encapsulation"),
    pytest.param(3, 5, id="another group"),
    pytest.param(1, 3, id="another unit of time"),
    pytest.param(11, 2, id="an unknown kind of sequence numbers"),
]


@pytest.mark.parametrize(("kind", "value"), SINGLE)
def test_one_attribute_changed_leads_to_no_choice(kind: int, value: int) -> None:
    us = home("aes128-sha256-modp2048-esn")
    sa = offered(us)
    assert chosen(us, sa) is not None
    assert chosen(us, with_value(sa, kind, value)) is None


@pytest.mark.parametrize("kind", [3, 5, 6, 11])
def test_one_attribute_less_leads_to_no_choice(kind: int) -> None:
    us = home("aes128-sha256-modp2048-esn")
    assert chosen(us, lacking(offered(us), kind)) is None


def test_sequence_numbers_as_configured() -> None:
    short, long, either = (home(f"aes128-sha1{esn}") for esn in ("", "-esn", "-esn-noesn"))
    assert chosen(short, offered(long)) is None
    assert chosen(long, offered(short)) is None
    assert agreed(either, short).esn is False
    assert agreed(either, long).esn is True
    assert agreed(either, either).esn is True


def with_transform(number: int, *attributes: tuple[int, int]) -> SecurityAssociation:
    one = TransformPayload(1, number, tuple(Attribute(*a) for a in ((4, 1), *attributes)))
    return on_the_wire((ProposalPayload(1, 3, b"\xc0\0\0\1", (one,)),))


@pytest.mark.parametrize(
    "sa",
    [
        pytest.param(with_transform(11), id="NULL without authentication"),
        pytest.param(with_transform(11, (5, 0)), id="NULL with authentication 0"),
        pytest.param(with_transform(0), id="transform 0"),
        pytest.param(with_transform(0, (5, 2)), id="transform 0 with authentication"),
        pytest.param(with_transform(12, (6, 128)), id="AES without authentication"),
        pytest.param(with_transform(3), id="3DES without authentication"),
        pytest.param(with_transform(23, (6, 128)), id="GMAC"),
        pytest.param(with_transform(21, (6, 128)), id="GMAC by the number of IKEv2"),
        pytest.param(with_transform(20, (6, 128), (5, 2)), id="GCM with authentication"),
        pytest.param(with_transform(20), id="GCM without a key length"),
        pytest.param(with_transform(28), id="ChaCha20 by the number of IKEv2"),
        pytest.param(with_transform(12, (5, 2)), id="AES without a key length"),
        pytest.param(with_transform(3, (6, 192), (5, 2)), id="3DES with a key length"),
    ],
)
def test_what_protects_nothing_or_was_never_configured_is_refused(sa: SecurityAssociation) -> None:
    us = home("aes128-3des-null-sha1", "aes128gcm16", "chacha20poly1305")
    assert chosen(us, sa) is None


def test_gmac_is_taken_where_it_is_configured() -> None:
    found = chosen(home("aes128gmac"), with_transform(23, (6, 128)))
    assert found is not None
    assert str(found.suite) == "aes128gmac"


@pytest.mark.parametrize(
    "odd", [Attribute(7, 12), Attribute(10, 1), Attribute(14, 1), Attribute(32001, b"ctx")]
)
def test_an_unknown_attribute_makes_that_transform_unusable_alone(odd: Attribute) -> None:
    us = home("aes128-sha1", "3des-sha1")
    (one,) = offered(us).proposals
    spoilt = replace(one.transforms[0], attributes=(*one.transforms[0].attributes, odd))
    found = chosen(us, on_the_wire((replace(one, transforms=(spoilt, one.transforms[1])),)))
    assert found is not None
    assert str(found.suite) == "3des-sha1"


def test_esp_together_with_ah_or_ipcomp_is_not_taken() -> None:
    us = home("aes128-sha1")
    (esp,) = offered(us).proposals
    ah = replace(offered(home("sha1", protocol=Protocol.AH)).proposals[0])
    ipcomp = ProposalPayload(1, 4, b"\0\2", (TransformPayload(1, 2, (Attribute(4, 1),)),))
    for other in (ah, ipcomp):
        assert chosen(us, on_the_wire((esp, other))) is None
        alone = replace(esp, number=2)
        found = chosen(us, on_the_wire((esp, other, alone)))
        assert found is not None
        assert found.suite.number == 2


def test_ah_whose_two_numbers_differ_is_not_taken() -> None:
    us = home("sha1-md5", protocol=Protocol.AH)
    assert chosen(us, with_value(offered(home("sha1", protocol=Protocol.AH)), 5, 1)) is None


def test_of_nothing_nothing_is_chosen() -> None:
    assert chosen(home("aes128-sha1"), SecurityAssociation(())) is None
    phase1 = ProposalPayload(1, 1, b"", (TransformPayload(1, 1, (Attribute(1, 7),)),))
    assert chosen(home("aes128-sha1"), on_the_wire((phase1,))) is None


ANSWERS = [
    pytest.param(lambda sa: with_value(sa, 6, 256), "none of our", id="longer key"),
    pytest.param(lambda sa: with_value(sa, 4, 2), "none of our", id="another encapsulation"),
    pytest.param(lambda sa: with_value(sa, 4, 3), "none of our", id="UDP"),
    pytest.param(lambda sa: with_more(sa, Attribute(3, 14)), "none of our", id="a group"),
    pytest.param(lambda sa: with_more(sa, Attribute(11, 1)), "none of our", id="esn"),
    pytest.param(lambda sa: with_more(sa, Attribute(99, 1)), "none of our", id="odd"),
    pytest.param(lambda _: SecurityAssociation(()), "one transform", id="nothing"),
]


@pytest.mark.parametrize(("change", "why"), ANSWERS)
def test_an_answer_that_is_none_of_what_we_offered(
    change: Callable[[SecurityAssociation], SecurityAssociation], why: str
) -> None:
    us = home("aes128-sha1")
    offer = offer_phase2(us, THEIRS, TUNNEL)
    with pytest.raises(ValueError, match=why):
        accepted_phase2(us, offer, change(on_the_wire(offer)))


def test_an_answer_of_all_that_we_offered_or_of_what_is_gone() -> None:
    us = home("aes128-3des-sha1")
    offer = offer_phase2(us, THEIRS, TUNNEL)
    with pytest.raises(ValueError, match="one transform"):
        accepted_phase2(us, offer, on_the_wire(offer))
    offer = offer_phase2(home("aes128-sha1"), THEIRS, TUNNEL)
    with pytest.raises(ValueError, match="no longer configured"):
        accepted_phase2(home("3des-sha1"), offer, on_the_wire(offer))


def test_an_answer_may_shorten_the_lifetime() -> None:
    us = home("aes128-sha1")
    offer = offer_phase2(us, THEIRS, TUNNEL)
    found = accepted_phase2(us, offer, with_value(on_the_wire(offer), 2, 600))
    assert found.seconds == 600.0


ANY = st.builds(
    TransformPayload,
    st.integers(0, 255),
    st.integers(0, 30),
    st.lists(
        st.builds(Attribute, st.integers(0, 16), st.integers(0, 65535) | st.binary(max_size=12)),
        max_size=8,
    ).map(tuple),
)
ANY_PROPOSAL = st.builds(
    ProposalPayload,
    st.integers(0, 3),
    st.integers(0, 5),
    st.just(b"\xc0\0\0\1"),
    st.lists(ANY, max_size=4).map(tuple),
)


@given(st.lists(ANY_PROPOSAL, max_size=4).map(lambda all_: SecurityAssociation(tuple(all_))))
def test_whatever_is_offered_the_choice_is_ours_or_none(sa: SecurityAssociation) -> None:
    us = home("aes128-sha1-modp2048", "null-md5")
    found = chosen(us, sa)
    assert found is None or str(found.suite) in (
        "aes128-sha1-modp2048",
        *("null-md5", *(f"null-md5-{group.name}" for group in GROUPS.values())),
    )
    refusal_phase2(us, sa, TUNNEL)
    blame_phase2(us, sa)
    assert all(describe(one).isprintable() for one in theirs_phase2(sa))
