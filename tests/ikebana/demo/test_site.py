"""What is made for the demonstration is also removed."""

import subprocess
import time
from pathlib import Path

import pytest

from ikebana.demo.config import MOON, SUN
from ikebana.demo.ping import open_ping, ping
from ikebana.demo.site import Site, SiteError
from tests.lab.needs import require

pytestmark = pytest.mark.lab


def test_hosts_reach_their_gateway_and_all_of_it_goes() -> None:
    require()
    site = Site()
    try:
        site.build()
        with site.enter(MOON.host_name), open_ping() as sock:
            (echo,) = ping(sock, MOON.inside, 1)
        assert echo.ms is not None
        process = site.run(SUN.name, ["http.server", "0"], stdout=subprocess.DEVNULL)
    finally:
        told = site.close()
    assert told.startswith("4 namespaces, 1 processes, /")
    assert process.returncode is not None
    assert not Path(told.split()[4].rstrip(":")).exists()


def test_a_gateway_that_does_not_start_is_told_with_its_log() -> None:
    require()
    site = Site()
    began = time.monotonic()
    try:
        site.build()
        site.start(MOON, SUN, "ab" * 32)
        site.start(MOON, SUN, "ab" * 32)  # its ports are taken
        with pytest.raises(SiteError, match="moon's log:"):
            site.client(SUN)
    finally:
        site.close()
    assert time.monotonic() - began < 15


def test_what_was_never_made_can_be_closed() -> None:
    assert Site().close().startswith("0 namespaces, 0 processes")
