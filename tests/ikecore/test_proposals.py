"""Choosing among proposals, and naming what keeps them apart."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ikecore.keywords import parse_proposal
from ikecore.proposals import (
    Proposal,
    Protocol,
    Suite,
    Transform,
    TransformType,
    blame,
    choose,
    describe,
    numbered,
    row_of,
    transform_of,
    unnumbered,
)

ANY_TRANSFORM = st.builds(
    Transform,
    st.integers(0, 7),
    st.sampled_from([0, 1, 2, 5, 12, 14, 20, 28, 31, 1025]),
    st.sampled_from([0, 128, 256]),
    st.booleans(),
)
ANY_PROPOSAL = st.builds(
    Proposal, st.integers(0, 4), st.lists(ANY_TRANSFORM, max_size=8).map(tuple)
)


def ike(*texts: str) -> tuple[Proposal, ...]:
    return tuple(
        Proposal(Protocol.IKE, parse_proposal(text, Protocol.IKE).transforms, b"", number)
        for number, text in enumerate(texts, 1)
    )


def esp(*texts: str) -> tuple[Proposal, ...]:
    return tuple(parse_proposal(text, Protocol.ESP) for text in texts)


def ah(*texts: str) -> tuple[Proposal, ...]:
    return tuple(parse_proposal(text, Protocol.AH) for text in texts)


def name(ours: tuple[Proposal, ...], theirs: tuple[Proposal, ...]) -> str | None:
    found = choose(ours, theirs)
    return None if found is None else str(found[0])


def test_our_order_decides_and_the_answer_has_their_number() -> None:
    ours = ike("aes256gcm16-x25519", "aes128-sha256-modp2048")
    theirs = ike("aes128-sha256-modp2048", "aes256gcm16-x25519")
    found = choose(ours, theirs)
    assert found is not None
    suite, offer = found
    assert (str(suite), suite.number, offer) == ("aes256gcm16-prfsha256-x25519", 2, theirs[1])


def test_the_answer_has_one_transform_of_each_type() -> None:
    found = choose(ike("aes128-sha256-x25519"), ike("aes256-aes128-sha384-sha256-modp2048-x25519"))
    assert found is not None
    answer = found[0].proposal(b"8 octets")
    assert answer == Proposal(
        Protocol.IKE,
        (Transform(1, 12, 128), Transform(2, 5), Transform(3, 12), Transform(4, 31)),
        b"8 octets",
        1,
    )


def test_an_esp_answer_says_which_sequence_numbers() -> None:
    found = choose(esp("aes128gcm16-esn-noesn"), esp("aes128gcm16-noesn-esn"))
    assert found is not None
    assert found[0].esn
    assert found[0].proposal(b"four").of(TransformType.ESN) == (Transform(5, 1),)


def test_an_ah_answer_has_no_cipher_and_says_which_sequence_numbers() -> None:
    found = choose(ah("sha512", "sha256-esn"), ah("sha256-sha384-modp2048-noesn-esn"))
    assert found is None
    found = choose(ah("sha512", "sha256-esn"), ah("sha256-sha384-noesn-esn"))
    assert found is not None
    suite = found[0]
    assert str(suite) == "sha256-esn"
    assert (suite.encr.name, suite.encr.keymat) == ("null", 0)
    assert suite.proposal(b"four") == Proposal(
        Protocol.AH, (Transform(3, 12), Transform(5, 1)), b"four"
    )
    assert describe(suite.proposal()) == "sha256-esn"
    assert name(ah("sha1-modp1024"), ah("sha1-modp1024")) == "sha1-modp1024"


@pytest.mark.parametrize(
    "theirs",
    [
        (),
        (Transform(3, 0),),
        (Transform(5, 0),),
        (Transform(1, 11), Transform(3, 12)),
        (Transform(2, 5), Transform(3, 12)),
        (Transform(3, 999),),
    ],
)
def test_ah_without_integrity_or_with_a_cipher_is_refused(theirs: tuple[Transform, ...]) -> None:
    assert choose(ah("sha256"), (Proposal(Protocol.AH, theirs),)) is None
    # nor would it be, had we offered it
    mine = Proposal(Protocol.AH, theirs)
    assert choose((mine,), (mine,)) is None


def test_esp_may_do_without_a_cipher_and_ike_may_not() -> None:
    assert name(esp("null-sha256"), esp("aes128-null-sha256")) == "null-sha256"
    clear = Proposal(
        Protocol.IKE, (Transform(1, 11), Transform(2, 5), Transform(3, 12), Transform(4, 31))
    )
    assert choose((clear,), (clear,)) is None


def test_a_row_that_shares_its_number_is_meant_only_where_it_is_configured() -> None:
    quirk, plain = esp("aes128-sha256_96"), esp("aes128-sha256")
    assert quirk == plain  # on the wire
    assert name(quirk, plain) == "aes128-sha256_96"
    assert name(plain, quirk) == "aes128-sha256"
    found = choose(quirk, plain)
    assert found is not None
    assert found[0].integ is not None
    assert found[0].integ.icv == 12
    answer = found[0].proposal(b"four")
    assert answer == Proposal(Protocol.ESP, plain[0].transforms, b"four")
    assert describe(answer) == describe(quirk[0]) == "aes128-sha256_96"
    # what stands for another row is not chosen for IKE, however it came there
    (whole,) = ike("aes128-sha256-x25519")
    odd = tuple(replace(t, quirk="sha256_96") if t.type == 3 else t for t in whole.transforms)
    assert choose((replace(whole, transforms=odd),), (whole,)) is None


SM = {"sm4": 65001, "sm4gcm16": 65002, "sm3": 65001, "prfsm3": 65003}


def test_a_row_without_a_number_goes_by_the_one_configured() -> None:
    ours = tuple(numbered(one, SM) for one in ike("aes128-sha256-x25519", "sm4-sm3-x25519"))
    wire = Proposal(
        Protocol.IKE, (Transform(1, 65001), Transform(2, 65003), Transform(3, 65001),
                       Transform(4, 31)), b"", 2,
    )  # fmt: skip
    assert ours[1] == wire
    found = choose(ours, (wire,))
    assert found is not None
    suite = found[0]
    assert str(suite) == describe(ours[1]) == "sm4-sm3-prfsm3-x25519"
    assert suite.proposal() == wire
    assert describe(wire) == "1:65001-3:65001-2:65003-4:31".replace("4:31", "x25519")
    # what we accepted we may offer again, and take again
    again = choose((suite.proposal(),), (wire,))
    assert again is not None
    assert again[0] == suite
    (gcm,) = (numbered(one, SM) for one in esp("sm4gcm16"))
    assert gcm == Proposal(Protocol.ESP, (Transform(1, 65002), Transform(5, 0)))
    assert name((gcm,), (gcm,)) == "sm4gcm16"


def test_a_row_without_a_number_is_neither_chosen_nor_numbered_by_chance() -> None:
    (bare,) = esp("sm4gcm16")
    assert unnumbered(bare) == ("sm4gcm16",)
    assert unnumbered(numbered(bare, SM)) == ()
    assert choose((bare,), (bare,)) is None
    zero = Proposal(Protocol.ESP, (Transform(1, 0),))
    assert choose((zero,), (zero,)) is None
    assert choose((bare,), (zero,)) is None
    with pytest.raises(KeyError, match="sm4gcm16"):
        numbered(bare, {"sm4": 65001})
    (plain,) = esp("aes128-sha256_96")
    assert numbered(plain, {}) == plain
    assert describe(numbered(plain, SM)) == "aes128-sha256_96"
    assert describe(bare) == "sm4gcm16"


def test_ah_takes_gmac_and_esp_does_not_by_that_number() -> None:
    assert name(ah("sha256-aes128gmac_ah"), ah("aes128gmac_ah")) == "aes128gmac_ah"
    odd = Proposal(Protocol.ESP, (Transform(1, 11), Transform(3, 9)))
    assert choose((odd,), (odd,)) is None


def test_a_type_left_out_counts_as_none() -> None:
    lacking = Proposal(Protocol.ESP, (Transform(1, 20, 128),), b"four")
    assert name(esp("aes128gcm16"), (lacking,)) == "aes128gcm16"
    spelt = Proposal(Protocol.ESP, (Transform(1, 20, 128), Transform(3, 0), Transform(4, 0)))
    assert name(esp("aes128gcm16"), (spelt,)) == "aes128gcm16"


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("aes128-sha256-x25519", "aes256-sha256-x25519"),
        ("aes128-sha256-x25519", "aes128-sha384-x25519"),
        ("aes128-sha256-x25519", "aes128-sha256-modp2048"),
        ("aes128gcm16-x25519", "aes128-sha256-x25519"),
    ],
)
def test_algorithms_that_differ_are_not_chosen(ours: str, theirs: str) -> None:
    assert choose(ike(ours), ike(theirs)) is None


@pytest.mark.parametrize("kind", list(TransformType)[:4])
def test_a_proposal_lacking_a_type_is_refused_without_an_exception(kind: TransformType) -> None:
    """libreswan CVE-2016-3071, CVE-2016-5391; strongSwan CVE-2018-10811."""
    (whole,) = ike("aes128-sha256-x25519")
    assert choose((whole,), (whole.without(kind),)) is None
    assert choose((whole,), (Proposal(Protocol.IKE, ()),)) is None


def test_a_transform_type_nobody_knows_refuses_the_whole_proposal() -> None:
    (ours,) = ike("aes128-sha256-x25519")
    theirs = Proposal(Protocol.IKE, (*ours.transforms, Transform(9, 1)))
    assert choose((ours,), (theirs,)) is None


def test_an_odd_transform_is_never_chosen() -> None:
    (ours,) = ike("aes128-sha256-x25519")
    odd = tuple(Transform(t.type, t.id, t.key_bits, odd=True) for t in ours.transforms)
    assert choose((ours,), (Proposal(Protocol.IKE, odd),)) is None


def test_a_child_without_keying_material_is_refused() -> None:
    """libreswan CVE-2024-3652: NULL with nothing."""
    null = Proposal(Protocol.ESP, (Transform(1, 11), Transform(3, 0), Transform(5, 0)))
    assert choose(esp("aes128gcm16", "aes128-sha256"), (null,)) is None


@settings(max_examples=80, deadline=None)
@given(st.lists(ANY_PROPOSAL, max_size=4))
def test_whatever_is_offered_the_choice_is_ours_or_none(theirs: list[Proposal]) -> None:
    ours = ike("aes128-aes256-sha256-x25519") + esp("aes128gcm16-aes256gcm16")
    found = choose(ours, theirs)
    blame(ours, theirs)
    assert all(describe(one) is not None for one in theirs)
    if found is not None:
        suite = found[0]
        assert isinstance(suite, Suite)
        assert suite.encr.name in ("aes128", "aes256", "aes128gcm16", "aes256gcm16")
        assert suite.encr.is_aead == (suite.integ is None)


def test_without_takes_one_type_out() -> None:
    (pfs,) = esp("aes128gcm16-x25519")
    assert pfs.without(TransformType.KE) == esp("aes128gcm16")[0]
    assert pfs.types() == {1, 4, 5}


@pytest.mark.parametrize(
    ("ours", "theirs", "apart"),
    [
        ("aes128-sha256-x25519", "aes256-sha256-x25519", (TransformType.ENCR,)),
        ("aes128-sha256-x25519", "aes128-sha256-modp2048", (TransformType.KE,)),
        ("aes128-sha256-prfsha256-x25519", "aes128-sha256-prfsha384-x25519", (TransformType.PRF,)),
        (
            "aes128-sha256-prfsha256-x25519",
            "aes128-sha384-prfsha256-x25519",
            (TransformType.INTEG,),
        ),
    ],
)
def test_blame_falls_on_the_types_that_differ(
    ours: str, theirs: str, apart: tuple[TransformType, ...]
) -> None:
    assert blame(ike(ours), ike(theirs)) == apart


def test_blame_looks_at_the_closest_pair() -> None:
    theirs = ike("3des-md5-modp1024", "aes128-sha256-modp2048")
    assert blame(ike("aes128-sha256-x25519"), theirs) == (TransformType.KE,)


def test_ah_is_blamed_for_integrity_and_sequence_numbers() -> None:
    assert blame(ah("sha256-esn"), ah("sha384")) == (TransformType.INTEG, TransformType.ESN)
    empty = Proposal(Protocol.AH, (Transform(5, 0),))
    assert blame(ah("sha256"), (empty,)) == (TransformType.INTEG,)


def test_nobody_is_blamed_when_protocols_differ() -> None:
    assert blame(esp("aes128gcm16"), (Proposal(Protocol.AH, (Transform(3, 12),)),)) == ()
    assert blame(esp("aes128gcm16"), ()) == ()


def test_a_proposal_is_described_in_keywords_and_strangers_by_number() -> None:
    assert describe(ike("aes128-sha256-x25519")[0]) == "aes128-sha256-prfsha256-x25519"
    assert describe(esp("aes256gcm16-esn")[0]) == "aes256gcm16-esn"
    strange = Proposal(1, (Transform(1, 99, 512), Transform(4, 1025), Transform(77, 3)))
    assert describe(strange) == "1:99/512-4:1025-77:3"


def test_a_stranger_known_by_name_is_called_so() -> None:
    named = Proposal(1, (Transform(1, 65536, quirk="blowfish128"), Transform(4, 65536, quirk="x")))
    assert describe(named) == "blowfish128-x"


def test_each_transform_of_ours_stands_for_a_row() -> None:
    (one,) = ike("sm4-aes128-sm3-sha256-x25519")
    found = [row_of(transform) for transform in one.transforms]
    names = [row.name for row in found if row is not None]
    assert names == ["sm4", "aes128", "prfsm3", "prfsha256", "sm3", "sha256", "x25519"]
    assert [transform_of(row) for row in found if row is not None] == list(one.transforms)
    for stranger in (Transform(1, 99), Transform(4, 0), Transform(5, 1), Transform(77, 1)):
        assert row_of(stranger) is None
