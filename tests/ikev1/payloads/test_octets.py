"""Payloads without fields."""

from hypothesis import given
from hypothesis import strategies as st

from ikev1.payloads.octets import Octets
from tests.ikev1.payloads.codec import MODERATE, read


@MODERATE
@given(st.binary(max_size=300))
def test_any_octets_are_taken(data: bytes) -> None:
    assert read(Octets, data) == Octets(data)
    assert Octets(data).body() == data
