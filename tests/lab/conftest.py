"""The lab's fixtures; without root or the programs every test says what is missing."""

from collections.abc import Iterator

import pytest

from tests.lab.needs import require
from tests.lab.topology import Lab


@pytest.fixture
def lab() -> Iterator[Lab]:
    require("nft", "tcpdump", "ping", "charon-systemd", "swanctl")
    with Lab() as made:
        yield made
