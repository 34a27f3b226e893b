import hashlib
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ikecore.identities import Identity, IdType
from ikecore.profile import LegacyTerms, Profile, Role
from ikev1.payloads.vendor import VendorId
from ikev1.vendors import (
    DPD,
    FRAGMENTATION,
    UNITY,
    XAUTH,
    NatVariant,
    Vendors,
    known,
    ours,
)

H = bytes.fromhex


def md5(text: str) -> bytes:
    return hashlib.md5(text.encode(), usedforsecurity=False).digest()


def heard(*said: bytes) -> Vendors:
    return Vendors.of(map(VendorId, said))


# The names that are known to have been hashed, and how many octets of the sum travel.
HASHED = (
    ("RFC 3947", 16, NatVariant.RFC_3947.value),
    ("draft-ietf-ipsec-nat-t-ike-03", 16, NatVariant.DRAFT_03.value),
    ("draft-ietf-ipsec-nat-t-ike-02\n", 16, NatVariant.DRAFT_02_N.value),
    ("draft-ietf-ipsec-nat-t-ike-02", 16, NatVariant.DRAFT_02.value),
    ("draft-ietf-ipsra-isakmp-xauth-06.txt", 8, XAUTH),
    ("CISCO-UNITY", 14, UNITY[:14]),
    ("CISCO-DEAD-PEER-DETECTION", 14, DPD[:14]),
    ("FRAGMENTATION", 16, FRAGMENTATION),
)


@pytest.mark.parametrize(("text", "octets", "number"), HASHED, ids=[h[0].strip() for h in HASHED])
def test_a_vendor_id_is_the_md5_sum_of_a_name(text: str, octets: int, number: bytes) -> None:
    assert md5(text)[:octets] == number


@pytest.mark.parametrize(
    ("text", "octets", "name"),
    [
        ("strongSwan", 16, "strongSwan"),
        ("MS NT5 ISAKMPOAKLEY", 16, "Windows"),
        ("FORTIGATE", 12, "FortiGate"),
        ("KAME/racoon", 16, "racoon"),
        ("draft-ietf-ipsec-nat-t-ike", 16, "macOS racoon"),
        ("NETGEAR", 16, "NETGEAR"),
        ("ALTIGA GATEWAY", 14, "Cisco ASA or VPN 3000"),
        ("SSH Communications Security QuickSec 2.1.0", 16, "QuickSec 2.1.0"),
        ("draft-ietf-ipsec-nat-t-ike-00", 16, "NAT-T draft 00"),
        ("draft-ietf-ipsec-nat-t-ike-01", 16, "NAT-T draft 01"),
        ("draft-ietf-ipsec-nat-t-ike-04", 16, "NAT-T draft 04"),
        ("draft-ietf-ipsec-nat-t-ike-08", 16, "NAT-T draft 08"),
        ("GSSAPI", 16, "GSSAPI"),
        ("Vid-Initial-Contact", 16, "Vid-Initial-Contact"),
        ("IKE CGA version 1", 16, "IKE CGA version 1"),
        ("MS-Negotiation Discovery Capable", 16, "MS-Negotiation Discovery Capable"),
    ],
)
def test_names_of_peers_by_the_text_they_hash(text: str, octets: int, name: str) -> None:
    assert known(md5(text)[:octets]) == name


# What peers were seen to send, whole.
@pytest.mark.parametrize(
    ("seen", "name"),
    [
        ("1e2b516905991c7d7c96fcbfb587e46100000004", "Windows Server 2003"),
        ("1e2b516905991c7d7c96fcbfb587e46100000009", "Windows 8 or later"),
        ("1e2b516905991c7d7c96fcbfb587e46100000063", "Windows"),
        ("8299031757a36082c6a621de0005024d", "FortiGate"),
        (
            "f4ed19e0c114eb516faaac0ee37daf2807b4381f000000010000138d5ba4ce9a0000000018380000",
            "Check Point",
        ),
        ("699369228741c6d4ca094c93e242c9de19e7b7c60000000500000500", "Juniper NetScreen"),
        ("4865617274426561745f4e6f74696679386b0100", "Juniper NetScreen"),
        ("5b362bc820f60007", "SonicWall"),
        ("404bf439522ca3f6", "SonicWall"),
        ("625027749d5ab97f5616c1602765cf480a3b7d0b", "ZyXEL"),
        ("f14b94b7bff1fef02773b8c49feded26", "Shrew Soft client"),
        ("424e455300000009", "Nortel Contivity"),
        ("1f07f70eaa6514d3b0fa96542a500300", "Cisco ASA or VPN 3000"),
        (b"OE-Libreswan-4.12".hex(), "Libreswan 4.12"),
        (b"OECq1Imzh\x7eFD".hex(), "Openswan or Libreswan"),
    ],
)
def test_peers_by_what_they_were_seen_to_send(seen: str, name: str) -> None:
    assert known(H(seen)) == name
    assert heard(H(seen)).told == name


