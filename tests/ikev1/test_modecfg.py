"""Configuration attributes: what is said of a lease, and what of it makes sense."""

from ipaddress import IPv4Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ikecore.lease import Lease
from ikecore.wire import Malformed, Reader
from ikev1.modecfg import (
    ASKED,
    LONGEST_USER,
    lease_attributes,
    lease_of,
    password,
    shown,
    taken,
    user_name,
)
from ikev1.payloads.attributes import Attribute
from ikev1.payloads.attrs import ConfigAttribute as Kind
from ikev1.payloads.attrs import ConfigAttributes, ConfigType
from policy.selectors import LIMIT

from .recorded import FILES, ByHand, Recording

H = bytes.fromhex
FULL = Lease(
    "10.9.0.5", 24, ("10.2.0.53", "10.2.0.54"), ("10.2.0.0/24", "10.4.0.0/16"), "Hi\nthere"
)
ALL = tuple(one.type for one in ASKED)
ADDRESS = Attribute(Kind.INTERNAL_IP4_ADDRESS, IPv4Address("10.9.0.5").packed)


def reply(*attributes: Attribute) -> ConfigAttributes:
    return ConfigAttributes(ConfigType.REPLY, 0, attributes)


def lease(*attributes: Attribute) -> Lease:
    found = lease_of(reply(ADDRESS, *attributes))
    assert found is not None
    return found


def transactions(name: str) -> list[ConfigAttributes]:
    recording = Recording(next(path for path in FILES if path.stem == name))
    by_hand = ByHand(recording)
    return [
        ConfigAttributes.parse(Reader(body))
        for said in recording.messages
        if said.exchange == 6
        for kind, body in by_hand.payloads(said)
        if kind == 14
    ]


# -- what strongSwan says -------------------------------------------------------------------------
def test_a_reply_of_strongswan_s_is_read() -> None:
    *_, answer = transactions("xauth-pull")
    assert lease_of(answer) == Lease(
        "10.3.0.1", 24, ("10.2.0.53",), ("10.2.0.0/24",), "Welcome to the laboratory"
    )


def test_a_push_of_strongswan_s_is_read_and_acknowledged_as_its_own_client_does() -> None:
    *_, told, acknowledged = transactions("xauth-push-aggressive")
    assert lease_of(told) == Lease("10.3.0.1", 32, ("10.2.0.53",))
    assert acknowledged.attributes == taken(told)[:1]  # we take the name server, too


def test_credentials_of_strongswan_s_are_read() -> None:
    _, said, *_ = transactions("xauth-pull")
    assert (user_name(said), password(said)) == ("carol", b"carol pw 7201")


# -- both ways ------------------------------------------------------------------------------------
def test_what_is_said_of_a_lease_is_read_again() -> None:
    assert lease_of(reply(*lease_attributes(FULL, ALL, unity=False))) == FULL
    bare = Lease("10.9.0.5")
    assert lease_of(reply(*lease_attributes(bare, ALL, unity=True))) == bare


def test_cisco_s_attributes_go_to_who_asks_or_knows_unity() -> None:
    plain = {one.type for one in lease_attributes(FULL, (), unity=False)}
    assert plain == {
        Kind.INTERNAL_IP4_ADDRESS,
        Kind.INTERNAL_IP4_NETMASK,
        Kind.INTERNAL_IP4_DNS,
    }
    cisco = {Kind.UNITY_BANNER, Kind.UNITY_SPLIT_INCLUDE}
    assert {one.type for one in lease_attributes(FULL, (), unity=True)} == plain | cisco
    for kind in cisco:
        assert {one.type for one in lease_attributes(FULL, (kind,), unity=False)} == plain | {kind}


def test_split_include_takes_fourteen_octets_a_network() -> None:
    found = {one.type: one.value for one in lease_attributes(FULL, ALL, unity=True)}
    assert found[Kind.UNITY_SPLIT_INCLUDE] == H(
        "0a020000ffffff000000000000000a040000ffff0000000000000000"
    )


def test_an_ack_names_what_is_known_without_values() -> None:
    said = reply(ADDRESS, ADDRESS, Attribute(Kind.UNITY_PFS, 1), Attribute(Kind.XAUTH_STATUS, 1))
    assert taken(said) == (
        Attribute(Kind.INTERNAL_IP4_ADDRESS, b""),
        Attribute(Kind.XAUTH_STATUS, b""),
    )


# -- nonsense -------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"\n",
        H("0a0900"),
        H("0a090005ff"),
        bytes(4),
        b"\xff" * 4,
        H("7f000001"),
        H("e0000001"),
        H("f0000001"),
        bytes(65000),
        5,
    ],
)
def test_an_address_that_no_host_can_have_is_none(value: int | bytes) -> None:
    assert lease_of(reply(Attribute(Kind.INTERNAL_IP4_ADDRESS, value))) is None
    assert lease_of(reply()) is None


