"""The Attributes payload (draft-dukes-ike-mode-cfg-02 section 3.2, draft-beaulieu-ike-xauth-02)."""

import struct
from dataclasses import dataclass
from enum import IntEnum
from typing import ClassVar, Final, Self

from ikecore.wire import Reader
from ikev1.payloads.attributes import Attribute, build_attributes, parse_attributes
from ikev1.payloads.types import PayloadType

_CONFIG: Final = struct.Struct("!BxH")


class ConfigType(IntEnum):
    """What is said with the attributes."""

    REQUEST = 1
    REPLY = 2
    SET = 3
    ACK = 4


class ConfigAttribute(IntEnum):
    """Attribute types: mode config's own, XAUTH's, and those of Cisco Unity."""

    INTERNAL_IP4_ADDRESS = 1
    INTERNAL_IP4_NETMASK = 2
    INTERNAL_IP4_DNS = 3
    INTERNAL_IP4_NBNS = 4
    INTERNAL_ADDRESS_EXPIRY = 5
    INTERNAL_IP4_DHCP = 6
    APPLICATION_VERSION = 7
    INTERNAL_IP6_ADDRESS = 8
    INTERNAL_IP6_NETMASK = 9
    INTERNAL_IP6_DNS = 10
    INTERNAL_IP6_NBNS = 11
    INTERNAL_IP6_DHCP = 12
    INTERNAL_IP4_SUBNET = 13
    SUPPORTED_ATTRIBUTES = 14
    INTERNAL_IP6_SUBNET = 15

    XAUTH_TYPE = 16520
    XAUTH_USER_NAME = 16521
    XAUTH_USER_PASSWORD = 16522
    XAUTH_PASSCODE = 16523
    XAUTH_MESSAGE = 16524
    XAUTH_CHALLENGE = 16525
    XAUTH_DOMAIN = 16526
    XAUTH_STATUS = 16527
    XAUTH_NEXT_PIN = 16528
    XAUTH_ANSWER = 16529

    UNITY_BANNER = 28672
    UNITY_SAVE_PASSWORD = 28673
    UNITY_DEF_DOMAIN = 28674
    UNITY_SPLITDNS_NAME = 28675
    UNITY_SPLIT_INCLUDE = 28676
    UNITY_NATT_PORT = 28677
    UNITY_LOCAL_LAN = 28678
    UNITY_PFS = 28679
    UNITY_FW_TYPE = 28680
    UNITY_BACKUP_SERVERS = 28681
    UNITY_DDNS_HOSTNAME = 28682


@dataclass(frozen=True, slots=True)
class ConfigAttributes:
    """Ask for configuration or for credentials, or give them.

    ```
    |     Type      |   RESERVED    |           Identifier          |
    ~                           Attributes                          ~
    ```

    An attribute without octets asks for its value.  ``identifier`` tells the transactions apart
    that one exchange may hold.  Unknown types and attributes survive.
    """

    TYPE: ClassVar = PayloadType.ATTRIBUTES
    type: int
    identifier: int
    attributes: tuple[Attribute, ...] = ()

    @classmethod
    def parse(cls, body: Reader) -> Self:
        """Read the payload's body; raise :exc:`~ikecore.wire.Malformed`."""
        kind, identifier = body.unpack(_CONFIG)
        return cls(kind, identifier, parse_attributes(body))

    def body(self) -> bytes:
        """Return the payload without its generic header."""
        return _CONFIG.pack(self.type, self.identifier) + build_attributes(self.attributes)

    def all(self, kind: int) -> tuple[Attribute, ...]:
        """Return the attributes of one type, in order."""
        return tuple(one for one in self.attributes if one.type == kind)

    def one(self, kind: int) -> Attribute | None:
        """Return the first attribute of a type."""
        return next((one for one in self.attributes if one.type == kind), None)
