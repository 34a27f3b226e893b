"""Both halves of an SA, over every suite in the table."""

from collections.abc import Callable

import pytest
from scapy.layers.inet import IP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.ipsec import ESP, SecurityAssociation

from esp.sa import HEADER, Drop, InboundSa, OutboundSa
from suites.encr import ENCR, ENCR_BY_NAME, Encr, sealer
from suites.integ import INTEG, INTEG_BY_NAME, Integ
from suites.sealers import Sealer

Make = Callable[[], Sealer]
SUITES: list[tuple[Encr, Integ | None]] = [(e, None) for e in ENCR if e.is_aead]
SUITES += [(e, i) for e in ENCR if not e.is_aead for i in INTEG if i.is_for_esp]
INNER = bytes(IP(src="10.1.0.1", dst="10.2.0.1") / UDP() / b"hello")


@pytest.fixture(params=SUITES, ids=lambda s: s[0].name + (f"-{s[1].name}" if s[1] else ""))
def make(request: pytest.FixtureRequest) -> Make:
    encr, integ = request.param
    key = bytes(range(1, encr.keymat + 1))
    return lambda: sealer(encr, key, integ, b"a" * (integ.key if integ else 0))


@pytest.mark.parametrize("esn", [False, True])
@pytest.mark.parametrize("size", [0, 20, 21, 34, 1400])
def test_round_trip(make: Make, esn: bool, size: int) -> None:
    out, inb = OutboundSa(0x1000, make(), esn=esn), InboundSa(0x1000, make(), esn=esn)
    for _ in range(3):
        assert inb.unprotect(out.protect(bytes(size), 4)) == (4, bytes(size))
    assert (out.packets, out.octets) == (inb.packets, inb.octets) == (3, 3 * size)


def test_replay_is_dropped(make: Make) -> None:
    out, inb = OutboundSa(0x1000, make()), InboundSa(0x1000, make())
    packet = out.protect(INNER, 4)
    inb.unprotect(packet)
    with pytest.raises(Drop, match="replay"):
        inb.unprotect(packet)


@pytest.mark.parametrize("octet", [0, 5, 8, 20, -1])
def test_forgery_is_dropped_and_does_not_move_the_window(make: Make, octet: int) -> None:
    out, inb = OutboundSa(0x1000, make()), InboundSa(0x1000, make())
    forged = bytearray(out.protect(INNER, 4))
    forged[octet] ^= 0x40
    with pytest.raises(Drop, match="integrity"):
        inb.unprotect(bytes(forged))
    assert inb.replay.top == 0


def test_every_truncation_is_dropped_and_the_sa_goes_on(make: Make) -> None:
    out, inb = OutboundSa(0x1000, make()), InboundSa(0x1000, make())
    packet = out.protect(INNER, 4)
    for cut in range(len(packet)):
        with pytest.raises(Drop, match="malformed" if cut < 18 else "malformed|integrity"):
            inb.unprotect(packet[:cut])
    assert inb.unprotect(packet) == (4, INNER)


@pytest.mark.parametrize(
    "plain",
    [
        b"\x00\x00\x00\x03\x04\x04",  # padding not 1, 2, 3
        b"\x01\x02\x04\x03\x04\x04",
        b"\x01\x02\xff\x04",  # longer than the packet
        b"\x01\x02\x03\x04",
    ],
)
def test_bad_padding_is_dropped_after_the_icv(plain: bytes) -> None:
    row = ENCR_BY_NAME["aes128gcm16"]
    ours = sealer(row, b"k" * row.keymat)
    inb = InboundSa(0x1000, ours)
    header = HEADER.pack(0x1000, 1)
    with pytest.raises(Drop, match="padding"):
        inb.unprotect(header + ours.seal(header, plain, 1))
    assert inb.replay.top == 1
    assert inb.packets == 0


def test_exhausted_numbers_stop_the_sa(make: Make) -> None:
    out = OutboundSa(0x1000, make())
    out.seq = out.limit
    assert out.limit == 2**32 - 1
    for _ in range(2):
        with pytest.raises(Drop, match="sequence_exhausted"):
            out.protect(INNER, 4)


