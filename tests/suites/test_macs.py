"""What a sealer asks of a MAC."""

import pytest

from suites.integ import INTEG, Integ
from suites.macs import Mac


@pytest.mark.parametrize("row", INTEG, ids=lambda row: row.name)
def test_a_copy_goes_its_own_way(row: Integ) -> None:
    def tag(mac: Mac, *parts: bytes) -> bytes:
        copy = mac.copy()
        for part in parts:
            copy.update(part)
        return copy.finalize()

    mac = row.mac(bytes(row.key))
    for length in (0, 1, 15, 16, 17, 32, 100):
        text = bytes(range(length))
        whole = tag(mac, text)
        assert len(whole) >= row.icv
        assert tag(mac, text[:7], text[7:]) == whole
        half = mac.copy()
        half.update(text[:9])
        assert tag(half, text[9:]) == whole
