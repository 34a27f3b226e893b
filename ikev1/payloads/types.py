"""Payload, notify and protocol numbers (RFC 2408 section 3, RFC 2407 section 4, IANA)."""

from enum import IntEnum
from typing import Final

DOI: Final = 1
"""The IPsec domain of interpretation (RFC 2407), the only one that is spoken here."""
SIT_IDENTITY_ONLY: Final = 1
"""The situation in which identities alone decide (RFC 2407 section 4.2.1)."""


class PayloadType(IntEnum):
    """Next-payload values of IKEv1; 33 to 53 are IKEv2's and mean nothing here."""

    NONE = 0
    SA = 1
    PROPOSAL = 2
    TRANSFORM = 3
    KE = 4
    ID = 5
    CERT = 6
    CERTREQ = 7
    HASH = 8
    SIG = 9
    NONCE = 10
    NOTIFY = 11
    DELETE = 12
    VENDOR = 13
    ATTRIBUTES = 14
    NAT_D = 20
    NAT_OA = 21
    NAT_D_DRAFT = 130
    """Of draft-ietf-ipsec-nat-t-ike-00 to 03, as is the next one."""
    NAT_OA_DRAFT = 131
    FRAGMENT = 132
    """Cisco's and Microsoft's ([MS-IKEE] section 2.2.3.1)."""


class ProtocolId(IntEnum):
    """Security protocol identifiers (RFC 2407 section 4.4.1)."""

    ISAKMP = 1
    AH = 2
    ESP = 3
    IPCOMP = 4


class NotifyType(IntEnum):
    """Notify message types: RFC 2408 section 3.14.1, RFC 2407 4.6.3, RFC 3706, and Cisco's."""

    INVALID_PAYLOAD_TYPE = 1
    DOI_NOT_SUPPORTED = 2
    SITUATION_NOT_SUPPORTED = 3
    INVALID_COOKIE = 4
    INVALID_MAJOR_VERSION = 5
    INVALID_MINOR_VERSION = 6
    INVALID_EXCHANGE_TYPE = 7
    INVALID_FLAGS = 8
    INVALID_MESSAGE_ID = 9
    INVALID_PROTOCOL_ID = 10
    INVALID_SPI = 11
    INVALID_TRANSFORM_ID = 12
    ATTRIBUTES_NOT_SUPPORTED = 13
    NO_PROPOSAL_CHOSEN = 14
    BAD_PROPOSAL_SYNTAX = 15
    PAYLOAD_MALFORMED = 16
    INVALID_KEY_INFORMATION = 17
    INVALID_ID_INFORMATION = 18
    INVALID_CERT_ENCODING = 19
    INVALID_CERTIFICATE = 20
    CERT_TYPE_UNSUPPORTED = 21
    INVALID_CERT_AUTHORITY = 22
    INVALID_HASH_INFORMATION = 23
    AUTHENTICATION_FAILED = 24
    INVALID_SIGNATURE = 25
    ADDRESS_NOTIFICATION = 26
    NOTIFY_SA_LIFETIME = 27
    CERTIFICATE_UNAVAILABLE = 28
    UNSUPPORTED_EXCHANGE_TYPE = 29
    UNEQUAL_PAYLOAD_LENGTHS = 30

    CONNECTED = 16384
    RESPONDER_LIFETIME = 24576
    REPLAY_STATUS = 24577
    INITIAL_CONTACT = 24578
    R_U_THERE = 36136
    R_U_THERE_ACK = 36137
    UNITY_LOAD_BALANCE = 40501


_FIRST_STATUS: Final = 16384


def is_error(notify: int) -> bool:
    """Tell whether a notify type reports an error (RFC 2408 section 3.14.1: below 16384)."""
    return notify < _FIRST_STATUS
