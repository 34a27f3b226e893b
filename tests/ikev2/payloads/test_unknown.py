"""Payloads without a codec."""

from hypothesis import given
from hypothesis import strategies as st

from ikecore.wire import Reader
from ikev2.payloads.unknown import Unknown
from tests.ikecore.codec import MODERATE, OCTET


@MODERATE
@given(OCTET, st.booleans(), st.binary(max_size=100))
def test_octets_and_flag_survive(kind: int, critical: bool, data: bytes) -> None:
    payload = Unknown.parse(kind, critical, Reader(data))
    assert payload == Unknown(kind, critical, data)
    assert (payload.TYPE, payload.body()) == (kind, data)