@pytest.mark.parametrize("mask", [b"", H("ff00ff00"), H("00000001"), bytes(4), b"\xff" * 5, 24])
def test_a_netmask_with_holes_means_the_address_alone(mask: int | bytes) -> None:
    assert lease(Attribute(Kind.INTERNAL_IP4_NETMASK, mask)).netmask == 32


def test_name_servers_are_few_and_such_as_can_be() -> None:
    several = [Attribute(Kind.INTERNAL_IP4_DNS, bytes((10, 0, at, 1))) for at in range(100)]
    assert len(lease(*several).dns) == 8
    odd = (b"", b"\1", bytes(4), H("0a000001"), H("0a000001"), H("0a0000010a000002"), 7)
    dns = lease(*(Attribute(Kind.INTERNAL_IP4_DNS, value) for value in odd)).dns
    assert dns == ("10.0.0.1", "10.0.0.2")


def test_networks_come_in_two_forms_and_with_host_bits() -> None:
    found = lease(
        Attribute(Kind.UNITY_SPLIT_INCLUDE, H("0a020007ffffff00")),  # as in strongSwan's attr
        Attribute(Kind.INTERNAL_IP4_SUBNET, H("0a040000ffff0000")),
        Attribute(Kind.UNITY_SPLIT_INCLUDE, H("0a020000ffffff00000000000000")),
        Attribute(Kind.INTERNAL_IP4_SUBNET, H("0a060000ff00ff00")),
        Attribute(Kind.UNITY_SPLIT_INCLUDE, H("0a060000ff00ff00000000000000")),
        Attribute(Kind.INTERNAL_IP4_SUBNET, b"\1\2\3"),
        Attribute(Kind.INTERNAL_IP4_SUBNET, 9),
    )
    assert found.subnets == ("10.2.0.0/24", "10.4.0.0/16")


def test_networks_are_bounded_and_everything_is_none() -> None:
    many = b"".join(bytes((10, at, 0, 0)) + H("ffff0000") for at in range(200))
    assert len(lease(Attribute(Kind.INTERNAL_IP4_SUBNET, many)).subnets) == LIMIT
    everything = Attribute(Kind.INTERNAL_IP4_SUBNET, H("0a020000ffffff00") + bytes(8))
    assert lease(everything).subnets == ()


def test_text_of_a_peer_s_is_safe_and_short() -> None:
    evil = "Hi\x1b[2J\u202e\u200b\tall\r\nfriends\x00\xff".encode() + b"\xff\xfe"
    assert shown(evil) == "Hi[2Jall\nfriendsÿ\ufffd\ufffd"
    assert len(shown(b"x" * 60_000)) == 1000
    assert shown(b"\0\n \n") == ""
    assert lease(Attribute(Kind.UNITY_BANNER, 77)).banner == ""
    assert lease(Attribute(Kind.UNITY_BANNER, b"\x07")).banner == ""


@pytest.mark.parametrize(
    ("given", "name"),
    [
        (b"alice", "alice"),
        (b"alice\0", "alice"),  # some phones
        ("ärger & co".encode(), "ärger & co"),
        (H("300d310b300906035504031302"), ""),  # DER that ends too soon
        (b"CN=alice, O=lab", "CN=alice, O=lab"),
        (b"alice\n", ""),
        (b"al\0ice", ""),
        (b"\x1b[31malice", ""),
        (b"\xff\xfe", ""),
        (b"", ""),
        (b"a" * LONGEST_USER, "a" * LONGEST_USER),
        (b"a" * (LONGEST_USER + 1), ""),
        (b"a" * 65535, ""),
        (0x6162, ""),
    ],
)
def test_a_user_name_is_printable_text(given: int | bytes, name: str) -> None:
    assert user_name(reply(Attribute(Kind.XAUTH_USER_NAME, given))) == name


def test_a_password_is_octets_that_are_not_too_many() -> None:
    for value, octets in ((b"a\0b\0", b"a\0b"), (b"x" * 1025, b""), (4, b""), (b"", b"")):
        assert password(reply(Attribute(Kind.XAUTH_USER_PASSWORD, value))) == octets
    assert user_name(reply()) == ""
    assert password(reply()) == b""


@given(st.binary(max_size=400))
def test_noise_gives_a_sane_lease_or_none(noise: bytes) -> None:
    try:
        said = ConfigAttributes.parse(Reader(noise))
    except Malformed:
        return
    found = lease_of(ConfigAttributes(said.type, said.identifier, (*said.attributes, ADDRESS)))
    assert found is not None
    assert lease_of(reply(*lease_attributes(found, ALL, unity=True))) == found
    assert user_name(said).isprintable()
