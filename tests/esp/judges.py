"""Who else than we says that a transform is right, row by row.

``python -m tests.esp.judges > docs/reference/transforms.md``
"""

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from suites.encr import ENCR, Encr
from suites.integ import INTEG, Integ
from suites.status import NON_STANDARD, is_standard
from tests.esp import test_ah, test_sa, test_vectors
from tests.interop import test_packets_transforms

Row: TypeAlias = Encr | Integ

RECORDED: Final = "Linux"
STRONGSWAN: Final = "strongSwan"
SCAPY: Final = "scapy"


@dataclass(frozen=True, slots=True)
class Published:
    """Values of a document, and the test that has them (``module:name``)."""

    document: str
    test: str


_SALTED: Final = "suites.test_sealers"
_CBC_192_256: Final = Published(
    "NIST SP 800-38A", "suites.test_paired:test_aes_cbc_of_nist_sp_800_38a"
)
_CTR: Final = Published("RFC 3686", "suites.test_paired:test_aes_ctr_of_rfc_3686")
_RFC_2202: Final = Published("RFC 2202", "suites.test_integ:test_hmac_md5_of_rfc_2202_case_1_and_3")
_RFC_4868: Final = Published(
    "RFC 4868", "suites.test_integ:test_hmac_sha2_of_rfc_4868_with_keys_of_the_hash_length"
)
_MACS: Final = "suites.test_macs:test_a_mac_is_the_rfcs"
PUBLISHED: Final[Mapping[str, Published]] = {
    "aes128": Published("RFC 3602", "suites.test_paired:test_aes_cbc_of_rfc_3602"),
    "aes192": _CBC_192_256,
    "aes256": _CBC_192_256,
    "aes128ctr": _CTR,
    "aes192ctr": _CTR,
    "aes256ctr": _CTR,
    "aes128ccm8": Published("RFC 3610's steps", f"{_SALTED}:test_ccm_of_rfc_3610_by_hand"),
    "chacha20poly1305": Published("RFC 7634", f"{_SALTED}:test_chacha20_poly1305_of_rfc_7634"),
    "3des": Published(
        "NIST SP 800-67", "suites.test_paired:test_triple_des_of_nist_sp_800_67_appendix_b"
    ),
    "des": Published("FIPS 81", "suites.test_paired:test_des_is_triple_des_with_one_key"),
    "sm4": Published("GB/T 32907", "suites.test_shangmi:test_sm4_of_gb_t_32907_appendix_a_1"),
    "sm4gcm16": Published("RFC 8998", "suites.test_shangmi:test_sm4_gcm_of_rfc_8998"),
    "md5": _RFC_2202,
    "sha1": Published("RFC 2202", "suites.test_integ:test_hmac_sha1_of_rfc_2202_case_1_and_3"),
    "sha256": _RFC_4868,
    "sha384": _RFC_4868,
    "sha512": _RFC_4868,
    "sha256_96": Published(
        "RFC 4868, cut",
        "suites.test_integ:test_the_quirk_is_sha256_cut_shorter_and_only_for_packets",
    ),
    "aesxcbc": Published("RFC 3566", _MACS),
    "aescmac": Published("RFC 4493", _MACS),
    "aes128gmac_ah": Published(
        "GCM specification", "suites.test_icv:test_gmac_without_a_packet_is_the_first_case_of_gcm"
    ),
    "sm3": Published("GB/T 32905", "suites.test_shangmi:test_sm3_of_gb_t_32905_appendix_a"),
}
"""Of the cipher or MAC itself, or of whole packets."""

UNJUDGED: Final[Mapping[str, str]] = {
    **dict.fromkeys(("sm4", "sm4gcm16", "sm3"), NON_STANDARD),
    **dict.fromkeys(
        ("aes128gmac_ah", "aes192gmac_ah", "aes256gmac_ah"),
        "neither Linux nor strongSwan nor scapy has AES-GMAC in AH",
    ),
}
"""Rows whose packets nobody else was seen to understand, and why."""


