from collections.abc import Callable
from dataclasses import replace
from itertools import product
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ikecore.profile import Phase1Mode
from ikecore.proposals import Protocol, Suite, TransformType, describe
from ikecore.wire import Reader
from ikev1.payloads.attributes import Attribute
from ikev1.payloads.sa import ProposalPayload, SecurityAssociation, TransformPayload
from ikev1.phase1_offer import (
    Chosen1,
    accepted_phase1,
    aggressive_group,
    blame_phase1,
    choose_phase1,
    methods_of,
    offer_phase1,
    ours_phase1,
    phase1_suites,
    theirs_phase1,
)
from ikev1.registry import Method
from suites.encr import ENCR_BY_NAME
from suites.integ import INTEG_BY_NAME
from suites.kex import GROUP_BY_NAME

from .offers import (
    lacking,
    legacy,
    numbers,
    on_the_wire,
    profile,
    proposals,
    with_more,
    with_value,
)
from .recorded import FILES, QUICK, SA, ByHand, Recording

PSK = Method.PSK
ALL = [
    f"{encr}-{integ}-{group}"
    for encr, integ, group in product(
        ("des", "3des", "aes128", "aes192", "aes256"),
        ("md5", "sha1", "sha256", "sha384", "sha512"),
        ("modp768", "modp1024", "modp1536", "modp2048", "ecp256", "ecp521", "modp2048s256"),
    )
]


def names(suite: Suite) -> str:
    assert suite.integ is not None
    assert suite.group is not None
    return f"{suite.encr.name}-{suite.integ.name}-{suite.group.name}"


def offered(*texts: str) -> SecurityAssociation:
    return on_the_wire(offer_phase1(profile(*texts), PSK))


def chosen(ours: str, sa: SecurityAssociation) -> Chosen1 | None:
    return choose_phase1(proposals(ours), sa, (PSK,))


@pytest.mark.parametrize("keywords", ALL)
def test_what_is_configured_goes_there_and_back(keywords: str) -> None:
    us = profile(keywords, ike_lifetime=28800.0)
    offer = offer_phase1(us, PSK)
    found = choose_phase1(us.ike_proposals, on_the_wire(offer), (PSK,))
    assert found is not None
    assert names(found.suite) == keywords
    assert (found.suite.protocol, found.lifetime, found.auth_method) == (Protocol.IKE, 28800.0, PSK)
    assert found.suite.prf is not None
    assert found.suite.prf.name == f"prf{keywords.split('-')[1]}"
    answer = on_the_wire((found.proposal,))
    assert accepted_phase1(us, offer, answer) == found
    assert [describe(one) for one in theirs_phase1(on_the_wire(offer))] == [keywords]


def test_an_offer_is_one_proposal_with_a_transform_for_each_combination() -> None:
    us = profile("aes256-3des-sha256-sha1-modp2048-modp1024", "aes128-md5-modp768")
    (one,) = offer_phase1(us, PSK)
    assert (one.number, one.protocol, one.spi) == (1, 1, b"")
    assert [transform.number for transform in one.transforms] == list(range(1, 10))
    assert {transform.id for transform in one.transforms} == {1}
    assert [describe(told) for told in theirs_phase1(on_the_wire((one,)))] == [
        "aes256-sha256-modp2048",
        "aes256-sha256-modp1024",
        "aes256-sha1-modp2048",
        "aes256-sha1-modp1024",
        "3des-sha256-modp2048",
        "3des-sha256-modp1024",
        "3des-sha1-modp2048",
        "3des-sha1-modp1024",
        "aes128-md5-modp768",
    ]


def test_the_attributes_of_a_transform() -> None:
    (one,) = offer_phase1(profile("aes256-sha256-ecp256", ike_lifetime=86400.0), 65001)
    (transform,) = one.transforms
    assert [(a.type, a.value) for a in transform.attributes] == [
        (1, 7), (14, 256), (2, 4), (4, 19), (3, 65001), (11, 1), (12, 86400),
    ]  # fmt: skip
    (one,) = offer_phase1(profile("3des-sha1-modp1024", ike_lifetime=0.0), PSK)
    assert numbers(one.transforms[0]) == {1: 5, 2: 2, 4: 2, 3: 1}


