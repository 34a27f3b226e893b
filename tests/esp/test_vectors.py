"""Packets that a Linux kernel made: opened, and sealed again octet for octet."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from scapy.layers.inet import ICMP, IP, UDP
from scapy.layers.l2 import Ether
from scapy.utils import RawPcapReader

from esp.sa import HEADER, InboundSa, OutboundSa
from suites.encr import ENCR_BY_NAME as ENCR
from suites.encr import Encr, sealer
from suites.integ import INTEG_BY_NAME as INTEG
from suites.integ import Integ
from suites.sealers import Sealer

VECTORS = Path(__file__).parent / "vectors"
NAMES = sorted(path.stem for path in VECTORS.glob("*.pcap"))
_AEAD = {  # by bits of key, octets of ICV
    "rfc4106(gcm(aes))": "aes{}gcm{}",
    "rfc4543(gcm(aes))": "aes{}gmac",
    "rfc7539esp(chacha20,poly1305)": "chacha20poly1305",
}
_CIPHER = {  # by bits of key, bits of key without the nonce
    "cbc(aes)": "aes{0}",
    "rfc3686(ctr(aes))": "aes{1}ctr",
    "ecb(cipher_null)": "null",
}
_INTEG = {"xcbc(aes)": "aesxcbc", "cmac(aes)": "aescmac"} | {
    f"hmac({name})": name for name in ("md5", "sha1", "sha256", "sha512")
}


@dataclass(frozen=True)
class State:
    """One block of ``ip xfrm state``."""

    spi: int
    row: Encr
    integ: Integ | None
    sealer: Sealer
    esn: bool


def states(name: str) -> dict[int, State]:
    """Read both directions' keys."""
    found = {}
    for block in re.split(r"(?m)^src ", (VECTORS / f"{name}.txt").read_text())[1:]:
        spi, tag = int(_one(r"spi (0x\w+)", block), 16), None
        if "aead" in block:
            algorithm, text, icv = re.findall(r"aead (\S+) 0x(\w+) (\d+)", block)[0]
            key = bytes.fromhex(text)
            row = ENCR[_AEAD[algorithm].format((len(key) - 4) * 8, int(icv) // 8)]
            assert int(icv) == row.icv * 8
            ours = sealer(row, key)
        else:
            cipher, text = re.findall(r"enc (\S+) (?:0x(\w+))?", block)[0]
            key = bytes.fromhex(text)
            mac, text, icv = re.findall(r"auth-trunc (\S+) 0x(\w+) (\d+)", block)[0]
            row = ENCR[_CIPHER[cipher].format(len(key) * 8, len(key) * 8 - 32)]
            tag = INTEG[_INTEG[mac]]
            assert int(icv) == tag.icv * 8
            ours = sealer(row, key, tag, bytes.fromhex(text))
        found[spi] = State(spi, row, tag, ours, "flag esn" in block)
    assert len(found) == 2
    return found


def _one(pattern: str, text: str) -> str:
    match = re.search(pattern, text)
    assert match is not None
    return match[1]


def datagrams(name: str) -> Iterator[bytes]:
    """Read the ESP packets of a capture, out of UDP if they are in it."""
    for frame, _ in RawPcapReader(str(VECTORS / f"{name}.pcap")):
        outer = Ether(frame)[IP]
        if outer.proto == 17:
            yield bytes(outer[UDP].payload)
        else:
            assert outer.proto == 50
            yield bytes(outer.payload)


def test_there_are_vectors() -> None:
    assert len(NAMES) == 15


@pytest.mark.parametrize("name", NAMES)
def test_every_packet_is_opened_and_sealed_again_the_same(name: str) -> None:
    known = states(name)
    inbound = {s.spi: InboundSa(s.spi, s.sealer, esn=s.esn) for s in known.values()}
    count = 0
    for datagram in datagrams(name):
        spi, seq = HEADER.unpack_from(datagram)
        state = known[spi]
        next_header, inner = inbound[spi].unprotect(datagram)
        assert next_header == 4
        assert IP(inner)[ICMP].type in (0, 8)
        assert bytes(IP(inner)) == inner
        # what the kernel padded is what we pad
        header, iv = datagram[:8], datagram[8 : 8 + state.row.iv]
        pad = -(len(inner) + 2) % max(4, state.row.block)
        plain = inner + bytes(range(1, pad + 1)) + bytes((pad, next_header))
        seq_hi = bytes(4) if state.esn else b""
        assert header + state.sealer.seal_with_iv(header, plain, iv, seq_hi) == datagram
        # and ours has the same shape with an IV of its own
        ours = OutboundSa(spi, state.sealer, esn=state.esn)
        ours.seq = seq - 1
        again = ours.protect(inner, next_header)
        assert again[:8] == header
        assert len(again) == len(datagram)
        count += 1
    assert count == 6
