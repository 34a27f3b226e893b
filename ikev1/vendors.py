"""Vendor IDs: what a peer can do beyond the RFCs, and often what it is.

Most are MD5 sums of a name (RFC 2408 section 3.16), cut or followed by a version.  They come
unauthenticated: they choose among what we would do anyway, and name the peer to people.
"""

import string
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final, Self

from ikecore.profile import Profile, Role
from ikev1.payloads.vendor import VendorId

H = bytes.fromhex


class NatVariant(Enum):
    """A way of NAT traversal, best first; the value is its vendor ID.

    The drafts have payload and encapsulation numbers of their own.
    """

    RFC_3947 = H("4a131c81070358455c5728f20e95452f")
    DRAFT_03 = H("7d9419a65310ca6f2c179d9215529d56")
    DRAFT_02_N = H("90cb80913ebb696e086381b5ec427b1f")  # its author hashed the line's end, too
    DRAFT_02 = H("cd60464335df21f87cfdb2fc68b6a448")

    @property
    def is_draft(self) -> bool:
        """Tell whether the numbers are those of the drafts."""
        return self is not NatVariant.RFC_3947


DPD: Final = H("afcad71368a1f1c96b8696fc77570100")
"""RFC 3706 section 5.1; its last two octets are the version, 1.0."""
XAUTH: Final = H("09002689dfd6b712")
"""draft-beaulieu-ike-xauth-02."""
UNITY: Final = H("12f5f28c457168a9702d9fe274cc0100")
"""Cisco's client extensions; the last two octets are the version, 1.0."""
FRAGMENTATION: Final = H("4048b7d56ebce88525e7de7f00d6c2d3")
"""Cisco's and Microsoft's ([MS-IKEE]); what may follow are four octets of flags."""
_FRAGMENTS: Final = 0x80000000  # of main and aggressive mode
_ALL_FLAGS: Final = H("c0000000")  # as Cisco sends them
_UNITY_NAME: Final = 14  # octets before the version
_DPD_NAME: Final = 14

_EXTENSIONS: Final[Mapping[bytes, str]] = {
    NatVariant.RFC_3947.value: "NAT-T RFC 3947",
    NatVariant.DRAFT_03.value: "NAT-T draft 03",
    NatVariant.DRAFT_02_N.value: "NAT-T draft 02\\n",
    NatVariant.DRAFT_02.value: "NAT-T draft 02",
    H("4485152d18b6bbcd0be8a8469579ddcc"): "NAT-T draft 00",
    H("16f6ca16e4a4066d83821a0f0aeaa862"): "NAT-T draft 01",
    H("9909b64eed937c6573de52ace952fa6b"): "NAT-T draft 04",
    H("8f8d83826d246b6fc7a8a6a428c11de8"): "NAT-T draft 08",
    XAUTH: "XAUTH",
    FRAGMENTATION: "FRAGMENTATION",
    DPD[:_DPD_NAME]: "DPD",
    UNITY[:_UNITY_NAME]: "Cisco Unity",
    H("621b04bb09882ac1e15935fefa24aeee"): "GSSAPI",
    H("26244d38eddb61b3172a36e3d0cfb819"): "Vid-Initial-Contact",
    H("e3a5966a76379fe707228231e5ce8652"): "IKE CGA version 1",
    H("fb1de3cdf341b7ea16b7e5be0855f120"): "MS-Negotiation Discovery Capable",
}
"""What is no product's name."""

