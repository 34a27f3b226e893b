import pytest

from ikebana.config.compile import compile_tunnel
from ikebana.config.gateway import Gateway
from ikecore.proposals import Protocol, TransformType, describe
from tests.ikebana.config.sample import CONNECTION, config, connection_problem, problems


def _proposals(lines: str) -> tuple[list[str], list[str]]:
    (one,) = config(CONNECTION + lines).connections
    plan = compile_tunnel(one, Gateway.model_validate({}))
    return [describe(p) for p in plan.ike_proposals], [describe(p) for p in plan.esp_proposals]


def test_the_default_is_modern() -> None:
    ike, esp = _proposals("")
    assert ike[0].startswith("aes256gcm16-aes128gcm16-chacha20poly1305-prfsha256")
    assert "x25519-ecp256" in ike[0]
    assert esp == [
        "aes256gcm16-aes128gcm16-chacha20poly1305",
        "aes256-aes128-sha256-sha384-sha512",
    ]


def test_cloud_compat_is_what_the_documents_promise() -> None:
    ike, esp = _proposals('crypto_preset = "cloud_compat"')
    assert ike == ["aes128-sha1-prfsha1-modp1024"]
    assert esp == ["aes128-sha1-modp1024"]


@pytest.mark.parametrize(
    ("lines", "ike", "esp"),
    [
        (
            'ike.encryption = "aes256"',
            "aes256-sha256-prfsha256-x25519-ecp256-ecp384-modp3072-modp2048",
            "",
        ),
        ('ike.integrity = "sha384"\nike.dh_group = 20', "aes256-sha384-prfsha384-ecp384", ""),
        (
            'ike.encryption = "aes128gcm16"\nike.dh_group = "14"',
            "aes128gcm16-prfsha256-modp2048",
            "",
        ),
        ('ike.prf = "sha512"\nike.dh_group = "x25519"', "aes256gcm16-prfsha512-x25519", ""),
        (
            'crypto_preset = "cloud_compat"\nike.encryption = "aes256"',
            "aes256-sha1-prfsha1-modp1024",
            "",
        ),
        ('crypto_preset = "cloud_compat"\nike.dh_group = 5', "aes128-sha1-prfsha1-modp1536", ""),
        ('ipsec.encryption = "aes128gcm16"', "", "aes128gcm16"),
        ('ipsec.encryption = "aes128"\nipsec.pfs = "group14"', "", "aes128-sha256-modp2048"),
        ('ipsec.integrity = "sha1"', "", "aes256-sha1"),
        ('crypto_preset = "cloud_compat"\nipsec.pfs = "disabled"', "", "aes128-sha1"),
        ('crypto_preset = "cloud_compat"\nipsec.pfs = 14', "", "aes128-sha1-modp2048"),
        ("ipsec.pfs = 31", "", "aes256gcm16-aes128gcm16-chacha20poly1305-x25519"),
    ],
)
def test_single_fields_take_the_rest_from_the_preset(lines: str, ike: str, esp: str) -> None:
    found = _proposals(lines)
    assert (found[0][0] if ike else "") == ike
    assert (found[1][0] if esp else "") == esp


def test_proposals_are_numbered_in_the_order_of_the_file() -> None:
    (one,) = config(
        CONNECTION + 'ike.proposals = ["aes128-sha256-x25519", "aes256-sha256-modp2048"]'
    ).connections
    plan = compile_tunnel(one, Gateway.model_validate({}))
    assert [p.number for p in plan.ike_proposals] == [1, 2]


def test_custom_supplies_nothing() -> None:
    found = problems(CONNECTION + 'crypto_preset = "custom"\n')
    assert [one.path for one in found] == ["connection[0].ike", "connection[0].ipsec"]
    lines = 'crypto_preset = "custom"\nike.proposals = ["aes128-sha1-modp1024"]\n'
    assert _proposals(lines + 'ipsec.encryption = "aes256gcm16"')[1] == ["aes256gcm16"]
    gap = connection_problem(lines + 'ipsec.encryption = "aes256"')
    assert (gap.path, gap.line) == ("connection[0].ipsec", 7)
    assert "sha256" in gap.hint


