"""AH: packets that a Linux kernel made, and what must and must not change on the way."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path as File

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.inet import ICMP, IP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.ipsec import AH, SecurityAssociation
from scapy.layers.l2 import Ether
from scapy.utils import RawPcapReader

from esp.ah import PROTOCOL, AhInbound, AhOutbound, immutable, keyed
from esp.child import ChildSa
from esp.header import ipv6
from esp.sa import Drop
from policy.path import Path
from policy.selectors import TrafficSelector
from suites.icv import Icv
from suites.integ import INTEG, INTEG_BY_NAME, Integ
from tests.esp.tunnel import MOON_NETS, SUN_NETS, cidr, dropped, engines, udp4, udp6

VECTORS = File(__file__).parent / "vectors" / "ah"
NAMES = sorted(file.stem for file in VECTORS.glob("*.pcap"))
V4 = Path(("10.99.0.1", 500), ("10.99.0.2", 500))
V6 = Path(("2001:db8::1", 500), ("2001:db8::2", 500))
INNER = bytes(IP(src="10.1.0.1", dst="10.2.0.1") / UDP() / b"hello")


def icv(name: str = "sha256", key: bytes = b"") -> Icv:
    row = INTEG_BY_NAME[name]
    return row.for_ah(key or bytes(range(row.key)))


def on_wire(path: Path, made: bytes) -> bytes:
    """Return the whole packet: on IPv6 the kernel makes its header."""
    if made[:1] == b"\x45" and path is V4:
        return made
    both = path.local[0], path.remote[0]
    return bytes(IPv6(src=both[0], dst=both[1], nh=PROTOCOL, plen=len(made)))[:40] + made


@dataclass
class Ends:
    """Both ends of one direction."""

    path: Path = V4
    name: str = "sha256"
    esn: bool = False

    def __post_init__(self) -> None:
        self.out = AhOutbound(0x1000, icv(self.name), self.path, esn=self.esn)
        self.inb = AhInbound(0x1000, icv(self.name), esn=self.esn)

    def sends(self, packet: bytes = INNER, next_header: int = 4) -> bytes:
        return on_wire(self.path, self.out.protect(packet, next_header))

    def takes(self, packet: bytes) -> tuple[int, bytes]:
        return self.inb.unprotect(keyed(packet))


BOTH = pytest.mark.parametrize("path", [V4, V6], ids=["ipv4", "ipv6"])


class TestKernel:
    """Vectors: every packet is verified, and made again octet for octet."""

    def keys(self, name: str) -> dict[int, Icv]:
        found = {}
        for block in re.split(r"(?m)^src ", (VECTORS / f"{name}.txt").read_text())[1:]:
            (spi,) = re.findall(r"spi (0x\w+)", block)
            ((digest, key, bits),) = re.findall(r"auth-trunc hmac\((\w+)\) 0x(\w+) (\d+)", block)
            row = INTEG_BY_NAME[digest]
            assert int(bits) == row.icv * 8
            found[int(spi, 16)] = icv(digest, bytes.fromhex(key))
        return found

    def packets(self, name: str) -> Iterator[bytes]:
        for frame, _ in RawPcapReader(str(VECTORS / f"{name}.pcap")):
            yield bytes(Ether(frame)[IP])

    def test_there_are_vectors(self) -> None:
        assert NAMES == ["md5", "sha1", "sha256"]

    @pytest.mark.parametrize("name", NAMES)
    def test_every_packet_is_verified_and_made_again(self, name: str) -> None:
        keys = self.keys(name)
        inbound = {spi: AhInbound(spi, one) for spi, one in keys.items()}
        count = 0
        for packet in self.packets(name):
            spi, seq = (int.from_bytes(packet[at : at + 4], "big") for at in (24, 28))
            next_header, inner = inbound[spi].unprotect(keyed(packet))
            assert next_header == 4
            assert IP(inner)[ICMP].type in (0, 8)
            assert bytes(IP(inner)) == inner
            source, target = (".".join(map(str, packet[at : at + 4])) for at in (12, 16))
            outbound = AhOutbound(spi, keys[spi], Path((source, 0), (target, 0)), align=8)
            outbound.seq = seq - 1
            again = outbound.protect(inner, 4)
            # 128 bits of ICV and 12 octets before them are padded to 32, with whatever was there
            size, padding = keys[spi].size, packet[32 + keys[spi].size : -len(inner)]
            assert len(again) == len(packet)
            header = immutable(packet)  # it chose another identification
            fresh = keys[spi].make(header + packet[20:32], padding + inner, seq)
            assert again[20:32] + fresh + padding + again[32 + size + len(padding) :] == packet[20:]
            assert immutable(again)[:4] + header[4:6] + immutable(again)[6:] == header
            count += 1
        assert count == 6


@pytest.mark.parametrize("row", INTEG, ids=lambda row: row.name)
@pytest.mark.parametrize("esn", [False, True])
@BOTH
def test_round_trip(path: Path, esn: bool, row: Integ) -> None:
    ends = Ends(path, row.name, esn)
    for size in (0, 1, 33, 1400):
        assert ends.takes(ends.sends(bytes(size), 41)) == (41, bytes(size))
    assert (ends.out.packets, ends.out.octets) == (ends.inb.packets, ends.inb.octets) == (4, 1434)


@pytest.mark.parametrize(
    ("path", "name", "words"),
    [(V4, "md5", 6), (V4, "sha256", 7), (V4, "sha512", 11), (V6, "md5", 6), (V6, "sha256", 8),
     (V6, "sha384", 10), (V6, "sha512", 12), (V4, "aes128gmac_ah", 9), (V6, "aes128gmac_ah", 10)],
)  # fmt: skip
def test_the_header_is_whole_words_on_ipv4_and_whole_pairs_on_ipv6(
    path: Path, name: str, words: int
) -> None:
    ends = Ends(path, name)
    made = ends.sends(b"")
    assert len(made) - (20 if path is V4 else 40) == words * 4
    assert made[21 if path is V4 else 41] == words - 2


@pytest.mark.parametrize(("name", "scapys"), [("sha1", "HMAC-SHA1-96"), ("md5", "HMAC-MD5-96")])
@pytest.mark.parametrize("packet", [INNER, udp6()], ids=["inside4", "inside6"])
@pytest.mark.parametrize("esn", [False, True])
@BOTH
def test_scapy_reads_ours_and_we_read_scapys(
    path: Path, esn: bool, packet: bytes, name: str, scapys: str
) -> None:
    outer = (IP if path is V4 else IPv6)(src=path.local[0], dst=path.remote[0])
    key = bytes(range(INTEG_BY_NAME[name].key))
    theirs = SecurityAssociation(
        AH, spi=0x1000, auth_algo=scapys, auth_key=key, tunnel_header=outer, esn_en=esn, esn=0
    )
    inner = (IP if packet[0] == 0x45 else IPv6)(packet)
    ends = Ends(path, name, esn)
    made = bytes(theirs.encrypt(inner))
    assert ends.takes(made) == (4 if packet[0] == 0x45 else 41, packet)
    ends = Ends(path, name, esn)
    ours = (IP if path is V4 else IPv6)(ends.sends(packet, 4 if packet[0] == 0x45 else 41))
    assert bytes(theirs.decrypt(ours)) == packet


@pytest.mark.parametrize(("path", "at"), [(V4, at) for at in (1, 8, 10, 11)]
                         + [(V6, at) for at in (0, 1, 2, 3, 7)])  # fmt: skip
def test_what_routers_change_is_not_covered(path: Path, at: int) -> None:
    ends = Ends(path)
    packet = bytearray(ends.sends())
    packet[at] ^= 5
    assert ends.takes(bytes(packet)) == (4, INNER)


def test_dont_fragment_may_change() -> None:
    ends = Ends()
    packet = bytearray(ends.sends())
    packet[6] ^= 0x40
    assert ends.takes(bytes(packet)) == (4, INNER)


@BOTH
def test_nothing_else_may_change(path: Path) -> None:
    ends = Ends(path)
    good = ends.sends()
    start = 20 if path is V4 else 40
    free = {1, 6, 7, 8, 10, 11} if path is V4 else {0, 1, 2, 3, 7}
    reasons = set()
    for at in set(range(len(good))) - free:
        forged = bytearray(good)
        forged[at] ^= 2
        with pytest.raises(Drop) as caught:
            ends.inb.unprotect(good[start + 4 : start + 8] + bytes(forged))
        reasons.add(caught.value.reason)
    assert reasons == {"malformed", "integrity"} | ({"options"} if path is V4 else set())
    assert ends.inb.replay.top == 0
    assert ends.takes(good) == (4, INNER)


def test_a_replay_is_dropped() -> None:
    ends = Ends()
    first, second = ends.sends(), ends.sends()
    for packet in (second, first):
        ends.takes(packet)
    for packet in (second, first):
        with pytest.raises(Drop, match="replay"):
            ends.takes(packet)


def test_a_fragment_was_not_put_together() -> None:
    ends = Ends()
    packet = bytearray(ends.sends())
    packet[6] |= 0x20
    with pytest.raises(Drop, match="fragment"):
        ends.takes(bytes(packet))


@BOTH
def test_every_truncation_is_malformed(path: Path) -> None:
    ends = Ends(path)
    packet = ends.sends()
    for cut in range(len(packet)):
        with pytest.raises(Drop, match="malformed"):
            ends.inb.unprotect(bytes((0, 0, 0x10, 0)) + packet[:cut])


@given(st.binary(max_size=100) | st.builds(bytes.__add__, st.sampled_from([b"\x45", b"\x60"]),
                                           st.binary(max_size=100)))  # fmt: skip
def test_noise_is_dropped(noise: bytes) -> None:
    with pytest.raises(Drop):
        AhInbound(0x1000, icv()).unprotect(keyed(noise))


@BOTH
def test_extended_numbers_go_on_where_32_bits_end(path: Path) -> None:
    ends = Ends(path, esn=True)
    ends.out.seq = 2**32 - 2
    ends.inb.replay.accept(2**32 - 2)
    packets = [ends.sends() for _ in range(3)]
    assert [ends.takes(packet) for packet in packets] == [(4, INNER)] * 3
    assert ends.inb.replay.top == 2**32 + 1
    with pytest.raises(Drop, match="integrity"):
        AhInbound(0x1000, icv(), esn=True).unprotect(keyed(packets[2]))  # the upper half is signed


def test_used_up_numbers_drop() -> None:
    ends = Ends()
    ends.out.seq = 2**32 - 2
    ends.sends()
    with pytest.raises(Drop, match="sequence_exhausted"):
        ends.sends()


def test_the_identification_is_never_0_which_the_kernel_would_replace() -> None:
    ends = Ends()
    ends.out.seq = 2**16 - 2
    assert [ends.sends()[4:6] for _ in range(3)] == [b"\xff\xff", b"\0\1", b"\0\1"]


@pytest.mark.parametrize(("path", "most"), [(V4, 65535 - 20 - 28), (V6, 65535 - 32)])
def test_what_no_packet_can_hold_uses_no_number(path: Path, most: int) -> None:
    ends = Ends(path)
    with pytest.raises(Drop, match="too_big"):
        ends.sends(bytes(most + 1))
    assert ends.out.seq == 0
    assert ends.takes(ends.sends(bytes(most))) == (4, bytes(most))


@pytest.mark.parametrize("remote", ["", "::1", "peer.example"])
def test_ends_that_cannot_be_are_refused(remote: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the texts are ipaddress's, too
        AhOutbound(1, icv(), Path(("10.99.0.1", 500), (remote, 500)))


@pytest.mark.parametrize("transport", [False, True])
@BOTH
def test_engines_carry_it_in_both_modes(path: Path, transport: bool) -> None:
    moon, sun = engines()
    hosts = (path.local[0], path.remote[0])
    nets: list[tuple[TrafficSelector, ...]] = [MOON_NETS, SUN_NETS]
    packets = [udp4(5)]
    if transport:
        head = IP if path is V4 else IPv6
        packets = [bytes(head(src=hosts[0], dst=hosts[1]) / UDP() / b"hello")]
    for engine, ours, spis in ((moon, path, (1, 2)), (sun, path.reversed, (2, 1))):
        networks = nets if engine is moon else nets[::-1]
        if transport:
            networks = [(cidr(end[0]),) for end in (ours.local, ours.remote)]
        child = ChildSa(
            "net", AhOutbound(spis[0], icv(), ours), AhInbound(spis[1], icv()), ours,
            networks[0], networks[1], 1400, transport=transport,
        )  # fmt: skip
        engine.remove(0x1000)
        engine.remove(0x1001)
        engine.install(child)
    child = moon.children[2]
    datagrams = [keyed(on_wire(path, child.seal(packet, 4))) for packet in packets]
    (shown,) = sun.open_batch([(one, None) for one in datagrams]).inner
    if transport and path is V4:  # the header is another one
        assert (shown[20:], shown[12:20]) == (packets[0][20:], packets[0][12:20])
    else:
        assert [shown] == packets
    assert dropped(sun) == {}


def test_the_outer_header_follows_the_path() -> None:
    moon = ChildSa("net", AhOutbound(1, icv(), V4), AhInbound(2, icv()), V4, MOON_NETS, SUN_NETS, 1)
    moon.path = V6
    made = moon.seal(INNER, 4)
    there = AhInbound(1, icv())
    addresses = bytes(IPv6(src=V6.local[0], dst=V6.remote[0]))[8:40]
    assert there.unprotect(keyed(ipv6(addresses, PROTOCOL, made))) == (4, INNER)