# Products in the order they are believed: who imitates others for compatibility comes first.
_SHREW: Final = H("f14b94b7bff1fef02773b8c49feded26")
_LIBRESWAN: Final = b"OE-Libreswan-"
_WINDOWS: Final = H("1e2b516905991c7d7c96fcbfb587e461")
_CHECK_POINT: Final = H("f4ed19e0c114eb516faaac0ee37daf2807b4381f")
_PRODUCTS: Final[tuple[tuple[bytes, str], ...]] = (
    (_SHREW, "Shrew Soft client"),
    (H("882fe56d6fd20dbc2251613b2ebe5beb"), "strongSwan"),
    (_LIBRESWAN, "Libreswan"),
    (_WINDOWS, "Windows"),
    (H("8299031757a36082c6a621de"), "FortiGate"),
    (_CHECK_POINT, "Check Point"),
    (H("166f932d55eb64d8e4df4fd37e2313f0d0fd8451"), "Juniper NetScreen"),
    (H("2a2bcac19b8e91b426107807e02e7249569d6fd3"), "Juniper NetScreen"),
    (H("4a4340b543e02b84c88a8b96a8af9ebe77d9accc"), "Juniper NetScreen"),
    (H("699369228741c6d4ca094c93e242c9de19e7b7c6"), "Juniper NetScreen"),
    (b"HeartBeat_Notify", "Juniper NetScreen"),
    (H("5b362bc820f6"), "SonicWall"),
    (H("404bf439522ca3f6"), "SonicWall"),
    (H("625027749d5ab97f5616c1602765cf480a3b7d0b"), "ZyXEL"),
    (H("dbfb81eb5760b0788562067da102d755"), "NETGEAR"),
    (H("101fb0b35c5a4f4c08b919f1cb9777b0"), "NCP client"),
    (H("8f9cc94e01248ecdf147594c284b213b"), "QuickSec 2.1.0"),
    (b"BNES", "Nortel Contivity"),
    (H("1f07f70eaa6514d3b0fa96542a50"), "Cisco ASA or VPN 3000"),
    (H("4df37928e9fc4fd1b3262170d515c662"), "macOS racoon"),
    (H("7003cbc1097dbe9c2600ba6983bc8b35"), "racoon"),
)
_WINDOWS_VERSIONS: Final = {  # [MS-IKEE] appendix A
    2: "Windows 2000",
    3: "Windows XP",
    4: "Windows Server 2003",
    5: "Windows Vista",
    6: "Windows Server 2008",
    7: "Windows 7",
    8: "Windows Server 2008 R2",
    9: "Windows 8 or later",
}
_OPENSWAN: Final = b"OE"  # and ten octets of a hash in letters
_OPENSWAN_OCTETS: Final = 12
_SHOWN: Final = 32  # octets of a version or an unknown ID that a person gets to see
_SAFE: Final = frozenset((string.ascii_letters + string.digits + ".-+_~").encode())


@dataclass(frozen=True, slots=True)
class Vendors:
    """What a peer told of itself.

    ``nat`` are the variants of NAT traversal that it and we know, best first; ``told`` is what
    to call it, empty when it does not say.
    """

    nat: tuple[NatVariant, ...] = ()
    dpd: bool = False
    xauth: bool = False
    unity: bool = False
    fragmentation: bool = False
    told: str = ""

    @classmethod
    def of(cls, payloads: Iterable[VendorId]) -> Self:
        """Return what a peer's Vendor ID payloads say together, in whatever order they came."""
        said = tuple(payload.data for payload in payloads)
        unity = any(data[:_UNITY_NAME] == UNITY[:_UNITY_NAME] for data in said)
        return cls(
            nat=tuple(variant for variant in NatVariant if variant.value in said),
            dpd=any(data[:_DPD_NAME] == DPD[:_DPD_NAME] for data in said),
            xauth=XAUTH in said,
            unity=unity,
            fragmentation=any(map(_takes_fragments, said)),
            told=_product(said) or ("Cisco Unity" if unity else ""),
        )


def _takes_fragments(data: bytes) -> bool:
    if not data.startswith(FRAGMENTATION):
        return False
    flags = data[len(FRAGMENTATION) :]
    return not flags or bool(len(flags) == 4 and int.from_bytes(flags, "big") & _FRAGMENTS)


def ours(profile: Profile, peer: Vendors | None = None) -> tuple[VendorId, ...]:
    """Return what we say of ourselves in our first message; no product is named.

    An initiator offers all variants of NAT traversal, best first; a responder (``peer`` is what
    the initiator said) answers with the best that both know.
    """
    found = [DPD]
    if profile.nat_traversal:
        variants = tuple(NatVariant) if peer is None else peer.nat[:1]
        found += [variant.value for variant in variants]
    if profile.fragmentation:
        found.append(FRAGMENTATION + _ALL_FLAGS)
    if profile.legacy.xauth is not Role.NONE:
        found.append(XAUTH)
    if profile.legacy.addresses is not Role.NONE:
        found.append(UNITY)
    return tuple(map(VendorId, found))


def known(data: bytes) -> str:
    """Return the name of a Vendor ID; the first octets in hexadecimal of one not known."""
    for prefix, name in _EXTENSIONS.items():
        if data.startswith(prefix):
            return name
    return _product((data,)) or data[:_SHOWN].hex() + ("…" if len(data) > _SHOWN else "")


def _product(said: Iterable[bytes]) -> str:
    for prefix, name in _PRODUCTS:
        for data in said:
            if data.startswith(prefix):
                return _with_version(prefix, name, data[len(prefix) :])
    for data in said:
        letters = data[len(_OPENSWAN) :]
        if data.startswith(_OPENSWAN) and len(data) == _OPENSWAN_OCTETS and letters.isascii():
            return "Openswan or Libreswan"
    return ""


def _with_version(prefix: bytes, name: str, rest: bytes) -> str:
    if prefix == _WINDOWS:
        return _WINDOWS_VERSIONS.get(int.from_bytes(rest[:4], "big"), name)
    if prefix == _LIBRESWAN:
        # a peer's text goes into logs and onto terminals
        version = bytes(octet for octet in rest[:_SHOWN] if octet in _SAFE)
        return f"{name} {version.decode()}".strip()
    return name
