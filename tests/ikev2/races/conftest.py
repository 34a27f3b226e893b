"""Every race is run for both roles of the original initiator."""

import pytest

from .scene import PEER, US


@pytest.fixture(params=[US, PEER], ids=["we initiated", "the peer initiated"])
def initiator(request: pytest.FixtureRequest) -> str:
    """Who initiated the IKE SA, long before the race."""
    name: str = request.param
    return name
