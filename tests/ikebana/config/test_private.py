import pytest

from ikebana.config.compile import compile_config
from ikebana.config.private import PrivateIds
from ikecore.profile import IkeVersion
from ikecore.proposals import describe
from tests.ikebana.config.sample import CONNECTION, config, connection_problem, problem, problems

WORDS = 'ike.proposals = ["sm4-sm3-x25519"]\nipsec.proposals = ["sm4gcm16", "aes128-sm3"]\n'
ALL = "[gateway]\nprivate_ids = { sm4 = 65001, sm4gcm16 = 65002, sm3 = 65001, prfsm3 = 1024 }\n"


def test_the_numbers_go_into_the_proposals() -> None:
    (tunnel,) = compile_config(config(ALL + CONNECTION + WORDS)).tunnels
    (ike,), esp = tunnel.ike_proposals, tunnel.esp_proposals
    assert [(t.type, t.id) for t in ike.transforms] == [(1, 65001), (2, 1024), (3, 65001), (4, 31)]
    assert [[t.id for t in one.transforms] for one in esp] == [[65002, 0], [12, 65001, 0]]
    assert [describe(one) for one in (ike, *esp)] == [
        "sm4-sm3-prfsm3-x25519", "sm4gcm16", "aes128-sm3",
    ]  # fmt: skip
    assert [one.number for one in esp] == [1, 2]


def test_without_a_number_the_hint_says_where_to_set_it() -> None:
    found = problems(CONNECTION + WORDS)
    assert [one.path for one in found] == [
        "connection[0].ike.proposals[0]",
        "connection[0].ike.proposals[0]",
        "connection[0].ike.proposals[0]",
        "connection[0].ipsec.proposals[0]",
        "connection[0].ipsec.proposals[1]",
    ]
    assert [one.message.split()[0] for one in found] == ["sm4", "prfsm3", "sm3", "sm4gcm16", "sm3"]
    assert found[0].message == "sm4 has no number of IANA's, and none is configured"
    assert found[0].hint == "[gateway] private_ids = { sm4 = N }: 1024 to 65535, the peer's own"
    (tables, *_) = problems("[gateway.private_ids]\nsm4 = 65001\n" + CONNECTION + WORDS)
    assert tables.message.startswith("prfsm3 ")


@pytest.mark.parametrize(
    ("lines", "path"),
    [
        ('ipsec.encryption = "sm4"', "ipsec.encryption"),
        ('ipsec.integrity = "sm3"', "ipsec.integrity"),
        ('ike.prf = "prfsm3"', "ike.prf"),
        ('ike.encryption = "sm4gcm"', "ike.encryption"),
    ],
)
def test_a_single_field_is_named(lines: str, path: str) -> None:
    assert connection_problem(lines).path == f"connection[0].{path}"


@pytest.mark.parametrize("number", ["0", "12", "1023", "65536", "true", '"65001"'])
def test_only_numbers_for_private_use_are_taken(number: str) -> None:
    found = problem(f"[gateway]\nprivate_ids.sm4 = {number}\n")
    assert found.path == "gateway.private_ids.sm4"


def test_two_algorithms_of_one_type_have_two_numbers() -> None:
    found = problem("[gateway]\nprivate_ids = { sm4 = 65001, sm4gcm16 = 65001 }\n")
    assert found.path == "gateway.private_ids.sm4gcm16"
    assert found.hint == "give it another"


def test_what_iana_has_numbered_cannot_be_renumbered() -> None:
    found = problem("[gateway]\nprivate_ids.aes128 = 65001\n")
    assert found.path == "gateway.private_ids.aes128"


def test_ikev1_has_numbers_of_its_own() -> None:
    numbers = "sm4 = 1030\nikev1_sm4 = 127\nikev1_sm3 = 20\nikev1_esp_sm4 = 129\n"
    ids = PrivateIds.model_validate(
        {"sm4": 1030, "ikev1_sm4": 127, "ikev1_sm3": 20, "ikev1_esp_sm4": 129}
    )
    assert ids.numbers == {"sm4": 1030}
    assert dict(ids.legacy) == {"sm4": 127, "sm3": 20, "esp_sm4": 129}
    phase_1, phase_2 = ids.of_version(IkeVersion.IKEV1)
    assert phase_1 == {"sm4": 127, "sm3": 20, "prfsm3": 20}
    assert phase_2 == {"sm4": 129}
    assert ids.of_version(IkeVersion.ANY) == ({"sm4": 1030},) * 2
    lines = 'ike.version = "ikev1"\nike.proposals = ["sm4-sm3-modp2048"]\n'
    lines += 'ipsec.proposals = ["sm4-sm3"]\n'
    (found,) = problems(f"[gateway.private_ids]\n{numbers}" + CONNECTION + lines)
    assert "ikev1_auth_sm3 = N" in found.hint
    made = config(f"[gateway.private_ids]\n{numbers}ikev1_auth_sm3 = 21\n" + CONNECTION + lines)
    (tunnel,) = compile_config(made).tunnels
    assert dict(tunnel.legacy.private)["auth_sm3"] == 21
    assert tunnel.ike_proposals[0].transforms[0].id == 127
