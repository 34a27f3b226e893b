"""IKEv2 Transform Type 4 (key exchange method): every group behind one protocol.

https://www.iana.org/assignments/ikev2-parameters; requirement levels from RFC 8247 section 2.4.
Public values are checked as RFC 6989 and RFC 8031 section 3 ask.  Private values come from the
library or, for the two smallest groups, from the operating system: the one exception, with the CBC
IVs, to this package drawing no randomness.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, SECP384R1, SECP521R1

from suites.curves import X448, X25519, Curve, ecp
from suites.exchange import BadPublicValue, Group, KeyExchange
from suites.modp import group24, oakley
from suites.status import Status

__all__ = [
    "GROUP",
    "GROUPS",
    "GROUP_BY_ID",
    "GROUP_BY_NAME",
    "BadPublicValue",
    "Group",
    "KeyExchange",
]

# fmt: off
GROUP: Final = (
    #     IANA  name            octets  status         method
    Group(   1, "modp768",          96, Status.BROKEN, oakley(768),  "modp2048"),
    Group(   2, "modp1024",        128, Status.LEGACY, oakley(1024), "modp2048"),
    Group(   5, "modp1536",        192, Status.LEGACY, oakley(1536), "modp2048"),
    Group(  14, "modp2048",        256, Status.MUST,   oakley(2048)),
    Group(  15, "modp3072",        384, Status.MAY,    oakley(3072)),
    Group(  16, "modp4096",        512, Status.MAY,    oakley(4096)),
    Group(  17, "modp6144",        768, Status.MAY,    oakley(6144)),
    Group(  18, "modp8192",       1024, Status.MAY,    oakley(8192)),
    Group(  19, "ecp256",           64, Status.SHOULD, ecp(SECP256R1())),
    Group(  20, "ecp384",           96, Status.MAY,    ecp(SECP384R1())),
    Group(  21, "ecp521",          132, Status.MAY,    ecp(SECP521R1())),
    Group(  24, "modp2048s256",    256, Status.LEGACY, group24,      "modp2048"),
    Group(  31, "x25519",           32, Status.SHOULD, Curve(X25519)),
    Group(  32, "x448",             56, Status.MAY,    Curve(X448)),
)
# fmt: on

GROUPS: Final = GROUP
GROUP_BY_ID: Final[Mapping[int, Group]] = MappingProxyType({row.iana: row for row in GROUP})
GROUP_BY_NAME: Final[Mapping[str, Group]] = MappingProxyType({row.name: row for row in GROUP})