def test_an_offer_says_nothing_twice_and_has_an_end() -> None:
    (one,) = offer_phase1(profile("aes128-sha1-modp1024", "aes-sha-modp1024-modp2048"), PSK)
    assert len(one.transforms) == 2
    everything = "des-3des-aes128-aes192-aes256-md5-sha1-sha256-sha384-sha512" + "".join(
        f"-{name}" for name in GROUP_BY_NAME
    )
    (one,) = offer_phase1(profile(everything), PSK)
    assert len(one.transforms) == 200
    assert len(on_the_wire((one,)).body()) < 8000


def test_aggressive_mode_offers_one_group() -> None:
    us = legacy(
        profile("aes128-sha1-modp2048-modp1024", "3des-sha1-modp1024-modp2048"),
        mode=Phase1Mode.AGGRESSIVE,
    )
    told = theirs_phase1(on_the_wire(offer_phase1(us, PSK)))
    assert [describe(one) for one in told] == ["aes128-sha1-modp2048", "3des-sha1-modp2048"]
    assert aggressive_group(us).name == "modp2048"


@pytest.mark.parametrize(
    "keywords",
    [
        "aes128gcm16-prfsha256-modp2048",
        "chacha20poly1305-prfsha256-modp2048",
        "aes128ctr-sha256-modp2048",
        "aes128-aesxcbc-modp2048",
        "aes128-sha256-x25519",
        "aes128-sha256-prfsha384-modp2048",
        "sm4-sm3-modp2048",
    ],
)
def test_what_ikev1_cannot_say_is_not_offered(keywords: str) -> None:
    assert not phase1_suites(proposals(keywords))
    with pytest.raises(ValueError, match="home: no IKE proposal"):
        offer_phase1(profile(keywords), PSK)
    with pytest.raises(ValueError, match="home: no IKE proposal"):
        aggressive_group(profile(keywords))
    (one,) = offer_phase1(profile(keywords, "3des-sha1-modp1024"), PSK)
    assert len(one.transforms) == 1


def test_child_proposals_are_no_phase_1() -> None:
    assert not phase1_suites(proposals("aes128-sha1-modp1024", protocol=Protocol.ESP))


def test_a_responder_chooses_by_its_own_order() -> None:
    sa = offered("aes256-sha256-modp2048", "3des-sha1-modp1024", "aes128-sha1-modp1536")
    found = chosen("3des-aes128-sha1-modp1536-modp1024", sa)
    assert found is not None
    assert names(found.suite) == "3des-sha1-modp1024"
    assert found.proposal == replace(sa.proposals[0], transforms=(sa.proposals[0].transforms[1],))


def test_the_answer_is_the_transform_as_it_came() -> None:
    odd = TransformPayload(
        77,
        1,
        (
            Attribute(3, 1),
            Attribute(4, b"\0\2"),  # a basic attribute written out
            Attribute(1, 5),
            Attribute(2, 2),
            Attribute(11, 1),
            Attribute(12, b"\0\0\0\0\0\1\x51\x80"),
        ),
    )
    sa = SecurityAssociation((ProposalPayload(9, 1, b"8 octets", (odd,)),))
    found = chosen("3des-sha1-modp1024", sa)
    assert found is not None
    assert found.proposal == sa.proposals[0]
    assert found.lifetime == 86400.0


SINGLE = [
    pytest.param(1, 3, (TransformType.ENCR,), id="another cipher"),
    pytest.param(1, 0, (TransformType.ENCR,), id="no such cipher"),
    pytest.param(14, 256, (TransformType.ENCR,), id="another key length"),
    pytest.param(2, 2, (TransformType.INTEG,), id="another hash"),
    pytest.param(2, 3, (TransformType.INTEG,), id="an unknown hash"),
    pytest.param(4, 5, (TransformType.KE,), id="another group"),
    pytest.param(4, 31, (TransformType.KE,), id="no group of IKEv1's"),
    pytest.param(3, 3, (), id="another method"),
    pytest.param(11, 3, (), id="another unit of time"),
]


@pytest.mark.parametrize(("kind", "value", "blamed"), SINGLE)
def test_one_attribute_changed_leads_to_no_choice_and_is_blamed(
    kind: int, value: int, blamed: tuple[TransformType, ...]
) -> None:
    ours = "aes128-sha256-modp2048"
    sa = offered(ours)
    assert chosen(ours, sa) is not None
    other = with_value(sa, kind, value)
    assert chosen(ours, other) is None
    assert blame_phase1(proposals(ours), other) == blamed


@pytest.mark.parametrize("kind", [1, 2, 3, 4, 14])
def test_one_attribute_less_leads_to_no_choice(kind: int) -> None:
    ours = "aes128-sha256-modp2048"
    assert chosen(ours, lacking(offered(ours), kind)) is None


