"""What supplies the algorithms and lifetimes that a connection leaves open."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from ikecore.profile import IkeVersion

DISABLED: Final = "disabled"


class CryptoPreset(StrEnum):
    """What supplies the algorithms and lifetimes that are not given."""

    MODERN = "modern"
    CLOUD_COMPAT = "cloud_compat"
    CUSTOM = "custom"


@dataclass(frozen=True, slots=True)
class Preset:
    """One preset: whole proposals, and the parts used beside single fields."""

    ike: tuple[str, ...] = ()
    ipsec: tuple[str, ...] = ()
    encryption: str = ""
    integrity: str = ""
    groups: str = ""
    pfs: str = DISABLED
    ike_lifetime: int = 86_400
    ipsec_lifetime: int = 3_600


# Combined modes first, as RFC 8221 section 4 advises; plain ciphers for the peers without them.
PRESETS: Final[dict[CryptoPreset, Preset]] = {
    CryptoPreset.MODERN: Preset(
        ike=(
            "aes256gcm16-aes128gcm16-chacha20poly1305-prfsha256-prfsha384-prfsha512"
            "-x25519-ecp256-ecp384-modp3072-modp2048",
            "aes256-aes128-sha256-sha384-sha512-x25519-ecp256-ecp384-modp3072-modp2048",
        ),
        ipsec=("aes256gcm16-aes128gcm16-chacha20poly1305", "aes256-aes128-sha256-sha384-sha512"),
        encryption="aes256gcm16",
        integrity="sha256",
        groups="x25519-ecp256-ecp384-modp3072-modp2048",
    ),
    CryptoPreset.CLOUD_COMPAT: Preset(
        ike=("aes128-sha1-modp1024",),
        ipsec=("aes128-sha1-modp1024",),
        encryption="aes128",
        integrity="sha1",
        groups="modp1024",
        pfs="modp1024",
        ipsec_lifetime=86_400,
    ),
    CryptoPreset.CUSTOM: Preset(),
}
PRESETS_OF_IKEV1: Final[dict[CryptoPreset, Preset]] = {
    **PRESETS,
    CryptoPreset.MODERN: Preset(
        ike=("aes256-aes128-sha256-sha384-sha512-ecp256-ecp384-modp3072-modp2048",),
        ipsec=("aes256gcm16-aes128gcm16", "aes256-aes128-sha256-sha384-sha512"),
        encryption="aes256",
        integrity="sha256",
        groups="ecp256-ecp384-modp3072-modp2048",
    ),
}
"""The same in what IKEv1 has numbers for."""


def preset_of(name: CryptoPreset, version: IkeVersion) -> Preset:
    """Return a preset as a connection of this IKE version takes it; ``any`` takes IKEv2's."""
    return (PRESETS_OF_IKEV1 if version is IkeVersion.IKEV1 else PRESETS)[name]
