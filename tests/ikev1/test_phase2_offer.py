from dataclasses import replace
from itertools import product
from pathlib import Path

import pytest

from ikecore.child import ChildLimits, Mode
from ikecore.profile import Profile
from ikecore.proposals import Proposal, Protocol, Transform, TransformType
from ikecore.wire import Reader
from ikev1.payloads.attributes import Attribute
from ikev1.payloads.sa import SecurityAssociation
from ikev1.phase2_offer import (
    Chosen2,
    accepted_phase2,
    choose_phase2,
    offer_phase2,
    pfs_group,
)
from suites.encr import NULL
from suites.kex import GROUP_BY_NAME

from .offers import (
    OURS,
    THEIRS,
    TUNNEL,
    agreed,
    chosen,
    home,
    lacking,
    legacy,
    numbers,
    offered,
    on_the_wire,
    proposals,
    with_more,
    with_value,
)
from .recorded import FILES, QUICK, SA, ByHand, Recording

ALL_ESP = [
    *("aes128gcm16", "aes192gcm8", "aes256gcm12", "aes256ccm16", "aes128gmac", "null-sha256"),
    *("aes128ctr-sha512", "aes128-aesxcbc", "aes192-sha256_96"),
    *map("-".join, product(("des", "3des", "aes128", "aes256"), ("md5", "sha1", "sha384"))),
]
ALL_AH = ["md5", "sha1", "sha256", "sha384", "sha512", "aesxcbc", "sha256_96", "aes128gmac_ah"]


def there_and_back(us: Profile, encapsulation: int = TUNNEL) -> Chosen2:
    """Let two of the same connection agree, and return what the responder made of it."""
    offer = offer_phase2(us, THEIRS, encapsulation)
    found = chosen(us, on_the_wire(offer), encapsulation)
    assert found is not None
    assert found.outbound_spi == THEIRS
    assert found.proposal.spi == OURS.to_bytes(4, "big")
    answer = accepted_phase2(us, offer, on_the_wire((found.proposal,)))
    assert answer == replace(found, outbound_spi=OURS)
    return found


@pytest.mark.parametrize("esn", ["", "-esn"])
@pytest.mark.parametrize("pfs", ["", "-modp2048", "-ecp256"])
@pytest.mark.parametrize("keywords", ALL_ESP)
def test_esp_goes_there_and_back(keywords: str, pfs: str, esn: str) -> None:
    found = there_and_back(home(keywords + pfs + esn))
    assert str(found.suite) == keywords + pfs + esn
    assert found.suite.protocol == Protocol.ESP
    assert found.mode is Mode.TUNNEL
    assert found.group == (GROUP_BY_NAME[pfs[1:]].iana if pfs else 0)


@pytest.mark.parametrize("more", ["", "-modp1536", "-esn"])
@pytest.mark.parametrize("keywords", ALL_AH)
def test_ah_goes_there_and_back(keywords: str, more: str) -> None:
    found = there_and_back(home(keywords + more, protocol=Protocol.AH))
    assert str(found.suite) == keywords + more
    assert (found.suite.protocol, found.suite.encr) == (Protocol.AH, NULL)


def test_the_attributes_of_a_transform() -> None:
    us = home("aes256-sha256-modp2048-esn", child_lifetime=3600.0)
    (one,) = offer_phase2(us, THEIRS, 61443)
    assert (one.number, one.protocol, one.spi) == (1, 3, b"\xc0\0\0\1")
    (transform,) = one.transforms
    assert (transform.number, transform.id) == (1, 12)
    assert [(a.type, a.value) for a in transform.attributes] == [
        (3, 14), (4, 61443), (1, 1), (2, 3600), (6, 256), (5, 5), (11, 1),
    ]  # fmt: skip


def test_a_combined_mode_has_no_authentication_algorithm_and_null_no_key_length() -> None:
    (gcm,) = offer_phase2(home("aes128gcm16", child_lifetime=0.0), THEIRS, TUNNEL)
    assert numbers(gcm.transforms[0]) == {4: 1, 6: 128}
    (null,) = offer_phase2(home("null-sha1", child_lifetime=0.0), THEIRS, TUNNEL)
    assert (null.transforms[0].id, numbers(null.transforms[0])) == (11, {4: 1, 5: 2})


