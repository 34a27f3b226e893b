"""Identities: read as strongSwan reads them, shown so that a log survives them."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ikecore import dn
from ikecore.identities import LONGEST, Identity, IdentityError, IdType

FQDN, MAIL, KEY, NAME = IdType.FQDN, IdType.RFC822_ADDR, IdType.KEY_ID, IdType.DER_ASN1_DN
ANY = st.builds(
    Identity, st.sampled_from([0, 1, 2, 3, 4, 5, 9, 10, 11, 201, 255]), st.binary(max_size=300)
)


@pytest.mark.parametrize(
    ("text", "kind", "data"),
    [
        ("10.0.0.1", IdType.IPV4_ADDR, b"\x0a\0\0\1"),
        ("fd99::1", IdType.IPV6_ADDR, bytes.fromhex("fd99") + bytes(13) + b"\1"),
        ("gw.example.com", FQDN, b"gw.example.com"),
        ("@gw.example.com", FQDN, b"gw.example.com"),
        ("@10.0.0.1", FQDN, b"10.0.0.1"),
        ("carol@example.com", MAIL, b"carol@example.com"),
        ("@@carol", MAIL, b"carol"),
        ("@#c0ffee", KEY, b"\xc0\xff\xee"),
        ("@#c0:ff:ee", KEY, b"\xc0\xff\xee"),
        ("keyid:branch 7", KEY, b"branch 7"),
        ("keyid:#00ff", KEY, b"\0\xff"),
        ("fqdn:a@b", FQDN, b"a@b"),
        ("email:carol", MAIL, b"carol"),
        ("ipv4:10.0.0.1", IdType.IPV4_ADDR, b"\x0a\0\0\1"),
        ("C=CH, O=Acme, CN=gw", NAME, dn.encode("C=CH, O=Acme, CN=gw")),
        ("asn1dn:CN=gw", NAME, dn.encode("CN=gw")),
        ("  gw \n", FQDN, b"gw"),
        ("subnet:10.1.0.0/16", IdType.IPV4_SUBNET, bytes.fromhex("0a010000ffff0000")),
        ("subnet:fd99::/16", IdType.IPV6_SUBNET, b"\xfd\x99" + bytes(14) + b"\xff\xff" + bytes(14)),
    ],
)
def test_what_an_administrator_writes(text: str, kind: IdType, data: bytes) -> None:
    assert Identity.parse(text) == Identity(kind, data)


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("", "an identity is needed"),
        ("%any", "an identity is needed"),
        ("10.0.0.256", "write @10.0.0.256"),
        ("10.0.0.0/24", "no IP address"),
        ("fe80::zz", "no IP address"),
        ("two words", "no name"),
        ("gw\x1b[31m", "no name"),
        ("gäte.example", "xn--"),
        ("@", "no name"),
        ("@#", "no hexadecimal digits"),
        ("@#xyz", "not hexadecimal"),
        ("CN=", "empty"),
        ("NOPE=x", "unknown attribute"),
        ("ipv4:fd99::1", "other IP version"),
        ("ipv6:gw", "does not appear"),
        ("subnet:10.1.0.1/16", "host bits"),
        ("asn1gn:x", "in hexadecimal"),
        ("keyid:", "empty"),
        ("keyid:" + "x" * (LONGEST + 1), "at most 2048"),
    ],
)
def test_what_cannot_be_read_says_what_would_do(text: str, hint: str) -> None:
    with pytest.raises(IdentityError, match=hint):
        Identity.parse(text)


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=60))
def test_any_text_is_an_identity_or_an_identity_error(text: str) -> None:
    try:
        found = Identity.parse(text)
    except IdentityError:
        return
    assert found.matches(found)


def test_an_address_is_an_identity() -> None:
    assert Identity.of_address("10.0.0.1") == Identity.parse("10.0.0.1")
    assert str(Identity.of_address("FD99:0::1")) == "fd99::1"
    with pytest.raises(ValueError, match="does not appear"):
        Identity.of_address("gw")


@pytest.mark.parametrize(
    "text",
    [
        "10.0.0.1", "fd99::1", "gw.example.com", "@10.0.0.1", "carol@example.com", "@@carol",
        "keyid:branch 7", "keyid:#00ff", "keyid:#2341", "@a@b", "C=CH, O=Acme\\, Inc., CN=gw",
    ],
)  # fmt: skip
def test_what_is_shown_reads_back(text: str) -> None:
    assert str(Identity.parse(text)) == text


@pytest.mark.parametrize(
    ("identity", "text"),
    [
        (Identity(FQDN, b"10.0.0.1"), "@10.0.0.1"),
        (Identity(FQDN, b"carol@example.com"), "@carol@example.com"),
        (Identity(FQDN, b"CN=gw"), "@CN=gw"),
        (Identity(FQDN, b"@gw"), "fqdn:@gw"),
        (Identity(FQDN, b""), "fqdn:"),
        (Identity(MAIL, b"gw"), "@@gw"),
        (Identity(IdType.IPV4_ADDR, b"\1\2\3"), "ipv4:#010203"),
        (Identity(77, b"\1"), "type77:#01"),
        (Identity(NAME, b"\x30\x80"), "asn1dn:#3080"),
    ],
)
def test_a_peer_cannot_look_like_another_type(identity: Identity, text: str) -> None:
    assert str(identity) == text


@pytest.mark.parametrize("kind", [2, 3, 9, 11])
def test_control_characters_do_not_reach_a_log(kind: int) -> None:
    data = b"gw\n\r\x1b[31m\0\x9b"
    if kind == NAME:
        data = dn.encode("CN=gw\\0a\\1b")
    shown = str(Identity(kind, data))
    assert shown.isprintable()
    assert "gw" in shown or "6777" in shown


@settings(max_examples=200, deadline=None)
@given(ANY)
def test_whatever_a_peer_sends_is_shown_in_bounded_printable_text(identity: Identity) -> None:
    """libreswan CVE-2013-2052, strongSwan CVE-2013-5018: identities that only looked like ASN.1."""
    shown = str(identity)
    assert shown.isprintable()
    assert len(shown) <= 201


def test_an_identity_of_a_megabyte_is_cut_short() -> None:
    for kind in (1, 2, 9, 11, 99):
        assert len(str(Identity(kind, b"a" * 2**20))) <= 201


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (Identity(FQDN, b"GW.Example.com"), Identity(FQDN, b"gw.example.COM")),
        (Identity(MAIL, b"Carol@Example.com"), Identity(MAIL, b"carol@example.com")),
        (Identity.parse("C=CH, CN=GW"), Identity.parse("C=ch,  CN=gw")),
        (Identity(KEY, b"k"), Identity(KEY, b"k")),
    ],
)
def test_identities_that_match(one: Identity, other: Identity) -> None:
    assert one.matches(other)
    assert other.matches(one)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (Identity(FQDN, b"gw"), Identity(KEY, b"gw")),
        (Identity(FQDN, b"gw"), Identity(FQDN, b"gw\0")),
        (Identity(FQDN, b"gw"), Identity(FQDN, b"gw.")),
        (Identity(KEY, b"K"), Identity(KEY, b"k")),
        (Identity(FQDN, b"\xc3\x89"), Identity(FQDN, b"\xc3\xa9")),
        (Identity.parse("CN=gw"), Identity.parse("CN=gw, OU=x")),
        (Identity.parse("CN=gw"), Identity(NAME, b"")),
    ],
)
def test_identities_that_do_not_match(one: Identity, other: Identity) -> None:
    assert not one.matches(other)
    assert not other.matches(one)


@settings(max_examples=150, deadline=None)
@given(ANY, ANY)
def test_matching_never_raises_and_is_symmetric(one: Identity, other: Identity) -> None:
    assert one.matches(one)
    assert one.matches(other) == other.matches(one)


@pytest.mark.parametrize(
    ("octets", "shown"),
    [
        ("0a010000ffff0000", "subnet:10.1.0.0/16"),
        ("0000000000000000", "subnet:0.0.0.0/0"),
        ("0a010001ffff0000", "type4:#0a010001ffff0000"),
        ("0a010000ff00ff00", "type4:#0a010000ff00ff00"),
        ("0a01", "type4:#0a01"),
    ],
)
def test_a_subnet_is_shown_as_one_if_it_is_one(octets: str, shown: str) -> None:
    assert str(Identity(IdType.IPV4_SUBNET, bytes.fromhex(octets))) == shown