def test_a_key_length_where_none_belongs_leads_to_no_choice() -> None:
    ours = "3des-sha1-modp1024"
    sa = with_more(offered(ours), Attribute(14, 192))
    assert chosen(ours, sa) is None
    assert blame_phase1(proposals(ours), sa) == (TransformType.ENCR,)


def test_another_transform_id_leads_to_no_choice() -> None:
    (one,) = offered("aes128-sha1-modp1024").proposals
    other = replace(one, transforms=(replace(one.transforms[0], id=2),))
    assert chosen("aes128-sha1-modp1024", SecurityAssociation((other,))) is None
    assert chosen("aes128-sha1-modp1024", SecurityAssociation((replace(one, protocol=3),))) is None


def test_an_unknown_attribute_makes_that_transform_unusable_alone() -> None:
    (one,) = offered("aes128-sha1-modp1024", "3des-sha1-modp1024").proposals
    first = one.transforms[0]
    for odd in (Attribute(13, 1), Attribute(16384, b"x"), Attribute(5, 1), Attribute(2, 2)):
        spoilt = replace(first, attributes=(*first.attributes, odd))
        sa = SecurityAssociation((replace(one, transforms=(spoilt, one.transforms[1])),))
        found = choose_phase1(proposals("aes128-3des-sha1-modp1024"), sa, (PSK,))
        assert found is not None
        assert names(found.suite) == "3des-sha1-modp1024"


def test_a_lifetime_in_kilobytes_does_no_harm() -> None:
    sa = with_more(offered("aes128-sha1-modp1024"), Attribute(11, 2), Attribute(12, 5000))
    found = chosen("aes128-sha1-modp1024", sa)
    assert found is not None
    assert found.lifetime == 86400.0


def test_a_lifetime_may_be_left_out() -> None:
    us = profile("aes128-sha1-modp1024", ike_lifetime=0.0)
    found = choose_phase1(us.ike_proposals, on_the_wire(offer_phase1(us, PSK)), (PSK,))
    assert found is not None
    assert found.lifetime == 0.0


def test_only_methods_that_we_take_are_chosen() -> None:
    us = profile("aes128-sha1-modp1024")
    sa = on_the_wire(offer_phase1(us, Method.XAUTH_INIT_PSK))
    assert choose_phase1(us.ike_proposals, sa, (PSK,)) is None
    found = choose_phase1(us.ike_proposals, sa, (PSK, Method.XAUTH_INIT_PSK))
    assert found is not None
    assert found.auth_method == Method.XAUTH_INIT_PSK
    assert methods_of(sa) == ("pre-shared key with XAUTH",)
    assert methods_of(with_value(sa, 3, 3)) == ("RSA signature",)
    assert methods_of(with_value(sa, 3, 99)) == ("method 99",)


def test_nothing_in_common_is_blamed_on_the_closest_pair() -> None:
    sa = offered("des-md5-modp768", "aes128-sha1-modp1536")
    assert chosen("aes128-sha1-modp2048", sa) is None
    assert blame_phase1(proposals("aes128-sha1-modp2048"), sa) == (TransformType.KE,)
    assert blame_phase1(proposals("aes256-sha1-modp2048"), sa) == (
        TransformType.ENCR,
        TransformType.KE,
    )
    assert blame_phase1(proposals("aes128-sha1-modp2048"), SecurityAssociation(())) == ()


def test_both_lists_are_told_in_keywords() -> None:
    ours = ours_phase1(proposals("aes256-sha256-x25519-modp2048-ecp256", "aes128gcm16-modp2048"))
    assert [describe(one) for one in ours] == ["aes256-sha256-modp2048", "aes256-sha256-ecp256"]
    sa = with_value(with_value(offered("aes256-sha256-modp2048"), 1, 8), 4, 28)
    assert [describe(one) for one in theirs_phase1(sa)] == ["camellia256-sha256-ecp256bp"]


ANSWERS = [
    pytest.param(lambda sa: with_value(sa, 1, 1), "none of our transforms", id="another cipher"),
    pytest.param(lambda sa: with_value(sa, 3, 65001), "none of our transforms", id="other method"),
    pytest.param(lambda sa: with_value(sa, 14, 256), "none of our transforms", id="longer key"),
    pytest.param(lambda sa: with_more(sa, Attribute(99, 1)), "none of our", id="odd"),
    pytest.param(lambda _: SecurityAssociation(()), "one transform", id="nothing"),
]