@pytest.mark.parametrize(
    ("lines", "path", "hint"),
    [
        ('ike.encryption = "aes196"', "ike.encryption", "did you mean aes256?"),
        ('ipsec.encryption = "aes196"', "ipsec.encryption", "did you mean aes256?"),
        ('ike.proposals = ["aes196-sha256-x25519"]', "ike.proposals[0]", "did you mean aes256?"),
        ('ike.prf = "aes128gmac_ah"', "ike.prf", None),
        ('ipsec.integrity = "aes128gmac_ah"', "ipsec", "write aes128gmac, or give proposals"),
        ('ike.encryption = "sha256"', "ike.encryption", None),
        ("ike.encryption = 7", "ike.encryption", None),
        ('ike.integrity = "sha265"', "ike.integrity", "did you mean sha256?"),
        ("ike.dh_group = 3", "ike.dh_group", None),
        ("ike.dh_group = true", "ike.dh_group", None),
        ('ike.dh_group = "9999999999999999999999"', "ike.dh_group", None),
        ('ike.dh_group = "²"', "ike.dh_group", None),
        ('ike.dh_group = "mlkem768"', "ike.dh_group", "use modp768"),
        ('ipsec.pfs = "none"', "ipsec.pfs", None),
        ("ike.proposals = []", "ike.proposals", "leave the key out for the default"),
        ('ike.proposals = "aes128"', "ike.proposals", "put it in brackets: [ … ]"),
        ('ike.proposals = ["aes128-sha256"]', "ike.proposals[0]", "add -x25519 or -modp2048"),
        ('ipsec.proposals = ["aes128gcm16-sha256"]', "ipsec.proposals[0]", "write aes128gcm16"),
        (f'ike.proposals = ["{"a" * 500}"]', "ike.proposals[0]", "at most 400 characters"),
        ('ike.proposals = ["a\\u001b[2J"]', "ike.proposals[0]", None),
        (
            'ike.encryption = "aes128gcm16"\nike.integrity = "sha256"',
            "ike.integrity",
            "leave integrity out",
        ),
        (
            'ike.proposals = ["aes128-sha1-modp1024"]\nike.prf = "sha1"',
            "ike.prf",
            "keep one of the two",
        ),
        ('ike.version = "ikev3"', "ike.version", "did you mean ikev2?"),
        ("ike.version = 2", "ike.version", None),
        ('ipsec.protocol = "udp"', "ipsec.protocol", ""),
        ('ipsec.mode = "transprot"', "ipsec.mode", "did you mean transport?"),
        ('ike.mode = "aggressive"', "ike.mode", "leave it out"),
        ('ike.encryption = "null"', "ike.encryption", None),
        ("ike.window = 0", "ike.window", "the nearest accepted is 1"),
        ("ike.window = 17", "ike.window", "the nearest accepted is 16"),
        ("ike.auth_lifetime_s = 59", "ike.auth_lifetime_s", "the nearest accepted is 60"),
        ("ipsec.lifetime_kb = 2559", "ipsec.lifetime_kb", "the nearest accepted is 2560"),
        ("ipsec.lifetime_kb = -1", "ipsec.lifetime_kb", "the nearest accepted is 2560"),
        ("ipsec.lifetime_packets = 999", "ipsec.lifetime_packets", "the nearest accepted is 1000"),
        ("ipsec.esn = 1", "ipsec.esn", None),
        ('ike.proposals = ["aes128-sha256-x25519-esn"]', "ike.proposals[0]", None),
    ],
)
def test_an_algorithm_refused_names_its_place_and_what_would_do(
    lines: str, path: str, hint: str | None
) -> None:
    found = connection_problem(lines)
    assert found.path == f"connection[0].{path}"
    assert found.line == 5 + lines.count("\n")
    assert hint is None or found.hint == hint
    assert str(found).isprintable()


AH = 'nat_traversal = false\nipsec.protocol = "ah"\n'


