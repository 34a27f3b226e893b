"""Which IKE versions are in service, and what there is without IKEv1's package."""

import subprocess
import sys
import types
from pathlib import Path

import pytest

from ikebana.daemon.entropy import SystemEntropy
from ikebana.daemon.versions import Versions, endpoints
from ikecore.entropy import Entropy
from ikecore.profile import IkeVersion, Limits
from ikecore.spipool import SpiPool
from tests.ikecore.test_demux import Listener

ROOT = Path(__file__).parents[3]
WITHOUT = """
import sys

class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "ikev1":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Blocker())
from ikebana.control.view import ConnectionState
from ikecore.diagnosis import Code
from tests.ikebana.daemon.world import MOON, SUN, World, connection

with World() as world:
    world.start()
    assert world.moon.state is world.sun.state is ConnectionState.CONNECTED, "no IKEv2"
    assert world.passes(), "no packet"
    old = connection(MOON, 'ike.version = "ikev1"')
    world.moon.gateway.apply(world.moon.plan(old))
    world.settle()
    reason = world.moon.tunnel.core.reason
    assert reason is not None and reason.code is Code.IKE_VERSION_MISMATCH, reason
    assert any("not in this installation" in one.text for one in world.moon.lines())
print("all well")
"""


def versions() -> Versions:
    return Versions(SystemEntropy(), Limits())


def test_ikev2_is_always_in_service_and_ikev1_is_not() -> None:
    entropy = SystemEntropy()
    demux = endpoints(entropy, SpiPool(entropy), Limits())
    assert (demux.speaks(1), demux.speaks(2)) == (False, True)


def test_nothing_is_imported_for_connections_that_speak_ikev2(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "ikev1.endpoint", None)
    made = versions()
    assert made.serve([IkeVersion.IKEV2])
    assert made.serve([])
    assert not made.demux.speaks(1)


@pytest.mark.parametrize("version", [IkeVersion.IKEV1, IkeVersion.ANY])
def test_ikev1_is_taken_into_service_once_when_a_connection_speaks_it(
    monkeypatch: pytest.MonkeyPatch, version: IkeVersion
) -> None:
    made: list[tuple[Entropy, SpiPool, Limits]] = []

    def endpoint(entropy: Entropy, spis: SpiPool, limits: Limits) -> Listener:
        made.append((entropy, spis, limits))
        return Listener("old", b"1" * 8, 1000, None)

    module = types.ModuleType("ikev1.endpoint")
    module.__dict__["Endpoint"] = endpoint
    monkeypatch.setitem(sys.modules, "ikev1.endpoint", module)
    service = versions()
    assert service.serve([IkeVersion.IKEV2, version])
    assert service.serve([version])
    assert service.demux.speaks(1)
    assert len(made) == 1


def test_without_the_package_the_answer_is_no(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ikev1.endpoint", None)
    service = versions()
    assert not service.serve([IkeVersion.IKEV1])
    assert not service.demux.speaks(1)


def test_everything_but_ikev1_works_where_that_package_cannot_be_imported() -> None:
    done = subprocess.run(  # noqa: S603 - our own words
        [sys.executable, "-c", WITHOUT], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.returncode) == ("all well\n", 0), done.stderr
