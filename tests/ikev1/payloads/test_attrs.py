"""The Attributes codec of mode config and XAUTH."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ikev1.message import Exchange, Header, Message
from ikev1.payloads.attributes import Attribute
from ikev1.payloads.attrs import ConfigAttribute, ConfigAttributes, ConfigType
from tests.ikecore.codec import MODERATE, OCTET, SHORT, attempt, read
from tests.ikev1.payloads.codec import ATTRIBUTES

REQUEST = bytes.fromhex("01 00 abcd 00010000 00020000 c0880000")
ASKED = ConfigAttributes(
    ConfigType.REQUEST,
    0xABCD,
    (
        Attribute(ConfigAttribute.INTERNAL_IP4_ADDRESS, b""),
        Attribute(ConfigAttribute.INTERNAL_IP4_NETMASK, b""),
        Attribute(ConfigAttribute.XAUTH_TYPE, 0),
    ),
)


def test_known_octets_are_read_and_written() -> None:
    assert read(ConfigAttributes, REQUEST) == ASKED
    assert ASKED.body() == REQUEST


def test_attributes_are_found_by_type() -> None:
    dns = ConfigAttribute.INTERNAL_IP4_DNS
    both = (Attribute(dns, b"\n\0\0\1"), Attribute(dns, b"\n\0\0\2"))
    reply = ConfigAttributes(ConfigType.REPLY, 1, (Attribute(1, b"four"), *both))
    assert reply.all(dns) == both
    assert reply.one(dns) == both[0]
    assert reply.one(ConfigAttribute.UNITY_BANNER) is None


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        (1, ConfigAttribute.INTERNAL_IP4_ADDRESS),
        (3, ConfigAttribute.INTERNAL_IP4_DNS),
        (13, ConfigAttribute.INTERNAL_IP4_SUBNET),
        (15, ConfigAttribute.INTERNAL_IP6_SUBNET),
        (16520, ConfigAttribute.XAUTH_TYPE),
        (16521, ConfigAttribute.XAUTH_USER_NAME),
        (16522, ConfigAttribute.XAUTH_USER_PASSWORD),
        (16527, ConfigAttribute.XAUTH_STATUS),
        (16529, ConfigAttribute.XAUTH_ANSWER),
        (28672, ConfigAttribute.UNITY_BANNER),
        (28674, ConfigAttribute.UNITY_DEF_DOMAIN),
        (28676, ConfigAttribute.UNITY_SPLIT_INCLUDE),
        (28679, ConfigAttribute.UNITY_PFS),
        (28682, ConfigAttribute.UNITY_DDNS_HOSTNAME),
    ],
)
def test_attributes_have_the_drafts_numbers(number: int, kind: ConfigAttribute) -> None:
    assert kind == number


@MODERATE
@given(OCTET, SHORT, ATTRIBUTES)
def test_what_is_written_reads_back(
    kind: int, identifier: int, attributes: tuple[Attribute, ...]
) -> None:
    payload = ConfigAttributes(kind, identifier, attributes)
    assert read(ConfigAttributes, payload.body()) == payload


@MODERATE
@given(st.binary(max_size=40))
def test_noise_is_read_or_malformed(noise: bytes) -> None:
    attempt(ConfigAttributes, noise)


def test_what_a_user_says_is_never_shown() -> None:
    words = (Attribute(ConfigAttribute.XAUTH_USER_PASSWORD, b"open sesame"),)
    payload = ConfigAttributes(ConfigType.REPLY, 0, words)
    header = Header(b"i" * 8, b"r" * 8, Exchange.TRANSACTION, 7, encrypted=True)
    message = Message(header, (payload,), payload.body(), b"")
    assert "open sesame" not in repr(payload) + repr(message)
