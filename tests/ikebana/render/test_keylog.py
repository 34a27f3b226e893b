"""Key tables, letter for letter, and Wireshark's own word on them."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path as File

import pytest
from scapy.layers.inet import IP, UDP
from scapy.layers.ipsec import ESP, SecurityAssociation
from scapy.packet import Packet
from scapy.utils import wrpcap

from ikebana.render.keylog import (
    ESP_ENCR,
    ESP_INTEG,
    IKE_ENCR,
    IKE_INTEG,
    esp_lines,
    ike_lines,
    ikev1_lines,
    is_ikev1,
)
from ikecore.actions import Traced
from ikecore.child import ChildSpec, Keys
from ikecore.proposals import Protocol, Suite
from ikecore.trace import KeysDerived, MessageTraced
from policy.path import Path
from suites.encr import ENCR, ENCR_BY_NAME
from suites.integ import INTEG, INTEG_BY_NAME
from suites.kex import GROUP_BY_NAME
from suites.prf import PRF_BY_NAME
from suites.secret import Secret
from tests.ikev2.network import Network, profile

MOON, SUN = "10.99.0.1", "10.99.0.2"
needs_tshark = pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")


def key(first: int, octets: int) -> Secret:
    return Secret(bytes((first + i) % 256 for i in range(octets)))


def suite(protocol: Protocol, encr: str, integ: str) -> Suite:
    ike = protocol is Protocol.IKE
    return Suite(
        protocol,
        ENCR_BY_NAME[encr],
        INTEG_BY_NAME.get(integ),
        PRF_BY_NAME["prfsha256"] if ike else None,
        GROUP_BY_NAME["x25519"] if ike else None,
    )


def derived(encr: str, integ: str) -> KeysDerived:
    found = suite(Protocol.IKE, encr, integ)
    a = 0 if found.integ is None else found.integ.key
    e = found.encr.keymat
    sizes = {"SK_d": 32, "SK_ai": a, "SK_ar": a, "SK_ei": e, "SK_er": e, "SK_pi": 32, "SK_pr": 32}
    keys = tuple((name, key(i * 16, size)) for i, (name, size) in enumerate(sizes.items()))
    return KeysDerived("net", bytes(range(1, 9)), bytes(range(17, 25)), found, keys)


def old(encr: str) -> KeysDerived:
    """Return what an IKEv1 SA derives."""
    found = derived(encr, "sha1")
    keys = (("SKEYID_e", key(0, 20)), ("Ka", key(64, found.suite.encr.keymat)))
    return replace(found, keys=keys)


def child(encr: str, integ: str, local: str = MOON, remote: str = SUN) -> ChildSpec:
    found = suite(Protocol.ESP, encr, integ)
    a = 0 if found.integ is None else found.integ.key
    ours, theirs = (Keys(key(first, found.encr.keymat), key(first + 64, a)) for first in (0, 128))
    path = Path((local, 500), (remote, 500))
    return ChildSpec("net", b"12345678", 0xC0FFEE01, 0x102, found, ours, theirs, (), (), path)


SHANGMI = {"sm4", "sm4gcm16"}


def pairs() -> Iterator[tuple[str, str]]:
    for row in ENCR:
        for integ in [""] if row.is_aead else [one.name for one in INTEG if one.is_for_esp]:
            yield row.name, integ


def test_ikev1_line_has_the_cookie_and_the_key_that_encrypts() -> None:
    assert ikev1_lines(old("aes128")) == ["0102030405060708,404142434445464748494a4b4c4d4e4f"]
    assert is_ikev1(old("aes128"))
    assert not is_ikev1(derived("aes128", "sha1"))
    (comment,) = ikev1_lines(old("sm4"))
    assert comment.startswith("# net: Wireshark does not decrypt sm4")


def test_ike_line_has_the_tables_columns_in_order() -> None:
    assert ike_lines(derived("aes128", "md5")) == [
        "0102030405060708,1112131415161718,"
        "303132333435363738393a3b3c3d3e3f,404142434445464748494a4b4c4d4e4f,"
        '"AES-CBC-128 [RFC3602]",'
        "101112131415161718191a1b1c1d1e1f,202122232425262728292a2b2c2d2e2f,"
        '"HMAC_MD5_96 [RFC2403]"'
    ]


def test_combined_modes_ike_key_has_its_salt_and_no_integrity() -> None:
    (line,) = ike_lines(derived("aes128gcm16", ""))
    assert line.split(",")[2:] == [
        "303132333435363738393a3b3c3d3e3f40414243",
        "404142434445464748494a4b4c4d4e4f50515253",
        '"AES-GCM-128 with 16 octet ICV [RFC5282]"',
        "",
        "",
        '"NONE [RFC4306]"',
    ]


def test_esp_lines_are_one_a_direction() -> None:
    inbound, outbound = esp_lines(child("aes128gcm16", ""))
    assert inbound == (
        '"IPv4","10.99.0.2","10.99.0.1","0xc0ffee01","AES-GCM with 16 octet ICV [RFC4106]",'
        '"0x000102030405060708090a0b0c0d0e0f10111213","NULL",""'
    )
    assert outbound == (
        '"IPv4","10.99.0.1","10.99.0.2","0x00000102","AES-GCM with 16 octet ICV [RFC4106]",'
        '"0x808182838485868788898a8b8c8d8e8f90919293","NULL",""'
    )
    (line, _) = esp_lines(child("3des", "md5", "2001:db8::1", "2001:db8::2"))
    assert line.startswith('"IPv6","2001:db8::2","2001:db8::1","0xc0ffee01","TripleDES-CBC')


def test_every_row_is_in_the_tables_or_known_to_be_missing_there() -> None:
    assert {row.name for row in ENCR if row.is_for_ike} - set(IKE_ENCR) == {
        "des",
        "chacha20poly1305",
        *SHANGMI,
    }
    missing = {row.name for row in ENCR} - set(ESP_ENCR)
    assert {name for name in missing if not ("ccm" in name or "gmac" in name)} == {
        "chacha20poly1305",
        *SHANGMI,
    }
    assert {"", *(row.name for row in INTEG if row.is_for_ike)} - set(IKE_INTEG) == {"sm3"}
    assert {"", *(row.name for row in INTEG if row.is_for_esp)} - set(ESP_INTEG) == {"sm3"}


def test_suite_that_wireshark_lacks_is_a_comment() -> None:
    (line,) = esp_lines(child("chacha20poly1305", ""))
    assert line == "# net: Wireshark does not decrypt chacha20poly1305"
    assert ike_lines(derived("des", "sha1"))[0].startswith("# net: ")


def test_ah_has_nothing_to_decrypt() -> None:
    spec = child("null", "sha256")
    assert esp_lines(replace(spec, suite=replace(spec.suite, protocol=Protocol.AH))) == [
        "# net: AH hides nothing"
    ]


def tshark(folder: File, packets: list[Packet], *arguments: str) -> tuple[str, str]:
    wrpcap(str(folder / "t.pcap"), packets)
    found = subprocess.run(  # noqa: S603 - our own arguments
        ["tshark", "-r", str(folder / "t.pcap"), *arguments],  # noqa: S607 - on PATH, or skipped
        env={**os.environ, "WIRESHARK_CONFIG_DIR": str(folder)},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return found.stdout, found.stderr


@needs_tshark
def test_wireshark_takes_the_tables_of_all_suites(tmp_path: File) -> None:
    for name, lines in (
        ("ikev2_decryption_table", [ike_lines(derived(*pair)) for pair in pairs()]),
        ("esp_sa", [esp_lines(child(*pair)) for pair in pairs()]),
    ):
        text = "".join(f"{line}\n" for some in lines for line in some)
        (tmp_path / name).write_text(text)
    _, errors = tshark(tmp_path, [IP(src=MOON, dst=SUN) / UDP()])
    assert "Error loading" not in errors
    (tmp_path / "esp_sa").write_text(text.replace(" [RFC3602]", ""))
    _, errors = tshark(tmp_path, [IP(src=MOON, dst=SUN) / UDP()])
    assert "Error loading" in errors  # so the silence above meant consent


@needs_tshark
@pytest.mark.parametrize(
    ("encr", "integ", "theirs", "auth"),
    [
        ("aes128gcm16", "", "AES-GCM", None),
        ("aes256gcm16", "", "AES-GCM", None),
        ("aes128", "sha1", "AES-CBC", "HMAC-SHA1-96"),
        ("aes256", "sha256", "AES-CBC", "SHA2-256-128"),
        ("aes192", "sha512", "AES-CBC", "SHA2-512-256"),
        ("3des", "md5", "3DES", "HMAC-MD5-96"),
        ("aes256ctr", "sha384", "AES-CTR", "SHA2-384-192"),
        ("aes128", "aescmac", "AES-CBC", "AES-CMAC-96"),
        ("null", "sha1", "NULL", "HMAC-SHA1-96"),
    ],
)
def test_wireshark_opens_esp_with_them(
    tmp_path: File, encr: str, integ: str, theirs: str, auth: str | None
) -> None:
    spec = child(encr, integ)
    outer: Packet = IP(src=MOON, dst=SUN)
    sa = SecurityAssociation(
        ESP,
        spi=spec.outbound_spi,
        crypt_algo=theirs,
        crypt_key=spec.outbound.encr.reveal(),
        auth_algo=auth,
        auth_key=spec.outbound.integ.reveal() if auth else None,
        tunnel_header=outer,
    )
    packet = sa.encrypt(IP(src="10.1.0.5", dst="10.2.0.7") / UDP(sport=4242, dport=7) / b"hello")
    (tmp_path / "esp_sa").write_text("\n".join(esp_lines(spec)) + "\n")
    output, _ = tshark(
        tmp_path, [packet],
        "-o", "esp.enable_encryption_decode:TRUE", "-o", "esp.enable_authentication_check:TRUE",
        "-T", "fields", "-e", "ip.dst", "-e", "udp.srcport",
    )  # fmt: skip
    assert output.split() == [f"{SUN},10.2.0.7", "4242"]


@needs_tshark
@pytest.mark.parametrize(
    "proposal",
    [
        "aes128-sha1-x25519",
        "aes192-md5-x25519",
        "aes256-sha256-x25519",
        "aes256-sha384-x25519",
        "aes128-sha512-x25519",
        "3des-sha1-x25519",
        "aes128gcm16-prfsha256-x25519",
        "aes192gcm16-prfsha384-x25519",
        "aes256gcm16-prfsha512-x25519",
        "aes128gcm8-x25519",
        "aes256gcm12-prfaesxcbc-x25519",
        "aes192ccm8-prfaescmac-x25519",
        "aes128ccm12-x25519",
        "aes256ccm16-x25519",
        "aes128ctr-sha256-x25519",
        "aes192ctr-aesxcbc-x25519",
        "aes256-aescmac-x25519",
    ],
)
def test_wireshark_opens_ike_with_them(tmp_path: File, proposal: str) -> None:
    net = Network(profile("moon", (proposal,)), profile("sun", (proposal,)))
    net.initiate("moon")
    records = [action.record for action in net.seen(Traced, "moon")]
    packets: list[Packet] = []
    for record in records:
        if isinstance(record, MessageTraced):
            path = record.path if record.sent else record.path.reversed
            ends = IP(src=path.local[0], dst=path.remote[0])
            packets.append(ends / UDP(sport=500, dport=500) / record.raw)
    (keys,) = (record for record in records if isinstance(record, KeysDerived))
    (tmp_path / "ikev2_decryption_table").write_text("\n".join(ike_lines(keys)) + "\n")
    output, _ = tshark(tmp_path, packets, "-T", "fields", "-e", "isakmp.id.data.fqdn")
    assert output.split() == ["moon.lab,sun.lab", "sun.lab"]
