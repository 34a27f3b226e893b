"""The model of a packet worker that the races are judged by."""

from dataclasses import replace
from ipaddress import ip_address

import pytest

from ikecore.actions import InstallChild, MoveChild, RemoveChild, RetireChild, UseChild
from ikecore.child import ChildSpec
from tests.ikev2.network import Network

from .worker_model import Flow, Use, WorkerModel

FLOW = Flow(int(ip_address("10.1.0.9")), int(ip_address("10.2.0.9")))


@pytest.fixture(scope="module")
def spec() -> ChildSpec:
    net = Network()
    net.initiate("moon")
    (found,) = net.hosts["moon"].children.values()
    return found


def holding(*specs: ChildSpec) -> WorkerModel:
    worker = WorkerModel()
    for one in specs:
        worker.carry_out(InstallChild(one))
    return worker


def test_the_newest_active_child_that_carries_the_flow_seals(spec: ChildSpec) -> None:
    newer = replace(spec, inbound_spi=1000)
    waiting = replace(spec, inbound_spi=1001, standby=True)
    elsewhere = replace(spec, inbound_spi=1002, remote_ts=spec.local_ts)
    worker = holding(spec, newer, waiting, elsewhere)
    assert worker.seal(FLOW) is newer
    assert worker.seal(replace(FLOW, remote=int(ip_address("10.3.0.9")))) is None
    worker.carry_out(RetireChild(newer.inbound_spi))
    assert worker.seal(FLOW) is spec
    worker.carry_out(UseChild(waiting.inbound_spi))
    assert worker.seal(FLOW) is waiting


def test_a_packet_ends_the_standby_but_not_the_retirement(spec: ChildSpec) -> None:
    worker = holding(replace(spec, standby=True))
    assert worker.open(spec.inbound_spi)
    assert worker.uses == {spec.inbound_spi: Use.ACTIVE}
    worker.carry_out(RetireChild(spec.inbound_spi))
    assert worker.open(spec.inbound_spi)
    assert worker.uses == {spec.inbound_spi: Use.RETIRED}
    worker.carry_out(RemoveChild(spec.inbound_spi))
    assert not worker.open(spec.inbound_spi)
    assert worker.former == {spec.inbound_spi}


def test_a_child_moves(spec: ChildSpec) -> None:
    worker = holding(spec)
    worker.carry_out(MoveChild(spec.inbound_spi, spec.path.reversed))
    moved = worker.seal(FLOW)
    assert moved is not None
    assert moved.path == spec.path.reversed


def test_what_is_not_there_is_no_silent_matter(spec: ChildSpec) -> None:
    for action in (UseChild(1), RetireChild(1), RemoveChild(1), MoveChild(1, spec.path)):
        with pytest.raises(KeyError):
            holding(spec).carry_out(action)
    with pytest.raises(KeyError):
        holding(spec, spec)