def test_each_combination_is_a_transform_and_all_have_one_group() -> None:
    us = home("aes256-3des-sha256-sha1-modp2048-modp1024", "aes128gcm16-ecp256", "null-md5")
    (one,) = offer_phase2(us, THEIRS, TUNNEL)
    assert [transform.number for transform in one.transforms] == [1, 2, 3, 4, 5]
    assert [(t.id, numbers(t).get(5)) for t in one.transforms] == [
        (12, 5), (12, 2), (3, 5), (3, 2), (11, 1),
    ]  # fmt: skip
    assert {numbers(transform)[3] for transform in one.transforms} == {14}


def test_esp_and_ah_are_proposals_of_their_own_with_one_spi() -> None:
    both = home()
    both = replace(
        both,
        esp_proposals=proposals("aes128-sha1", "3des-md5", protocol=Protocol.ESP)
        + proposals("sha1", protocol=Protocol.AH),
    )
    first, second = offer_phase2(both, THEIRS, TUNNEL)
    assert (first.number, first.protocol, len(first.transforms)) == (1, 3, 2)
    assert (second.number, second.protocol, len(second.transforms)) == (2, 2, 1)
    assert first.spi == second.spi
    found = chosen(home("sha1", protocol=Protocol.AH), on_the_wire((first, second)))
    assert found is not None
    assert (found.suite.protocol, found.suite.number, found.proposal.number) == (2, 2, 2)


@pytest.mark.parametrize("keywords", ["chacha20poly1305", "sm4-sm3", "aes128-aescmac"])
def test_what_ikev1_cannot_say_is_not_offered(keywords: str) -> None:
    with pytest.raises(ValueError, match="home: no ESP or AH"):
        offer_phase2(home(keywords), THEIRS, TUNNEL)
    (one,) = offer_phase2(home(keywords, "3des-sha1"), THEIRS, TUNNEL)
    assert len(one.transforms) == 1


def test_an_offer_has_an_end() -> None:
    every = "-".join(f"aes{bits}{mode}" for bits in (128, 192, 256) for mode in ("", "ctr"))
    us = home(f"{every}-des-3des-null-md5-sha1-sha256-sha384-sha512-aesxcbc-esn-noesn",
              f"{every}-sha256_96")  # fmt: skip
    (one,) = offer_phase2(us, THEIRS, TUNNEL)
    assert len(one.transforms) <= 200
    assert there_and_back(us)


def test_a_responder_chooses_by_its_own_order() -> None:
    sa = offered(home("aes256-sha256", "aes128gcm16", "3des-sha1"))
    found = chosen(home("3des-sha1", "aes128gcm16"), sa)
    assert found is not None
    assert str(found.suite) == "3des-sha1"
    assert found.proposal.transforms == (sa.proposals[0].transforms[2],)


def test_sha256_cut_to_96_bits_is_meant_by_who_configures_it() -> None:
    sa = offered(home("aes128-sha256"))
    found = chosen(home("aes128-sha256_96"), sa)
    assert found is not None
    assert str(found.suite) == "aes128-sha256_96"


# -- lifetimes ---------------------------------------------------------------------------------


def test_lifetimes_in_seconds_and_kilobytes() -> None:
    us = home("aes128-sha1", child_lifetime=3600.0, child_limits=ChildLimits(1, 5000 * 1024, 0, 0))
    (one,) = offer_phase2(us, THEIRS, TUNNEL)
    assert [(a.type, a.value) for a in one.transforms[0].attributes][1:5] == [
        (1, 1), (2, 3600), (1, 2), (2, 5000),
    ]  # fmt: skip
    found = there_and_back(us)
    assert (found.seconds, found.kilobytes) == (3600.0, 5000)


def test_a_very_large_limit_is_the_largest_that_fits() -> None:
    us = home("aes128-sha1", child_limits=ChildLimits(0, 1 << 60, 0, 0))
    assert there_and_back(us).kilobytes == (1 << 32) - 1


def test_a_lifetime_that_nobody_told_is_eight_hours() -> None:
    assert there_and_back(home("aes128-sha1", child_lifetime=0.0)).seconds == 28800.0
    sa = with_more(
        offered(home("aes128-sha1", child_lifetime=0.0)), Attribute(1, 2), Attribute(2, 77)
    )
    found = chosen(home("aes128-sha1"), sa)
    assert found is not None
    assert (found.seconds, found.kilobytes) == (0.0, 77)


