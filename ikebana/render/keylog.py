"""Wireshark's key tables for IKEv1, IKEv2 and ESP, as text lines.

Pure functions; what they return is SECRET.  The names are Wireshark 4.0's, letter for letter: it
refuses a whole table for one that it does not know.  For a suite it cannot decrypt there is a
comment in place of the line.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from ikebana.render.text import clean
from ikecore.child import ChildSpec, Keys
from ikecore.proposals import Protocol, Suite
from ikecore.trace import KeysDerived
from suites.secret import Secret

IKE_TABLE: Final = "ikev2_decryption_table"
IKEV1_TABLE: Final = "ikev1_decryption_table"
ESP_TABLE: Final = "esp_sa"
_AES: Final = (128, 192, 256)
_NO_KEY: Final = Secret(b"")

IKE_ENCR: Final[Mapping[str, str]] = MappingProxyType(
    {
        "aes128": "AES-CBC-128 [RFC3602]",
        "aes192": "AES-CBC-192 [RFC3602]",
        "aes256": "AES-CBC-256 [RFC3602]",
        "3des": "3DES [RFC2451]",
    }
    | {f"aes{bits}ctr": f"AES-CTR-{bits} [RFC5930]" for bits in _AES}
    | {
        f"aes{bits}{mode}{icv}": f"AES-{mode.upper()}-{bits} with {icv} octet ICV [RFC5282]"
        for bits in _AES
        for mode in ("ccm", "gcm")
        for icv in (8, 12, 16)
    }
)
"""Keyword to Wireshark's name in the IKEv2 table; it has neither DES nor ChaCha20-Poly1305."""
IKEV1_ENCR: Final = frozenset({"aes128", "aes192", "aes256", "3des", "des"})
_KA: Final = "Ka"
IKE_INTEG: Final[Mapping[str, str]] = MappingProxyType(
    {
        "": "NONE [RFC4306]",
        "md5": "HMAC_MD5_96 [RFC2403]",
        "sha1": "HMAC_SHA1_96 [RFC2404]",
        "sha256": "HMAC_SHA2_256_128 [RFC4868]",
        "sha384": "HMAC_SHA2_384_192 [RFC4868]",
        "sha512": "HMAC_SHA2_512_256 [RFC4868]",
        "aesxcbc": "ANY 96-bits of Authentication [No Checking]",
        "aescmac": "ANY 96-bits of Authentication [No Checking]",
    }
)
ESP_ENCR: Final[Mapping[str, str]] = MappingProxyType(
    {
        "aes128": "AES-CBC [RFC3602]",
        "aes192": "AES-CBC [RFC3602]",
        "aes256": "AES-CBC [RFC3602]",
        "null": "NULL",
        "3des": "TripleDES-CBC [RFC2451]",
        "des": "DES-CBC [RFC2405]",
    }
    | {f"aes{bits}ctr": "AES-CTR [RFC3686]" for bits in _AES}
    | {
        f"aes{bits}gcm{icv}": f"AES-GCM with {icv} octet ICV [RFC4106]"
        for bits in _AES
        for icv in (8, 12, 16)
    }
)
"""Keyword to Wireshark's name in the ESP table; it has no CCM, GMAC, ChaCha20-Poly1305."""
ESP_INTEG: Final[Mapping[str, str]] = MappingProxyType(
    {
        "": "NULL",
        "md5": "HMAC-MD5-96 [RFC2403]",
        "sha1": "HMAC-SHA-1-96 [RFC2404]",
        "sha256": "HMAC-SHA-256-128 [RFC4868]",
        "sha384": "HMAC-SHA-384-192 [RFC4868]",
        "sha512": "HMAC-SHA-512-256 [RFC4868]",
        "sha256_96": "HMAC-SHA-256-96 [draft-ietf-ipsec-ciph-sha-256-00]",
        "aesxcbc": "ANY 96 bit authentication [no checking]",
        "aescmac": "ANY 96 bit authentication [no checking]",
    }
)


def ike_lines(record: KeysDerived) -> list[str]:
    """Return the ``ikev2_decryption_table`` lines of an IKE SA.

    SPIs, SK_ei, SK_er (with the salt of a combined mode), encryption, SK_ai, SK_ar, integrity.
    """
    names = _names(record.suite, IKE_ENCR, IKE_INTEG)
    if names is None:
        return [_unknown(record.connection, record.suite)]
    keys = dict(record.keys)
    ei, er, ai, ar = (
        keys.get(name, _NO_KEY).reveal().hex() for name in ("SK_ei", "SK_er", "SK_ai", "SK_ar")
    )
    spis = f"{record.initiator_spi.hex()},{record.responder_spi.hex()}"
    encr, integ = names
    if integ.startswith("ANY"):  # not checked: Wireshark takes no key for it
        ai = ar = ""
    return [f'{spis},{ei},{er},"{encr}",{ai},{ar},"{integ}"']


def is_ikev1(record: KeysDerived) -> bool:
    """Tell whether these are the keys of an IKEv1 SA (RFC 2409 appendix B's Ka among them)."""
    return _KA in dict(record.keys)


def ikev1_lines(record: KeysDerived) -> list[str]:
    """Return the ``ikev1_decryption_table`` lines of an IKE SA.

    The initiator's cookie and the key that encrypts.
    """
    if record.suite.encr.name not in IKEV1_ENCR:
        return [_unknown(record.connection, record.suite)]
    key = dict(record.keys).get(_KA, _NO_KEY)
    return [f"{record.initiator_spi.hex()},{key.reveal().hex()}"]


def esp_lines(spec: ChildSpec) -> list[str]:
    """Return the ``esp_sa`` lines of a CHILD_SA, one a direction.

    Protocol, source, destination, SPI, encryption, its key with the salt of a combined mode,
    authentication, its key.
    """
    if spec.suite.protocol == Protocol.AH:
        return [f"# {clean(spec.connection)}: AH hides nothing"]
    names = _names(spec.suite, ESP_ENCR, ESP_INTEG)
    if names is None:
        return [_unknown(spec.connection, spec.suite)]
    local, remote = spec.path.local[0], spec.path.remote[0]
    return [
        _esp_line(remote, local, spec.inbound_spi, names, spec.inbound),
        _esp_line(local, remote, spec.outbound_spi, names, spec.outbound),
    ]


def _esp_line(source: str, target: str, spi: int, names: tuple[str, str], keys: Keys) -> str:
    fields = (
        "IPv6" if ":" in source else "IPv4",
        source,
        target,
        f"0x{spi:08x}",
        names[0],
        _hex(keys.encr),
        names[1],
        _hex(keys.integ),
    )
    return ",".join(f'"{one}"' for one in fields)


def _hex(key: Secret) -> str:
    return f"0x{key.reveal().hex()}" if len(key) else ""


def _names(
    suite: Suite, encr: Mapping[str, str], integ: Mapping[str, str]
) -> tuple[str, str] | None:
    first = encr.get(suite.encr.name)
    second = integ.get("" if suite.integ is None else suite.integ.name)
    return None if first is None or second is None else (first, second)


def _unknown(connection: str, suite: Suite) -> str:
    return f"# {clean(connection)}: Wireshark does not decrypt {suite}"