def test_an_unknown_id_is_shown_in_part() -> None:
    assert known(b"\xab\xcd") == "abcd"
    assert known(b"") == ""
    assert known(bytes(100)) == "00" * 32 + "…"


@given(st.lists(st.binary(max_size=300), max_size=6))
def test_no_octets_break_it_and_what_is_told_can_be_printed(said: list[bytes]) -> None:
    found = heard(*said, *(b"OE-Libreswan-" + one for one in said))
    assert found.told.isprintable()
    assert len(found.told) < 64
    assert all(known(one).isprintable() for one in said)


def test_a_peer_that_says_nothing() -> None:
    assert heard() == Vendors() == Vendors((), False, False, False, False, "")


def test_what_a_cisco_gateway_says() -> None:
    found = heard(
        UNITY, XAUTH, DPD, H("90cb80913ebb696e086381b5ec427b1f"), FRAGMENTATION + H("c0000000")
    )
    assert found == Vendors((NatVariant.DRAFT_02_N,), True, True, True, True, "Cisco Unity")


def test_versions_of_dpd_and_unity_do_not_matter() -> None:
    found = heard(UNITY[:14] + b"\2\0", DPD[:14] + b"\1\1")
    assert (found.unity, found.dpd) == (True, True)
    assert not heard(UNITY[:13]).unity


def test_each_variant_of_nat_traversal_has_a_name_of_its_own() -> None:
    names = [known(variant.value) for variant in NatVariant]
    assert len(set(names)) == len(NatVariant)
    assert all(name.startswith("NAT-T ") and name.isprintable() for name in names)


def test_the_variants_of_nat_traversal_come_best_first() -> None:
    found = heard(*(variant.value for variant in reversed(NatVariant)))
    assert found.nat == tuple(NatVariant)
    assert found.nat[0] is NatVariant.RFC_3947
    assert [variant.is_draft for variant in found.nat] == [False, True, True, True]
    assert not heard(md5("draft-ietf-ipsec-nat-t-ike-00")).nat  # no floating to port 4500
    assert not heard(NatVariant.RFC_3947.value + b"\0").nat


@pytest.mark.parametrize(
    ("flags", "takes"),
    [("", True), ("80000000", True), ("c0000000", True), ("40000000", False), ("80", False)],
)
def test_fragments_are_taken_where_the_flags_say_so(flags: str, takes: bool) -> None:
    assert heard(FRAGMENTATION + H(flags)).fragmentation is takes
    assert known(FRAGMENTATION + H(flags)) == "FRAGMENTATION"


def test_a_client_that_imitates_others_is_told_by_its_own_name() -> None:
    netscreen, shrew = (
        "166f932d55eb64d8e4df4fd37e2313f0d0fd8451",
        "f14b94b7bff1fef02773b8c49feded26",
    )
    assert heard(UNITY, H(netscreen), md5("KAME/racoon"), H(shrew)).told == "Shrew Soft client"


US = Profile("us", Identity(IdType.FQDN, b"peer"), (), (), (), Identity(IdType.FQDN, b"us"))


def said(profile: Profile, peer: Vendors | None = None) -> list[bytes]:
    return [one.data for one in ours(profile, peer)]


def test_what_we_say_as_initiator() -> None:
    variants = [variant.value for variant in NatVariant]
    assert said(US) == [DPD, *variants, FRAGMENTATION + H("c0000000")]
    assert heard(*said(US)) == Vendors(tuple(NatVariant), dpd=True, fragmentation=True)


def test_a_responder_answers_with_the_best_variant_both_know() -> None:
    peer = heard(NatVariant.DRAFT_02.value, NatVariant.DRAFT_03.value)
    assert heard(*said(US, peer)).nat == (NatVariant.DRAFT_03,)
    assert not heard(*said(US, Vendors())).nat


def test_what_is_off_is_not_said() -> None:
    quiet = replace(US, nat_traversal=False, fragmentation=False)
    assert said(quiet) == [DPD]
    assert said(quiet, heard(NatVariant.RFC_3947.value)) == [DPD]


@pytest.mark.parametrize("role", [Role.CLIENT, Role.SERVER])
def test_xauth_and_mode_config_have_ids_of_their_own(role: Role) -> None:
    found = heard(*said(replace(US, legacy=LegacyTerms(xauth=role))))
    assert (found.xauth, found.unity) == (True, False)
    found = heard(*said(replace(US, legacy=LegacyTerms(addresses=role))))
    assert (found.xauth, found.unity) == (False, True)


def test_we_name_no_product() -> None:
    legacy = LegacyTerms(xauth=Role.CLIENT)
    assert heard(*said(replace(US, legacy=legacy))).told == ""
