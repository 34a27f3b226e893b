"""Distinguished names, checked against the cryptography library's own reader and writer."""

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID
from hypothesis import given, settings
from hypothesis import strategies as st

from ikecore import dn
from ikecore.wire import Malformed

ACME = bytes.fromhex(
    "3029 310b3009 0603550406 13024348 310d300b 060355040a 0c0441636d65310b3009 0603550403 0c026777"
)


def oracle(*attributes: tuple[x509.ObjectIdentifier, str]) -> bytes:
    return x509.Name([x509.NameAttribute(oid, value) for oid, value in attributes]).public_bytes()


@pytest.mark.parametrize("text", ["C=CH, O=Acme, CN=gw", "c=CH,o=Acme,cn=gw", "/C=CH/O=Acme/CN=gw"])
def test_known_octets(text: str) -> None:
    assert dn.encode(text) == ACME
    assert dn.text(ACME) == "C=CH, O=Acme, CN=gw"


def test_names_are_encoded_as_the_library_does() -> None:
    assert dn.encode("C=CH, O=Acme, CN=gw, E=a@b.example, DC=lab") == oracle(
        (NameOID.COUNTRY_NAME, "CH"),
        (NameOID.ORGANIZATION_NAME, "Acme"),
        (NameOID.COMMON_NAME, "gw"),
        (NameOID.EMAIL_ADDRESS, "a@b.example"),
        (NameOID.DOMAIN_COMPONENT, "lab"),
    )


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (r"CN=Acme\, Inc.", "Acme, Inc."),
        (r"CN=a\+b\=c", "a+b=c"),
        (r"CN=\C3\A9t\C3\A9", "été"),
        ("CN=été", "été"),
        (r"CN=\ padded\ ", " padded "),
        (r"CN=\#1", "#1"),
        (r"CN=back\\slash", "back\\slash"),
        ("CN=at its end\\\\ ", "at its end\\"),
        ("CN=a=b", "a=b"),
    ],
)
def test_escapes(text: str, value: str) -> None:
    der = dn.encode(text)
    assert der == oracle((NameOID.COMMON_NAME, value))
    assert dn.encode(dn.text(der)) == der


def test_several_attributes_of_one_relative_name() -> None:
    der = dn.encode("O=Acme, CN=gw+UID=7")
    assert [len(rdn) for rdn in dn.decode(der)] == [1, 2]
    parsed = x509.Name.from_rfc4514_string("CN=gw+UID=7,O=Acme")
    assert dn.same(der, parsed.public_bytes())


@pytest.mark.parametrize(
    "text", ["", "gw", "CN=", "CN=a,,O=b", "CN=a,", "NOPE=a", "CN=a\\", "=a", "CN=a, gw", "/", "//"]
)
def test_text_that_is_no_name(text: str) -> None:
    with pytest.raises(ValueError, match="distinguished name"):
        dn.encode(text)


def test_a_name_has_a_bounded_number_of_attributes() -> None:
    dn.decode(dn.encode(", ".join(["CN=a"] * 64)))
    with pytest.raises(ValueError, match="more than 64"):
        dn.encode(", ".join(["CN=a"] * 65))
    one = dn.encode("CN=a")[2:]
    body = one * 65
    with pytest.raises(Malformed):
        dn.decode(b"\x30\x82" + len(body).to_bytes(2, "big") + body)


@pytest.mark.parametrize("cut", range(len(ACME)))
def test_a_name_cut_short_anywhere_is_malformed(cut: int) -> None:
    """strongSwan CVE-2013-6075: a truncated name was read past its end."""
    with pytest.raises(Malformed):
        dn.decode(ACME[:cut])


@pytest.mark.parametrize(
    "octets",
    [
        "3000 00",  # octets after the name
        "3080 0000",  # indefinite length
        "3081 00",  # not the shortest length
        "308200 00",
        "3084 ffffffff",
        "30ff",
        "3102 3000",
        "3002 3100",  # a relative name of nothing
        "3004 3102 3000",
        "3008 3106 3004 0600 0c00",  # an attribute of no type
        "300a 3108 3006 0601 55 1f00 00",  # a long tag
        "300c 310a 3008 0603550403 0c00 00",  # more than a type and a value
    ],
)
def test_odd_der_is_malformed(octets: str) -> None:
    with pytest.raises(Malformed):
        dn.decode(bytes.fromhex(octets))


def test_deeply_nested_der_is_malformed_and_not_recursed_into() -> None:
    with pytest.raises(Malformed):
        dn.decode(b"\x30\x82\xff\xff" * 16000)


def test_an_empty_name_is_a_name() -> None:
    assert dn.decode(b"\x30\x00") == ()
    assert dn.text(b"\x30\x00") == ""


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("C=CH, O=Acme, CN=gw", "C=ch, O=ACME, CN=GW"),
        ("O=Acme  Inc., CN=gw", "O=Acme Inc., CN=gw"),
        ("CN=gw+UID=7", "UID=7+CN=gw"),
    ],
)
def test_names_that_are_the_same(one: str, other: str) -> None:
    assert dn.same(dn.encode(one), dn.encode(other))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("C=CH, O=Acme, CN=gw", "C=CH, O=Acme"),
        ("O=Acme, CN=gw", "CN=gw, O=Acme"),
        ("CN=gw", "O=gw"),
        ("CN=gw, UID=7", "CN=gw+UID=7"),
        ("CN=gw", "CN=gw2"),
    ],
)
def test_names_that_differ(one: str, other: str) -> None:
    assert not dn.same(dn.encode(one), dn.encode(other))


def test_string_types_do_not_make_names_differ() -> None:
    printable = bytes.fromhex("300d310b300906035504031302") + b"gw"
    assert dn.same(printable, dn.encode("CN=gw"))


def test_octets_that_are_no_name_equal_only_themselves() -> None:
    assert dn.same(b"\x30\x80", b"\x30\x80")
    assert not dn.same(b"\x30\x80", b"\x30\x81")
    assert not dn.same(ACME, b"")


def test_a_value_that_is_no_string_is_shown_in_hexadecimal() -> None:
    der = bytes.fromhex("300d310b3009 0603550403 0402 ffff")
    assert dn.text(der) == "CN=#ffff"
    assert dn.text(bytes.fromhex("300d310b3009 060355047f 0c02 6869")) == "55047f=hi"


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=60))
def test_noise_is_a_name_or_malformed(noise: bytes) -> None:
    try:
        dn.text(noise)
    except Malformed:
        return


@settings(max_examples=150, deadline=None)
@given(st.integers(0, len(ACME) - 1), st.integers(0, 255))
def test_a_name_with_one_octet_changed_is_a_name_or_malformed(at: int, octet: int) -> None:
    changed = ACME[:at] + bytes((octet,)) + ACME[at + 1 :]
    dn.same(changed, ACME)
    try:
        dn.text(changed)
    except Malformed:
        return


@settings(max_examples=80, deadline=None)
@given(st.lists(st.text(st.characters(codec="utf-8"), min_size=1, max_size=20), min_size=1))
def test_any_value_survives_text(values: list[str]) -> None:
    der = oracle(*((NameOID.COMMON_NAME, value) for value in values[:5]))
    assert dn.encode(dn.text(der)) == der
