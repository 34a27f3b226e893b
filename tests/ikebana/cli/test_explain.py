"""What each word of a proposal is."""

import pytest

from ikebana.cli.explain import explain
from suites.encr import ENCR
from suites.integ import INTEG
from suites.kex import GROUP
from suites.prf import PRF


def test_proposal_is_told_word_by_word_and_for_both_uses() -> None:
    found = explain("aes128-sha1-modp1024-esn")
    assert found.usable
    assert found.lines == (
        "aes128: encryption, needs integrity; transform type 1 id 12; key 128 bits; IKE, ESP",
        "    good: every implementation has it",
        "sha1: integrity; transform type 3 id 2; key 160 bits, tag 96 bits; "
        "IKE (and prfsha1 with it), ESP, AH",
        "    LEGACY: only for a peer that has nothing better; better sha256",
        "modp1024: key exchange; transform type 4 id 2; public value 128 octets; "
        "IKE, ESP and AH (PFS)",
        "    LEGACY: only for a peer that has nothing better; better modp2048",
        "esn: extended sequence numbers, 64-bit; transform type 5; ESP, AH",
        "as IKE: no: esn belongs to ESP and AH (leave it out of the IKE proposal)",
        "as ESP: aes128-sha1-modp1024-esn",
        "as AH: no: AH takes no cipher: aes128 must go (write sha1, or take ESP)",
    )


def test_what_protects_packets_without_hiding_them_is_told_as_such() -> None:
    found = explain("sha256-noesn")
    assert found.usable
    assert found.lines[-1] == "as AH: sha256"
    first, second, *_, ike, esp, ah = explain("null-sha256").lines
    assert first.startswith("null: no encryption, needs integrity; transform type 1 id 11;")
    assert first.endswith("; ESP")
    assert second
    assert ike == "as IKE: no: null is not for IKE (use aes256gcm16 here)"
    assert esp == "as ESP: null-sha256"
    assert ah.startswith("as AH: no")


def test_alias_shows_what_it_stands_for() -> None:
    assert explain("aes256gcm").lines[0].startswith("aes256gcm (aes256gcm16): authenticated")


def test_unknown_word_has_a_suggestion() -> None:
    found = explain("aes196-sha256")
    assert found.lines[0] == "aes196: unknown; did you mean aes256?"
    assert not found.usable


def test_what_has_no_number_of_ianas_is_told_as_such() -> None:
    found = explain("sm4-sm3")
    assert found.usable
    assert found.lines[:2] == (
        "sm4: encryption, needs integrity; transform type 1 id as in [gateway] private_ids; "
        "key 128 bits; IKE, ESP",
        "    non-standard; no independent peer was available",
    )
    assert found.lines[-2] == "as ESP: sm4-sm3"


def test_gmac_of_ah_is_ahs_alone() -> None:
    found = explain("aes128gmac_ah")
    assert found.lines[0] == (
        "aes128gmac_ah: integrity; transform type 3 id 9; key 160 bits, tag 192 bits; AH"
    )
    assert found.lines[-1] == "as AH: aes128gmac_ah"


@pytest.mark.parametrize("row", [*ENCR, *INTEG, *PRF, *GROUP], ids=lambda row: row.name)
def test_every_row_is_explained(row: object) -> None:
    name = getattr(row, "name")  # noqa: B009 - rows of four types, all with a name
    first, second = explain(name).lines[:2]
    assert first.startswith(f"{name}: ")
    assert second.startswith("    ")


@pytest.mark.parametrize("words", ["", "-", "----", "\x1b[2J", "é" * 5000, "aes128-" * 5000])
def test_odd_input_is_explained_all_the_same(words: str) -> None:
    found = explain(words)
    assert not found.usable
    assert all(line.isprintable() for line in found.lines)


def test_what_ikev1_can_say_of_it_stands_below() -> None:
    lines = explain("aes128-sha256-modp2048", ikev1=True).lines
    assert lines[-5:-1] == (
        "as IKE: aes128-sha256-prfsha256-modp2048",
        "    in IKEv1, phase 1: aes128-sha256-modp2048",
        "as ESP: aes128-sha256-modp2048",
        "    in IKEv1: aes128-sha256-modp2048",
    )
    lines = explain("aes128gcm16-x25519", ikev1=True).lines
    (ike,) = [line for line in lines if "phase 1" in line]
    assert ike.startswith("    in IKEv1, phase 1: no: aes128gcm16 has no number (aes256 or aes128")
    assert not any("IKEv1" in line for line in explain("aes128gcm16-x25519").lines)
