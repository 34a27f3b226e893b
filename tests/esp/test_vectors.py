"""Packets that a Linux kernel made: opened, and sealed again octet for octet."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path as File

import pytest
from scapy.layers.inet import ICMP, IP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import Ether
from scapy.utils import RawPcapReader

from esp.ah import AhInbound, AhOutbound, immutable, keyed
from esp.sa import HEADER, InboundSa, OutboundSa
from policy.path import Path
from suites.encr import ENCR_BY_NAME as ENCR
from suites.encr import Encr, sealer
from suites.integ import INTEG_BY_NAME as INTEG
from suites.integ import Integ
from suites.sealers import Sealer

VECTORS = File(__file__).parent / "vectors"
NAMES = sorted(path.stem for path in VECTORS.glob("*.pcap"))
WRAPPING = sorted(f"esn/{path.stem}" for path in (VECTORS / "esn").glob("*.pcap"))
AH = sorted(f"ah/esn/{path.stem}" for path in (VECTORS / "ah" / "esn").glob("*.pcap"))
_AEAD = {  # by bits of key, octets of ICV
    "rfc4106(gcm(aes))": "aes{}gcm{}",
    "rfc4309(ccm(aes))": "aes{}ccm{}",
    "rfc4543(gcm(aes))": "aes{}gmac",
    "rfc7539esp(chacha20,poly1305)": "chacha20poly1305",
}
_CIPHER = {  # by bits of key, bits of key without the nonce
    "cbc(aes)": "aes{0}",
    "rfc3686(ctr(aes))": "aes{1}ctr",
    "cbc(des3_ede)": "3des",
    "cbc(des)": "des",
    "ecb(cipher_null)": "null",
}
_INTEG = {"xcbc(aes)": "aesxcbc", "cmac(aes)": "aescmac"} | {
    f"hmac({name})": name for name in ("md5", "sha1", "sha256", "sha384", "sha512")
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
            salt = 3 if "ccm" in algorithm else 4
            row = ENCR[_AEAD[algorithm].format((len(key) - salt) * 8, int(icv) // 8)]
            assert int(icv) == row.icv * 8
            ours = sealer(row, key)
        else:
            cipher, text = re.findall(r"enc (\S+) (?:0x(\w+))?", block)[0]
            key = bytes.fromhex(text)
            row = ENCR[_CIPHER[cipher].format(len(key) * 8, len(key) * 8 - 32)]
            tag, secret = _tag(block)
            ours = sealer(row, key, tag, secret)
        found[spi] = State(spi, row, tag, ours, "flag esn" in block)
    assert len(found) == 2
    return found


def _tag(block: str) -> tuple[Integ, bytes]:
    mac, text, icv = re.findall(r"auth-trunc (\S+) 0x(\w+) (\d+)", block)[0]
    row = INTEG["sha256_96" if (mac, icv) == ("hmac(sha256)", "96") else _INTEG[mac]]
    assert int(icv) == row.icv * 8
    return row, bytes.fromhex(text)


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
    assert (len(NAMES), len(WRAPPING), len(AH)) == (15, 31, 16)


@pytest.mark.parametrize("name", NAMES + WRAPPING)
def test_every_packet_is_opened_and_sealed_again_the_same(name: str) -> None:
    known = states(name)
    inbound = {s.spi: InboundSa(s.spi, s.sealer, esn=s.esn) for s in known.values()}
    count = 0
    for datagram in datagrams(name):
        spi, low = HEADER.unpack_from(datagram)
        state = known[spi]
        next_header, inner = inbound[spi].unprotect(datagram)
        assert next_header == 4
        seq = inbound[spi].replay.top  # they come in order
        assert seq & 0xFFFFFFFF == low
        assert IP(inner)[ICMP].type in (0, 8)
        assert bytes(IP(inner)) == inner
        # what the kernel padded is what we pad
        header, iv = datagram[:8], datagram[8 : 8 + state.row.iv]
        pad = -(len(inner) + 2) % max(4, state.row.block)
        plain = inner + bytes(range(1, pad + 1)) + bytes((pad, next_header))
        seq_hi = (seq >> 32).to_bytes(4, "big") if state.esn else b""
        assert header + state.sealer.seal_with_iv(header, plain, iv, seq_hi) == datagram
        # and ours has the same shape with an IV of its own
        ours = OutboundSa(spi, state.sealer, esn=state.esn)
        ours.seq = seq - 1
        again = ours.protect(inner, next_header)
        assert again[:8] == header
        assert len(again) == len(datagram)
        count += 1
    assert count == 6
    if name in WRAPPING:
        assert sorted(one.replay.top for one in inbound.values()) == [3, 2**32]


def ah_packets(name: str) -> Iterator[bytes]:
    """Read the IP packets of a capture."""
    for frame, _ in RawPcapReader(str(VECTORS / f"{name}.pcap")):
        outer = Ether(frame).payload
        assert isinstance(outer, IP | IPv6)
        yield bytes(outer)


def ah_states(name: str) -> dict[int, tuple[Integ, bytes, bool]]:
    """Read row, key and whether numbers are extended, by SPI."""
    blocks = re.split(r"(?m)^src ", (VECTORS / f"{name}.txt").read_text())[1:]
    return {
        int(_one(r"spi (0x\w+)", block), 16): (*_tag(block), "esn" in block) for block in blocks
    }


@pytest.mark.parametrize("name", AH)
def test_every_packet_of_ah_is_verified_and_made_again_the_same(name: str) -> None:
    known = ah_states(name)
    inbound = {
        spi: AhInbound(spi, row.for_ah(key), esn=esn) for spi, (row, key, esn) in known.items()
    }
    count = 0
    for packet in ah_packets(name):
        is_v4 = packet[0] == 0x45
        start = 20 if is_v4 else 40
        spi = int.from_bytes(packet[start + 4 : start + 8], "big")
        row, key, esn = known[spi]
        next_header, inner = inbound[spi].unprotect(keyed(packet))
        assert next_header == (4 if is_v4 else 41)
        ends = (packet[12:16], packet[16:20]) if is_v4 else (packet[8:24], packet[24:40])
        local, remote = ((str(ip_address(end)), 0) for end in ends)
        outbound = AhOutbound(spi, row.for_ah(key), Path(local, remote), esn=esn)
        outbound.seq = inbound[spi].replay.top - 1
        again = outbound.protect(inner, next_header)
        if is_v4:  # the kernel chose another identification, which the ICV covers
            assert len(again) == len(packet)
            again = again[20:]
            after = packet[32 + row.icv :] + (outbound.seq >> 32).to_bytes(4, "big") * esn
            icv = row.for_ah(key).make(immutable(packet) + packet[20:32], after, outbound.seq)
            assert packet[20 : 32 + row.icv] == again[:12] + icv
            assert packet[32 + row.icv :] == again[12 + row.icv :]
        else:
            assert again == packet[40:]
        count += 1
    assert count == 6
    assert sorted(one.replay.top for one in inbound.values()) == [3, 2**32]
