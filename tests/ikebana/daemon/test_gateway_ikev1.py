"""Two gateways that speak IKEv1, one of them perhaps as the other's client."""

from collections.abc import Iterator

import pytest

from ikebana.control.view import ConnectionState as State
from ikebana.daemon.orders import RouteState
from ikebana.daemon.views import connection_view
from ikebana.render.keylog import ikev1_lines, is_ikev1
from ikecore.diagnosis import Code
from ikecore.trace import KeysDerived
from tests.ikebana.config.test_access import DIRECTORY
from tests.ikebana.daemon.world import INSIDE, MOON, SUN, Box, World, connection, packet

OLD = 'ike.version = "ikev1"\n'
AGGRESSIVE = 'ike.mode = "aggressive"\nike.dh_group = 14\n'
ALLOWED = AGGRESSIVE + "ike.allow_aggressive_psk = true\n"
PASSIVE = 'initiation = "passive"\n'
GROUP_ID = "keyid:staff"


@pytest.fixture
def world() -> Iterator[World]:
    with World() as made:
        yield made


def text(box: Box) -> str:
    return "\n".join(line.text for line in box.lines())


# -- a tunnel -------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("moon", "sun"), [("", ""), (AGGRESSIVE, ALLOWED), ("ipsec.pfs = 14\n", "ipsec.pfs = 14\n")]
)
def test_two_gateways_carry_packets(world: World, moon: str, sun: str) -> None:
    world.start(OLD + moon, OLD + sun + PASSIVE)
    assert (world.moon.state, world.sun.state) == (State.CONNECTED, State.CONNECTED)
    assert world.passes()
    assert world.passes(b"x" * 1300)
    view = connection_view(world.moon.tunnel, world.clock.now)
    assert (view.version, view.badges) == ("ikev1", ("legacy",))
    assert "IKEv1 (legacy) SA established as initiator" in text(world.moon)


def test_a_connection_of_any_version_takes_what_its_peer_begins_with(world: World) -> None:
    either = 'ike.version = "any"\n' + PASSIVE
    world.start(OLD, either)
    assert world.passes()
    assert connection_view(world.sun.tunnel, 0.0).version == "ikev1"
    world.moon.gateway.apply(world.moon.plan(connection(MOON)))
    world.sleep(5.0)
    assert world.passes()
    assert connection_view(world.sun.tunnel, 0.0).version == "ikev2"


def test_a_reload_takes_ikev1_into_service_beside_ikev2(world: World) -> None:
    world.start()
    assert not world.moon.gateway.endpoint.speaks(1)
    world.sun.gateway.apply(world.sun.plan(connection(SUN, OLD + PASSIVE)))
    world.moon.gateway.apply(world.moon.plan(connection(MOON, OLD)))
    world.sleep(5.0)
    assert world.moon.gateway.endpoint.speaks(1)
    assert world.moon.state is State.CONNECTED
    assert world.passes()


def test_each_pair_of_networks_has_a_child_one_after_another(world: World) -> None:  # S3-3
    def sides(ours: str, theirs: str) -> str:
        return OLD + (
            f'local_subnets = ["{ours}.0.0/24", "{ours}.1.0/24"]\n'
            f'remote_subnets = ["{theirs}.0.0/24"]\nper_mapping_sa = true\n'
        )

    def mirrored(ours: str, theirs: str) -> str:
        return (
            OLD
            + PASSIVE
            + (
                f'local_subnets = ["{ours}.0.0/24"]\n'
                f'remote_subnets = ["{theirs}.0.0/24", "{theirs}.1.0/24"]\nper_mapping_sa = true\n'
            )
        )

    world.start(sides("10.1", "10.2"), mirrored("10.2", "10.1"))
    assert [len(box.tunnel.core.children) for box in (world.moon, world.sun)] == [2, 2]
    assert world.moon.tunnel.core.mappings == (2, 2)
    assert world.passes()


def test_down_deletes_at_both_ends_and_up_connects_again(world: World) -> None:
    world.start(OLD, OLD + PASSIVE)
    world.moon.gateway.down(world.moon.tunnel)
    world.settle()
    assert (world.moon.state, world.sun.tunnel.core.sas) == (State.DOWN, ())
    assert world.moon.routes["net"] is RouteState.BLOCKED
    world.moon.gateway.up(world.moon.tunnel)
    world.settle()
    assert world.passes()


def test_a_child_is_renewed_and_nothing_is_lost(world: World) -> None:
    world.start(OLD, OLD + PASSIVE)
    (before,) = world.moon.tunnel.core.children
    world.moon.gateway.rekey(world.moon.tunnel, "a test", ike=False)
    world.settle()
    assert world.passes()
    world.sleep(2.0)
    assert world.passes()
    assert world.moon.tunnel.core.children[-1].inbound_spi != before.inbound_spi