def test_a_lower_limit_may_be_given(make: Make) -> None:
    out = OutboundSa(0x1000, make(), limit=1)
    out.protect(INNER, 4)
    with pytest.raises(Drop, match="sequence_exhausted"):
        out.protect(INNER, 4)


def test_extended_numbers_go_on_past_32_bits(make: Make) -> None:
    out, inb = OutboundSa(0x1000, make(), esn=True), InboundSa(0x1000, make(), esn=True)
    out.seq = 2**32 - 3
    inb.replay.accept(out.seq)
    for _ in range(6):
        assert inb.unprotect(out.protect(INNER, 4)) == (4, INNER)
    assert inb.replay.top == out.seq == 2**32 + 3


def test_the_upper_half_is_authenticated(make: Make) -> None:
    out, inb = OutboundSa(0x1000, make(), esn=True), InboundSa(0x1000, make(), esn=True)
    out.seq = 2**32 + 7
    with pytest.raises(Drop, match="integrity"):
        inb.unprotect(out.protect(INNER, 4))


def test_with_a_window_of_zero_replays_pass() -> None:
    row = ENCR_BY_NAME["aes128gcm16"]
    ours = sealer(row, b"k" * row.keymat)
    packet, inb = OutboundSa(1, ours).protect(INNER, 4), InboundSa(1, ours, window=0)
    assert inb.unprotect(packet) == inb.unprotect(packet) == (4, INNER)


SCAPY_ENCR = {  # scapy's names; of AES-GCM it has only the ICV of 16 octets
    "null": "NULL", "3des": "3DES", "des": "DES", "chacha20poly1305": "CHACHA20-POLY1305",
} | {
    f"aes{bits}{ours}": theirs
    for bits in (128, 192, 256)
    for ours, theirs in (
        ("", "AES-CBC"), ("ctr", "AES-CTR"), ("gcm16", "AES-GCM"), ("gmac", "AES-NULL-GMAC"),
        ("ccm8", "AES-CCM"), ("ccm12", "AES-CCM"), ("ccm16", "AES-CCM"),
    )
}  # fmt: skip
SCAPY_INTEG = {
    "md5": "HMAC-MD5-96",
    "sha1": "HMAC-SHA1-96",
    "sha256": "SHA2-256-128",
    "sha384": "SHA2-384-192",
    "sha512": "SHA2-512-256",
    "aescmac": "AES-CMAC-96",
}
ORACLE = [(name, None if ENCR_BY_NAME[name].is_aead else "sha256") for name in SCAPY_ENCR]
ORACLE += [("aes128", name) for name in SCAPY_INTEG if name != "sha256"]


@pytest.mark.parametrize(("encr", "integ"), ORACLE)
@pytest.mark.parametrize("version", [4, 6])
def test_scapy_reads_ours_and_we_read_scapys(encr: str, integ: str | None, version: int) -> None:
    row: Encr = ENCR_BY_NAME[encr]
    tag: Integ | None = INTEG_BY_NAME[integ] if integ else None
    key, auth_key = bytes(range(1, row.keymat + 1)), b"a" * (tag.key if tag else 0)
    tunnel = IP(src="192.0.2.1", dst="192.0.2.2")
    if version == 6:
        tunnel = IPv6(src="2001:db8::1", dst="2001:db8::2")
    theirs = SecurityAssociation(
        ESP,
        0x1000,
        crypt_algo=SCAPY_ENCR[encr],
        crypt_key=key,
        auth_algo=SCAPY_INTEG[integ] if integ else None,
        auth_key=auth_key,
        tunnel_header=tunnel,
        crypt_icv_size=row.icv or None,
    )
    packet = OutboundSa(0x1000, sealer(row, key, tag, auth_key)).protect(INNER, 4)
    assert bytes(theirs.decrypt(tunnel / ESP(packet))) == INNER
    sealed = bytes(theirs.encrypt(IP(INNER))[ESP])
    ours = InboundSa(0x1000, sealer(row, key, tag, auth_key))
    assert ours.unprotect(sealed) == (4, INNER)
