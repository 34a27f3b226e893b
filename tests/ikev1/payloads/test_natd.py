"""The NAT-D codecs."""

import pytest

from ikev1.payloads.natd import DraftNatDetection, NatDetection
from tests.ikecore.codec import read


@pytest.mark.parametrize("codec", [NatDetection, DraftNatDetection])
def test_known_octets_are_read_and_written(codec: type[NatDetection]) -> None:
    assert read(codec, bytes(20)) == codec(bytes(20))
    assert codec(b"hash").body() == b"hash"


def test_rfc_and_draft_differ_in_their_number_only() -> None:
    assert (NatDetection.TYPE, DraftNatDetection.TYPE) == (20, 130)
    assert isinstance(DraftNatDetection(b""), NatDetection)
    assert DraftNatDetection(b"") != NatDetection(b"")