def test_its_keys_are_what_wireshark_wants(world: World) -> None:
    world.start(OLD, OLD + PASSIVE)
    (record,) = [one for one in world.moon.keys if isinstance(one, KeysDerived)]
    assert is_ikev1(record)
    (line,) = ikev1_lines(record)
    cookie, key = line.split(",")
    assert cookie == world.moon.tunnel.core.sas[0].initiator_spi.hex()
    assert len(bytes.fromhex(key)) == record.suite.encr.key


# -- what does not come up ------------------------------------------------------------------------
def test_another_key_is_told_by_who_can_tell(world: World) -> None:
    sun = connection(SUN, OLD + PASSIVE).replace('psk = "', 'psk = "not ')
    world.sun.start(world.sun.plan(sun))
    world.moon.start(world.moon.plan(connection(MOON, OLD)))
    world.sleep(12.0)
    assert world.moon.state is not State.CONNECTED
    reason = world.sun.tunnel.core.reason
    assert reason is not None
    assert Code.PSK_MISMATCH in [one.code for one in reason.findings]


def test_another_version_is_told_by_who_is_asked(world: World) -> None:
    world.start(OLD, PASSIVE)
    world.sleep(12.0)
    assert world.moon.state is not State.CONNECTED
    reason = world.sun.tunnel.core.reason
    assert reason is not None
    assert Code.IKE_VERSION_MISMATCH in [one.code for one in reason.findings]


# -- clients --------------------------------------------------------------------------------------
def server(method: str, more: str) -> str:
    return connection(SUN, OLD + more, peer="any").replace(
        'local_subnets = ["10.2.0.0/24"]\nremote_subnets = ["10.1.0.0/24"]\n',
        f'local_subnets = ["10.2.0.0/16"]\nremote_id = "{GROUP_ID}"\n'
        'xauth = { role = "server" }\n'
        f'address = {{ role = "server", pool = "road", method = "{method}" }}\n',
    )


def client(method: str, more: str, said: str = "wonderland") -> str:
    return connection(MOON, OLD + more).replace(
        'local_subnets = ["10.1.0.0/24"]\nremote_subnets = ["10.2.0.0/24"]\n',
        f'local_id = "{GROUP_ID}"\naddress = {{ role = "client", method = "{method}" }}\n'
        f'xauth = {{ role = "client", user = "alice", password = "{said}" }}\n',
    )


def meet(world: World, method: str, said: str = "wonderland") -> None:
    directory = DIRECTORY.replace("10.1.0.0/16", "10.2.0.0/16")
    world.sun.start(world.sun.plan(server(method, ALLOWED), directory))
    world.moon.start(world.moon.plan(client(method, AGGRESSIVE, said)))
    world.sleep(1.0)


@pytest.mark.parametrize("method", ["pull", "push"])
def test_a_client_gets_an_address_and_packets_go_by_it(world: World, method: str) -> None:
    meet(world, method)
    assert (world.moon.state, world.sun.state) == (State.CONNECTED, State.CONNECTED)
    assert world.moon.inner == {"10.9.0.1"}
    assert [str(net) for net in world.moon.tunnel.remote_nets] == ["10.2.0.0/16"]
    there = packet("10.9.0.1", INSIDE[SUN])
    world.moon.tun.send(there)
    world.settle()
    assert world.sun.came_out() == [there]
    back = packet(INSIDE[SUN], "10.9.0.1")
    world.sun.tun.send(back)
    world.settle()
    assert world.moon.came_out() == [back]
    view = connection_view(world.sun.tunnel, 0.0)
    assert (view.user, view.peer_id) == ("alice", GROUP_ID)
    assert connection_view(world.moon.tunnel, 0.0).inner_address == "10.9.0.1"


def test_an_address_goes_with_the_tunnel_and_comes_again(world: World) -> None:
    meet(world, "pull")
    world.moon.gateway.down(world.moon.tunnel)
    world.settle()
    assert world.moon.inner == frozenset()
    assert [str(net) for net in world.moon.tunnel.remote_nets] == ["0.0.0.0/0"]
    world.moon.gateway.up(world.moon.tunnel)
    world.sleep(1.0)
    assert world.moon.inner == {"10.9.0.1"}


def test_another_source_than_the_inner_address_does_not_pass(world: World) -> None:
    meet(world, "pull")
    world.moon.tun.send(packet("10.9.0.99", INSIDE[SUN]))
    world.settle()
    assert world.sun.came_out() == []


def test_a_wrong_password_brings_nothing_up(world: World) -> None:
    meet(world, "pull", "guess")
    world.sleep(3.0)
    assert world.moon.state is not State.CONNECTED
    reason = world.moon.tunnel.core.reason
    assert reason is not None
    assert Code.USER_REFUSED in [one.code for one in reason.findings]
    assert "XAUTH: user 'alice' refused" in text(world.sun)
