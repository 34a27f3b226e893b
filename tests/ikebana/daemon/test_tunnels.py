"""A connection as the daemon runs it."""

from types import SimpleNamespace
from typing import cast

import pytest

from ikebana.daemon.tunnels import Tunnel, is_half_open
from ikecore.actions import ChildClosed, Closed, Reason

SA = b"an SA's "


def tunnel(*up: bytes) -> Tunnel:
    return cast("Tunnel", SimpleNamespace(established_at=dict.fromkeys(up, 1.0)))


def closed(connection: str) -> Closed:
    return Closed(SA, connection, False, Reason.FAILED)


@pytest.mark.parametrize(
    ("report", "found", "half_open"),
    [
        (closed("net"), tunnel(), True),
        (closed("net"), tunnel(SA), False),
        (closed(""), None, True),
        (closed("gone by reload"), None, False),
        (ChildClosed(SA, "net", 256), tunnel(), False),
    ],
)
def test_an_sa_that_never_came_up_ends_without_a_line(
    report: Closed | ChildClosed, found: Tunnel | None, half_open: bool
) -> None:
    assert is_half_open(report, found) is half_open
