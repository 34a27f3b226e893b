"""What both phases read alike."""

import pytest

from ikecore.proposals import Proposal, Protocol, TransformType, describe, numbered
from ikev1.payloads.attributes import Attribute
from ikev1.payloads.sa import ProposalPayload, SecurityAssociation, TransformPayload
from ikev1.proposals import Life, accepted, alternatives, read, rows, told, told_group
from suites.encr import ENCR_BY_NAME, Encr
from suites.integ import INTEG_BY_NAME, Integ
from suites.kex import Group
from suites.prf import Prf

from .offers import proposals

KNOWN = (5, 6)


def said(*attributes: tuple[int, int | bytes]) -> object:
    return read((Attribute(*one) for one in attributes), KNOWN, 1, 2)


def test_values_and_lifetimes_are_read() -> None:
    assert said() == ({}, Life())
    assert said((5, 7), (6, 128)) == ({5: 7, 6: 128}, Life())
    assert said((1, 1), (2, 3600)) == ({}, Life(3600, 0))
    assert said((1, 2), (2, b"\0\0\x10\0"), (5, 7)) == ({5: 7}, Life(0, 4096))
    assert said((1, 1), (2, b"\0\1\x51\x80"), (1, 2), (2, 100)) == ({}, Life(86400, 100))


@pytest.mark.parametrize(
    "attributes",
    [
        pytest.param([(9, 1)], id="unknown"),
        pytest.param([(5, 1), (5, 1)], id="twice"),
        pytest.param([(2, 1)], id="a duration without its unit"),
        pytest.param([(2, 1), (1, 1)], id="a unit after its duration"),
        pytest.param([(1, 1)], id="a unit without duration"),
        pytest.param([(1, 1), (5, 1)], id="a unit without duration, and more"),
        pytest.param([(1, 1), (1, 2), (2, 5)], id="two units"),
        pytest.param([(1, 3), (2, 5)], id="an unknown unit"),
        pytest.param([(1, 0), (2, 5)], id="no unit"),
        pytest.param([(1, 1), (2, 5), (1, 1), (2, 6)], id="two durations"),
    ],
)
def test_odd_attributes_make_a_transform_unusable(attributes: list[tuple[int, int]]) -> None:
    assert said(*attributes) is None


def test_something_between_unit_and_duration_does_no_harm() -> None:
    assert said((1, 1), (5, 9), (2, 60)) == ({5: 9}, Life(60, 0))


def proposal(number: int, protocol: int, transforms: int = 1) -> ProposalPayload:
    made = tuple(TransformPayload(n, 1) for n in range(1, transforms + 1))
    return ProposalPayload(number, protocol, b"", made)


def test_proposals_that_are_wanted_together_are_no_alternative() -> None:
    both = SecurityAssociation((proposal(1, 3), proposal(1, 2), proposal(2, 3, 2)))
    assert [(one.proposal.number, one.transform.number) for one in alternatives(both)] == [
        (2, 1),
        (2, 2),
    ]


@pytest.mark.parametrize(
    "answer",
    [(), (proposal(1, 3), proposal(2, 3)), (proposal(1, 3, 2),), (proposal(1, 3), proposal(1, 2))],
    ids=["nothing", "two proposals", "two transforms", "two protocols"],
)
def test_an_answer_names_one_transform(answer: tuple[ProposalPayload, ...]) -> None:
    with pytest.raises(ValueError, match="one transform"):
        accepted(SecurityAssociation(answer))
    assert accepted(SecurityAssociation((proposal(1, 3),))).transform.number == 1


def test_an_answer_keeps_the_transform_as_it_came() -> None:
    transform = TransformPayload(9, 12, (Attribute(6, b"\0\x80"), Attribute(99, 1)))
    offered = ProposalPayload(4, 3, b"SPI1", (TransformPayload(1, 3), transform))
    found = list(alternatives(SecurityAssociation((offered,))))[1].answer(b"SPI2")
    assert found == ProposalPayload(4, 3, b"SPI2", (transform,))


def test_rows_of_a_proposal_in_its_order() -> None:
    (one,) = proposals("aes256-3des-sha1-sha256-modp2048-ecp256")
    assert [row.name for row in rows(one, Encr)] == ["aes256", "3des"]
    assert [row.name for row in rows(one, Integ)] == ["sha1", "sha256"]
    assert [row.name for row in rows(one, Prf)] == ["prfsha1", "prfsha256"]
    assert [row.name for row in rows(one, Group)] == ["modp2048", "ecp256"]


def test_rows_without_a_number_are_the_tables_own() -> None:
    (one,) = proposals("sm4-sm3-modp2048")
    given = numbered(one, {"sm4": 129, "sm3": 2000, "prfsm3": 3000})
    for each in (one, given):
        assert rows(each, Encr) == (ENCR_BY_NAME["sm4"],)
        assert rows(each, Integ) == (INTEG_BY_NAME["sm3"],)


def test_what_a_peer_said_is_told_by_keyword_or_name() -> None:
    made = {
        "aes128": told(ENCR_BY_NAME["aes128"], TransformType.ENCR, "?"),
        "sm4": told(ENCR_BY_NAME["sm4"], TransformType.ENCR, "?"),
        "blowfish128": told(None, TransformType.ENCR, "blowfish128"),
        "sha512": told(INTEG_BY_NAME["sha512"], TransformType.INTEG, "?"),
        "modp2048": told_group(14),
        "ecp256bp": told_group(28),
        "group:31": told_group(31),
    }
    for name, transform in made.items():
        assert describe(Proposal(Protocol.IKE, (transform,))) == name
    assert len(set(made.values())) == len(made) - 1  # the two unknown groups are alike
