"""Fixtures of the interop stories; a failed one shows every daemon's log."""

from collections.abc import Callable, Generator, Iterator
from typing import Any

import pytest

from tests.interop.duo import Duo
from tests.lab.needs import require
from tests.lab.relay_lab import RelayLab
from tests.lab.strongswan import log_of
from tests.lab.topology import Lab

_TOLD = 12_000  # octets of logs behind a failure


@pytest.fixture
def lab() -> Iterator[Lab]:
    """Yield the namespaces, empty."""
    require("nft", "tcpdump", "ping", "charon-systemd", "swanctl")
    with Lab() as made:
        yield made


@pytest.fixture
def relay_lab() -> Iterator[RelayLab]:
    """Yield the namespaces with a relay on the wan."""
    require("nft", "ping", "charon-systemd", "swanctl", "ethtool", "ip")
    with RelayLab() as made:
        yield made


@pytest.fixture
def duo(lab: Lab) -> Callable[..., Duo]:
    """Return what starts both gateways."""
    return lambda *connections, **options: Duo(lab, *connections, **options)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, Any, Any]:
    """Put the daemons' logs behind a failure."""
    report: Any = yield
    if report.when == "call" and report.failed:
        for value in getattr(item, "funcargs", {}).values():
            made = getattr(value, "lab", value)
            if isinstance(made, Lab) and made.folder.exists():
                report.sections.append(("daemons", log_of(made.folder)[-_TOLD:]))
                break
    return report