@dataclass(slots=True)
class Verdicts:
    """Who judged packets of each row: judge and what exactly."""

    found: dict[str, dict[str, list[str]]] = field(default_factory=dict)

    def add(self, row: str, judge: str, what: str = "") -> None:
        """Note a judge, and a capture of its packets."""
        captures = self.found.setdefault(row, {}).setdefault(judge, [])
        if what and what not in captures:
            captures.append(what)

    def of(self, row: str) -> str:
        """Return the judges in words; empty for nobody."""
        told = self.found.get(row, {})
        return "; ".join(
            f"{judge} ({', '.join(f'`{one}`' for one in what)})" if what else judge
            for judge, what in sorted(told.items())
        )


def verdicts() -> Verdicts:
    """Collect what the tests have: nothing is claimed that no test holds."""
    told = Verdicts()
    for name in test_vectors.NAMES + test_vectors.WRAPPING:
        for state in test_vectors.states(name).values():
            told.add(state.row.name, RECORDED, name)
            if state.integ is not None:
                told.add(state.integ.name, RECORDED, name)
    for name in test_vectors.AH:
        for row, _, _ in test_vectors.ah_states(name).values():
            told.add(row.name, RECORDED, name)
    for name in test_ah.NAMES:
        told.add(name, RECORDED, f"ah/{name}")
    for pair in test_sa.ORACLE:
        for name in filter(None, pair):
            told.add(name, SCAPY)
    carried = test_packets_transforms.COMBINED + test_packets_transforms.PAIRED
    for name in "-".join(carried).split("-"):
        told.add(name, STRONGSWAN)
    return told


_HEAD: Final = """\
# Transforms

What ESP and AH can be made of, by the keyword of a proposal, and who else than this program says
that it is done right.

* *Packets by* names who made packets that are opened here: Linux, whose kernel's packets are
  recorded in `tests/esp/vectors`, opened and sealed again octet for octet; scapy; and strongSwan's
  own ESP in the tests' laboratory (`tests/interop`). Scapy and strongSwan open ours, too.
* *Values of* names the document whose numbers the cipher or MAC by itself is held against.
* Numbers are IANA's, but for those of SM4 and SM3, which have none: set them with
  [`[gateway.private_ids]`](configuration.md). Other programs may differ in more than the number:
  here SM4-CBC and SM4-GCM are used as RFC 3602 and RFC 4106 have AES, without a Key Length, and
  HMAC-SM3 as RFC 4868 has HMAC-SHA-256, with the first 16 octets sent.

This page is generated: `python -m tests.esp.judges > docs/reference/transforms.md`.
"""


def render() -> str:
    """Return the page, in Markdown."""
    told = verdicts()
    lines = [_HEAD]
    for title, table in (("Ciphers", ENCR), ("Integrity", INTEG)):
        lines += [f"## {title}", "", "| keyword | number | for | status | packets by | values of |"]
        lines += ["|---|---|---|---|---|---|", *(_line(row, told) for row in table), ""]
    lines += ["## Judged by nobody else", ""]
    return "\n".join([*lines, *_nobody(), ""])


def _line(row: Row, told: Verdicts) -> str:
    number = str(row.iana) if is_standard(row.iana) else "configured"
    published = PUBLISHED.get(row.name)
    cells = (
        f"`{row.name}`",
        number,
        ", ".join(_uses(row)),
        row.status.value if is_standard(row.iana) else "non-standard",
        told.of(row.name) or "**nobody**",
        published.document if published is not None else "",
    )
    return "| " + " | ".join(cells) + " |"


def _uses(row: Row) -> Iterator[str]:
    if row.is_for_ike:
        yield "IKE"
    if isinstance(row, Encr) or row.is_for_esp:
        yield "ESP"
    if isinstance(row, Integ):
        yield "AH"


def _nobody() -> Iterator[str]:
    for why in dict.fromkeys(UNJUDGED.values()):
        rows = ", ".join(f"`{name}`" for name, reason in UNJUDGED.items() if reason == why)
        yield f"* {rows}: {why}"


if __name__ == "__main__":
    sys.stdout.write(render())
