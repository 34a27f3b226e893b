"""A worker is killed in the middle of files: nothing leaves in clear, and the files arrive."""

import os
import signal
from collections.abc import Iterator

import pytest

from ikebana.control.client import Client
from tests.interop.duo import Duo, connection_toml, gateway_toml, only_tunnelled
from tests.interop.flows import BOTH, Transfer
from tests.lab.ikebana import Gateway
from tests.lab.topology import Lab, wait_for

pytestmark = pytest.mark.lab

OCTETS = 60_000_000


@pytest.fixture(params=["ours", "strongSwan"])
def client(request: pytest.FixtureRequest, lab: Lab) -> Iterator[Client]:
    """Yield the door to gateway A; its tunnel is up."""
    lab["ga"].route("default", via="10.99.0.2")  # the way that a packet in clear would take
    lab["gb"].route("default", via="10.99.0.1")
    if request.param == "ours":
        a, _ = (
            Gateway(
                lab,
                side,
                gateway_toml(
                    lab, connection_toml(lab, side=side, force_encap=True), side=side
                ),
            )
            for side in ("ga", "gb")
        )  # fmt: skip
        assert a.cli("up", "net")[0] == 0
        yield Client(str(a.control))
        return
    pair = Duo(lab, connection_toml(lab))
    pair.peer()
    pair.up()
    yield pair.client


def test_killed_in_the_middle_of_files(lab: Lab, client: Client, times: int) -> None:
    with only_tunnelled(lab), Transfer(lab, OCTETS * times, *BOTH) as files:
        for count in range(1, 3):
            reached = files.received + OCTETS * times // 4
            wait_for(lambda: files.received > reached, 30, "a part of the files")  # noqa: B023
            assert not files.is_over
            os.kill(client.status().gateway.worker.pid, signal.SIGKILL)
            wait_for(lambda: client.status().gateway.worker.restarts == count, 10, "a new worker")  # noqa: B023
    assert client.status().connections[0].state == "connected"