@pytest.mark.parametrize(
    ("lines", "esp"),
    [
        ("ipsec.esn = true", ["aes256gcm16-aes128gcm16-chacha20poly1305-esn",
                              "aes256-aes128-sha256-sha384-sha512-esn"]),
        ('ipsec.encryption = "aes128"\nipsec.pfs = 14\nipsec.esn = true',
         ["aes128-sha256-modp2048-esn"]),
        ("ipsec.esn = false", ["aes256gcm16-aes128gcm16-chacha20poly1305",
                               "aes256-aes128-sha256-sha384-sha512"]),
        ('ipsec.proposals = ["aes128gcm16-esn"]', ["aes128gcm16-esn"]),
        (AH, ["sha256"]),
        (AH + 'ipsec.integrity = "sha384"\nipsec.pfs = 19\nipsec.esn = true',
         ["sha384-ecp256-esn"]),
        (AH + 'ipsec.proposals = ["sha512-sha256"]', ["sha512-sha256"]),
        (AH + 'crypto_preset = "cloud_compat"', ["sha1-modp1024"]),
    ],
)  # fmt: skip
def test_sequence_numbers_and_ah_are_part_of_the_proposals(lines: str, esp: list[str]) -> None:
    assert _proposals(lines)[1] == esp


def test_long_sequence_numbers_are_preferred_and_short_ones_taken() -> None:
    (one,) = config(CONNECTION + "ipsec.esn = true").connections
    plan = compile_tunnel(one, Gateway.model_validate({}))
    offered = [t.id for t in plan.esp_proposals[0].of(TransformType.ESN)]
    assert offered == [1, 0]
    assert plan.esp_proposals[0].protocol is Protocol.ESP


def test_ah_is_offered_as_ah() -> None:
    (one,) = config(CONNECTION + AH).connections
    (offered,) = compile_tunnel(one, Gateway.model_validate({})).esp_proposals
    assert offered.protocol is Protocol.AH
    assert not offered.of(TransformType.ENCR)


@pytest.mark.parametrize(
    ("lines", "path"),
    [
        (AH + 'ipsec.proposals = ["aes128-sha256"]', "ipsec.proposals[0]"),
        (AH + 'crypto_preset = "custom"\nike.proposals = ["aes128-sha256-x25519"]', "ipsec"),
        ('ipsec.proposals = ["aes128gcm16"]\nipsec.esn = true', "ipsec.esn"),
    ],
)
def test_algorithms_fit_the_protocol(lines: str, path: str) -> None:
    found = connection_problem(lines)
    assert found.path == f"connection[0].{path}"
    assert found.hint


@pytest.mark.parametrize("lab", [False, True])
def test_lifetimes_of_seconds_are_for_the_laboratory(lab: bool) -> None:
    short = "ike.lifetime_s = 2\nipsec.lifetime_s = 1\nike.auth_lifetime_s = 2\n"
    gateway = f"[gateway.lab]\nallow_short_lifetimes = {str(lab).lower()}\n"
    assert len(problems(gateway + CONNECTION + short)) == (0 if lab else 3)
    assert problems(gateway + CONNECTION + "ipsec.lifetime_s = -1") != ()


@pytest.mark.parametrize(
    ("section", "value", "near"),
    [
        ("ike", 1, 60),
        ("ike", 59, 60),
        ("ike", 604_801, 604_800),
        ("ike", -1, 60),
        ("ipsec", 1, 180),
        ("ipsec", 179, 180),
        ("ipsec", 10**40, 604_800),
    ],
)
def test_a_lifetime_out_of_range_names_the_nearest_accepted(
    section: str, value: int, near: int
) -> None:
    found = connection_problem(f"{section}.lifetime_s = {value}")
    assert found.path == f"connection[0].{section}.lifetime_s"
    assert found.hint == f"the nearest accepted is {near}"


@pytest.mark.parametrize(
    ("section", "value"),
    [("ike", 0), ("ike", 60), ("ike", 604_800), ("ipsec", 0), ("ipsec", 180), ("ipsec", 604_800)],
)
def test_a_lifetime_in_range_is_taken(section: str, value: int) -> None:
    assert problems(CONNECTION + f"{section}.lifetime_s = {value}") == ()