@pytest.mark.parametrize(("change", "why"), ANSWERS)
def test_an_answer_that_is_none_of_what_we_offered(
    change: Callable[[SecurityAssociation], SecurityAssociation], why: str
) -> None:
    us = profile("aes128-sha1-modp1024")
    offer = offer_phase1(us, PSK)
    with pytest.raises(ValueError, match=why):
        accepted_phase1(us, offer, change(on_the_wire(offer)))


def test_an_answer_of_all_we_offered() -> None:
    us = profile("aes128-3des-sha1-modp1024")
    offer = offer_phase1(us, PSK)
    with pytest.raises(ValueError, match="one transform"):
        accepted_phase1(us, offer, on_the_wire(offer))


def test_an_answer_to_what_is_no_longer_configured() -> None:
    offer = offer_phase1(profile("aes128-sha1-modp1024"), PSK)
    with pytest.raises(ValueError, match="no longer configured"):
        accepted_phase1(profile("3des-sha1-modp1024"), offer, on_the_wire(offer))


def test_an_answer_may_have_a_shorter_lifetime_and_a_number_of_its_own() -> None:
    us = profile("aes128-sha1-modp1024")
    offer = offer_phase1(us, PSK)
    answer = with_value(on_the_wire(offer), 12, 3600)
    (one,) = answer.proposals
    renumbered = replace(one, number=0, transforms=(replace(one.transforms[0], number=0),))
    found = accepted_phase1(us, offer, SecurityAssociation((renumbered,)))
    assert found.lifetime == 3600.0
    assert names(found.suite) == "aes128-sha1-modp1024"


def test_configured_numbers_of_sm4_and_sm3() -> None:
    private = (("sm4", 129), ("sm3", 20), ("esp_sm4", 250))
    us = legacy(profile("sm4-sm3-modp2048"), private=private)
    offer = offer_phase1(us, PSK)
    assert numbers(offer[0].transforms[0]) == {1: 129, 2: 20, 4: 14, 3: 1, 11: 1, 12: 86400}
    found = choose_phase1(us.ike_proposals, on_the_wire(offer), (PSK,), private)
    assert found is not None
    assert (found.suite.encr, found.suite.integ) == (ENCR_BY_NAME["sm4"], INTEG_BY_NAME["sm3"])
    assert accepted_phase1(us, offer, on_the_wire((found.proposal,))) == found
    assert [describe(one) for one in theirs_phase1(on_the_wire(offer), private)] == [
        "sm4-sm3-modp2048"
    ]
    assert blame_phase1(proposals("sm4-sha1-modp2048"), on_the_wire(offer), private) == (
        TransformType.INTEG,
    )


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_what_two_strongswans_agreed_on(path: Path) -> None:
    recording = Recording(path)
    hand = ByHand(recording)
    offer, answer = (
        SecurityAssociation.parse(Reader(body))
        for one in recording.messages
        if one.exchange != QUICK and not one.is_encrypted
        for kind, body in hand.payloads(one)
        if kind == SA
    )
    us = profile(recording.ike)
    found = choose_phase1(us.ike_proposals, offer, tuple(Method))
    assert found is not None
    assert (found.proposal,) == answer.proposals
    assert (names(found.suite), found.lifetime) == (recording.ike, 15840.0)
    assert found.auth_method == (65001 if path.stem.startswith("xauth") else 1)
    assert accepted_phase1(us, offer.proposals, answer) == found


ANY = st.builds(
    TransformPayload,
    st.integers(0, 255),
    st.integers(0, 2),
    st.lists(
        st.builds(Attribute, st.integers(0, 17), st.integers(0, 65535) | st.binary(max_size=12)),
        max_size=8,
    ).map(tuple),
)
ANY_PROPOSAL = st.builds(
    ProposalPayload,
    st.integers(0, 3),
    st.integers(0, 3),
    st.binary(max_size=8),
    st.lists(ANY, max_size=4).map(tuple),
)


@given(st.lists(ANY_PROPOSAL, max_size=4).map(lambda all_: SecurityAssociation(tuple(all_))))
def test_whatever_is_offered_the_choice_is_ours_or_none(sa: SecurityAssociation) -> None:
    ours = proposals("3des-md5-modp1024", "des-sha1-modp768")
    found = choose_phase1(ours, sa, tuple(Method))
    assert found is None or names(found.suite) in ("3des-md5-modp1024", "des-sha1-modp768")
    blame_phase1(ours, sa)
    assert all(describe(one).isprintable() for one in theirs_phase1(sa))
    assert all(name.isprintable() for name in methods_of(sa))
