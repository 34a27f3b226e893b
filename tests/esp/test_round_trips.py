"""Every row of ESP and AH, inner packets of every size: what one end protects the other finds."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from esp.ah import AhInbound, AhOutbound, keyed
from esp.header import ipv6
from esp.sa import InboundSa, OutboundSa
from policy.path import Path
from suites.encr import ENCR, ENCR_BY_NAME, Encr, sealer
from suites.integ import INTEG, INTEG_BY_NAME, Integ
from suites.sealers import Sealer

PAIRS: list[tuple[Encr, Integ | None]] = [
    *((row, None if row.is_aead else INTEG_BY_NAME["sha256"]) for row in ENCR),
    *((ENCR_BY_NAME["aes128"], row) for row in INTEG if row.is_for_esp and row.name != "sha256"),
]
SIZES = st.lists(
    st.integers(0, 9000) | st.integers(0, 4500).map(lambda half: 2 * half + 1),
    min_size=1,
    max_size=4,
)
START = st.sampled_from([0, 2**32 - 3])
NEXT = st.sampled_from([4, 41, 59, 17])
V4 = Path(("10.99.0.1", 500), ("10.99.0.2", 500))
V6 = Path(("2001:db8::1", 500), ("2001:db8::2", 500))


def packet(size: int) -> bytes:
    return bytes(at * 7 & 0xFF for at in range(256))[: size % 256] + bytes(range(256)) * (
        size // 256
    )


@pytest.mark.parametrize(
    ("encr", "integ"), PAIRS, ids=lambda row: row.name if row is not None else "alone"
)
@settings(max_examples=12, deadline=None)
@given(sizes=SIZES, start=START, next_header=NEXT)
def test_esp(
    encr: Encr, integ: Integ | None, sizes: list[int], start: int, next_header: int
) -> None:
    def make() -> Sealer:
        return sealer(encr, bytes(range(encr.keymat)), integ, bytes(integ.key if integ else 0))

    esn = start > 0
    out, inb = OutboundSa(0x1000, make(), esn=esn), InboundSa(0x1000, make(), esn=esn)
    out.seq = start
    inb.replay.accept(start)
    for size in sizes:
        sealed = out.protect(packet(size), next_header)
        assert len(sealed) % 4 == 0
        assert inb.unprotect(sealed) == (next_header, packet(size))
    assert (out.octets, inb.octets) == (sum(sizes), sum(sizes))


@pytest.mark.parametrize("integ", INTEG, ids=lambda row: row.name)
@settings(max_examples=12, deadline=None)
@given(sizes=SIZES, start=START, next_header=NEXT, path=st.sampled_from([V4, V6]))
def test_ah(integ: Integ, sizes: list[int], start: int, next_header: int, path: Path) -> None:
    key, esn = bytes(range(integ.key)), start > 0
    out = AhOutbound(0x1000, integ.for_ah(key), path, esn=esn)
    inb = AhInbound(0x1000, integ.for_ah(key), esn=esn)
    out.seq = start
    inb.replay.accept(start)
    for size in sizes:
        made = out.protect(packet(size), next_header)
        whole = made if path is V4 else ipv6(ENDS6, AhOutbound.protocol, made)
        assert inb.unprotect(keyed(whole)) == (next_header, packet(size))
    assert (out.octets, inb.octets) == (sum(sizes), sum(sizes))


ENDS6 = bytes.fromhex("20010db8" + "00" * 11 + "01" + "20010db8" + "00" * 11 + "02")