def test_an_enormous_lifetime_is_a_number_still() -> None:
    found = chosen(home("aes128-sha1"), with_value(offered(home("aes128-sha1")), 2, b"\xff" * 40))
    assert found is not None
    assert found.seconds == float((1 << 64) - 1)


# -- how packets are wrapped -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("number", "mode"),
    [
        (1, Mode.TUNNEL),
        (2, Mode.TRANSPORT),
        (3, Mode.TUNNEL),
        (4, Mode.TRANSPORT),
        (61443, Mode.TUNNEL),
        (61444, Mode.TRANSPORT),
    ],
)
def test_encapsulation_by_the_rfc_and_by_the_drafts(number: int, mode: Mode) -> None:
    us = home("aes128-sha1")
    assert numbers(offered(us, number).proposals[0].transforms[0])[4] == number
    assert there_and_back(us, number).mode is mode


@pytest.mark.parametrize(("theirs", "ours"), [(3, 61443), (61443, 3), (4, 61444), (61444, 4)])
def test_a_draft_s_number_means_what_the_rfc_s_means_and_is_answered_as_it_came(
    theirs: int, ours: int
) -> None:
    found = chosen(home("aes128-sha1"), offered(home("aes128-sha1"), theirs), ours)
    assert found is not None
    assert numbers(found.proposal.transforms[0])[4] == theirs


@pytest.mark.parametrize(("theirs", "ours"), [(1, 2), (2, 1), (1, 3), (3, 1), (61443, 2), (9, 1)])
def test_another_encapsulation_leads_to_no_choice(theirs: int, ours: int) -> None:
    sa = with_value(offered(home("aes128-sha1")), 4, theirs)
    assert chosen(home("aes128-sha1"), sa, ours) is None


def test_of_several_the_right_encapsulation_is_picked() -> None:
    us = home("aes128-sha1")
    first, second = (offered(us, number).proposals[0] for number in (3, 1))
    sa = SecurityAssociation((first, replace(second, number=2)))
    found = chosen(us, sa)
    assert found is not None
    assert (found.suite.number, found.mode) == (2, Mode.TUNNEL)


def test_without_encapsulation_it_is_a_tunnel() -> None:
    found = chosen(home("aes128-sha1"), lacking(offered(home("aes128-sha1")), 4))
    assert found is not None
    assert found.mode is Mode.TUNNEL


# -- the child's own key exchange --------------------------------------------------------------


def test_the_first_group_is_offered() -> None:
    us = home("aes128-sha1-ecp256-modp2048", "3des-sha1-modp1024")
    group = pfs_group(us)
    assert group is not None
    assert group.name == "ecp256"
    assert pfs_group(home("aes128-sha1")) is None
    assert pfs_group(home("aes128-sha1-x25519-modp2048")) == GROUP_BY_NAME["modp2048"]


@pytest.mark.parametrize("group", ["modp2048", "modp1024", "ecp256"])
def test_a_responder_takes_any_of_its_groups(group: str) -> None:
    found = chosen(
        home("aes128-sha1-ecp256-modp2048-modp1024"), offered(home(f"aes128-sha1-{group}"))
    )
    assert found is not None
    assert found.group == GROUP_BY_NAME[group].iana


@pytest.mark.parametrize("group", ["modp768", "ecp521"])
def test_a_group_that_we_do_not_have_leads_to_no_choice(group: str) -> None:
    assert chosen(home("aes128-sha1-modp2048"), offered(home(f"aes128-sha1-{group}"))) is None


def test_more_secrecy_than_we_ask_for_is_taken() -> None:
    found = chosen(home("aes128-sha1"), offered(home("aes128-sha1-modp1024")))
    assert found is not None
    assert found.group == 2
    assert found.suite.group is GROUP_BY_NAME["modp1024"]


def test_where_a_group_may_be_left_out_it_may_not_be_another() -> None:
    (one,) = proposals("aes128-sha1-modp2048", protocol=Protocol.ESP)
    none = Transform(TransformType.KE, 0)
    us = replace(home(), esp_proposals=(Proposal(one.protocol, (*one.transforms, none)),))
    assert agreed(us, home("aes128-sha1")).group is None
    assert agreed(us, home("aes128-sha1-modp2048")).group is GROUP_BY_NAME["modp2048"]
    assert chosen(us, offered(home("aes128-sha1-modp1024"))) is None


def test_a_group_that_nobody_knows_is_not_taken() -> None:
    sa = with_value(offered(home("aes128-sha1-modp1024")), 3, 31)
    assert chosen(home("aes128-sha1"), sa) is None


