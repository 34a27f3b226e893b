"""Payloads without fields."""

from hypothesis import given
from hypothesis import strategies as st

from ikecore.octets import Octets
from tests.ikecore.codec import MODERATE, read


@MODERATE
@given(st.binary(max_size=300))
def test_any_octets_are_taken(data: bytes) -> None:
    assert read(Octets, data) == Octets(data)
    assert Octets(data).body() == data
