"""Payloads without a codec."""

from hypothesis import given
from hypothesis import strategies as st

from ikecore.wire import Reader
from ikev1.payloads.unknown import Unknown
from tests.ikecore.codec import MODERATE, OCTET


@MODERATE
@given(OCTET, st.binary(max_size=100))
def test_octets_survive(kind: int, data: bytes) -> None:
    payload = Unknown.parse(kind, Reader(data))
    assert payload == Unknown(kind, data)
    assert (payload.TYPE, payload.body()) == (kind, data)