def test_less_secrecy_than_we_ask_for_is_not_taken() -> None:
    assert chosen(home("aes128-sha1-modp1024"), offered(home("aes128-sha1"))) is None
    found = chosen(home("aes128-sha1-modp1024", "aes128-sha1"), offered(home("aes128-sha1")))
    assert found is not None
    assert found.group == 0


def test_an_answer_without_the_group_that_we_offered_is_refused() -> None:
    us = home("aes128-sha1-modp2048")
    offer = offer_phase2(us, THEIRS, TUNNEL)
    answer = on_the_wire(offer)
    for spoilt in (lacking(answer, 3), with_value(answer, 3, 2)):
        with pytest.raises(ValueError, match="none of our"):
            accepted_phase2(us, offer, spoilt)


# -- what is renewed ---------------------------------------------------------------------------


def test_a_renewal_offers_the_suite_in_use_alone() -> None:
    us = home("aes256-sha256-modp2048-modp1536", "3des-sha1-modp1024-modp2048")
    old = agreed(us, home("3des-sha1-modp1024"))
    (one,) = offer_phase2(us, THEIRS, TUNNEL, old)
    (transform,) = one.transforms
    assert (transform.id, numbers(transform)[3]) == (3, 2)
    group = pfs_group(us, old)
    assert group is not None
    assert group.name == "modp1024"


def test_a_renewal_gets_secrecy_that_was_not_there_before() -> None:
    old = agreed(home("3des-sha1"), home("3des-sha1"))
    (one,) = offer_phase2(home("aes256-sha256-modp2048", "3des-sha1"), THEIRS, TUNNEL, old)
    (transform,) = one.transforms
    assert (transform.id, numbers(transform)[3]) == (3, 14)


def test_a_renewal_of_what_is_no_longer_configured_offers_everything() -> None:
    old = agreed(home("3des-sha1"), home("3des-sha1"))
    (one,) = offer_phase2(home("aes256-sha256", "aes128gcm16"), THEIRS, TUNNEL, old)
    assert [transform.id for transform in one.transforms] == [12, 20]


def test_a_responder_keeps_the_suite_in_use_if_it_is_offered() -> None:
    us = home("aes256-sha256", "aes128gcm16", "3des-sha1")
    old = agreed(us, home("3des-sha1"))
    found = choose_phase2(us, offered(us), OURS, TUNNEL, old)
    assert found is not None
    assert str(found.suite) == "3des-sha1"
    found = choose_phase2(us, offered(home("aes128gcm16", "aes256-sha256")), OURS, TUNNEL, old)
    assert found is not None
    assert str(found.suite) == "aes256-sha256"


def test_configured_numbers_of_sm4_and_sm3() -> None:
    private = (("esp_sm4", 129), ("auth_sm3", 20), ("ah_sm3", 20), ("sm4", 7), ("sm3", 7))
    us = legacy(home("sm4-sm3"), private=private)
    (one,) = offer_phase2(us, THEIRS, TUNNEL)
    assert (one.transforms[0].id, numbers(one.transforms[0])[5]) == (129, 20)
    assert 6 not in numbers(one.transforms[0])
    assert str(there_and_back(us).suite) == "sm4-sm3"
    ah = legacy(home("sm3", protocol=Protocol.AH), private=private)
    assert str(there_and_back(ah).suite) == "sm3"
    assert chosen(home("sm4-sm3"), offered(us)) is None


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_what_two_strongswans_agreed_on(path: Path) -> None:
    recording = Recording(path)
    hand = ByHand(recording)
    said = [
        SecurityAssociation.parse(Reader(body))
        for one in recording.messages
        if one.exchange == QUICK
        for kind, body in hand.payloads(one)
        if kind == SA
    ]
    assert said
    us = home(recording.esp)
    encapsulation = 3 if path.stem.endswith("-nat") else 1
    for offer, answer in zip(said[::2], said[1::2], strict=True):
        spi = int.from_bytes(answer.proposals[0].spi, "big")
        found = choose_phase2(us, offer, spi, encapsulation)
        assert found is not None
        assert (found.proposal,) == answer.proposals
        assert str(found.suite) == recording.esp
        assert (found.seconds, found.kilobytes, found.mode) == (3960.0, 0, Mode.TUNNEL)
        taken = accepted_phase2(us, offer.proposals, answer)
        assert taken == replace(found, outbound_spi=spi)
