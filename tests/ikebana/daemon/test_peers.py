import pytest

from ikebana.config.compile import compile_config
from ikebana.daemon.peers import Peers, profile_of
from ikebana.daemon.tunnels import Tunnel, make_tunnel
from ikecore.identities import Identity
from policy.path import Path
from tests.ikebana.config.sample import KEY, config
from tests.ikebana.daemon.clock import Clock
from tests.ikebana.daemon.lives import Fixed
from tests.ikebana.daemon.world import FakeNames


class Stage:
    """Peers between a resolver, a routing table and a clock of the test's."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.names = FakeNames()
        self.ways = {"192.0.2.1": "198.51.100.1", "192.0.2.2": "198.51.100.2"}
        self.changes = 0
        later = self.clock.call_later
        self.peers = Peers(self.names, lambda remote: self.ways.get(remote, ""), later)

    def found(self, tunnel: Tunnel) -> tuple[tuple[str, ...], str]:
        found: list[tuple[tuple[str, ...], str]] = []
        self.peers.find(tunnel, lambda addresses, why: found.append((addresses, why)))
        (only,) = found
        return only

    def changed(self) -> None:
        self.changes += 1


@pytest.fixture
def stage() -> Stage:
    return Stage()


def tunnel(peer: str, lines: str = "") -> Tunnel:
    text = f'[[connection]]\nname = "net"\npeer = "{peer}"\npsk = "{KEY}"\n{lines}\n'
    return make_tunnel(compile_config(config(text)).tunnels[0], Fixed())


PASSIVE = 'initiation = "passive"\n'
ANY = 'remote_id = "sun.lab"\n' + PASSIVE


def test_an_address_is_known_without_asking(stage: Stage) -> None:
    one = tunnel("192.0.2.2")
    stage.peers.begin(one)
    assert (one.remote, one.local, one.is_ready) == (frozenset({"192.0.2.2"}), "198.51.100.2", True)
    assert stage.found(one) == (("192.0.2.2",), "")
    stage.peers.watch(one, stage.changed)
    assert stage.names.asked == []


def test_our_address_towards_a_peer_anywhere_is_the_one_of_the_default_route(stage: Stage) -> None:
    one = tunnel("any", ANY)
    stage.peers.begin(one)
    assert (one.local, one.is_ready) == ("198.51.100.1", True)
    assert stage.found(one)[0] == ()


def test_without_a_default_route_a_peer_anywhere_is_let_in_if_we_have_a_name(stage: Stage) -> None:
    stage.ways.clear()
    nameless, named = tunnel("any", ANY), tunnel("any", ANY + 'local_id = "moon.lab"')
    for one in (nameless, named):
        stage.peers.begin(one)
    assert (nameless.is_ready, named.is_ready) == (False, True)
    assert profile_of(named, 4500).local_id == Identity.parse("moon.lab")


def test_a_name_is_asked_each_time_and_learned_when_it_is_new(stage: Stage) -> None:
    one = tunnel("sun.lab")
    stage.peers.begin(one)
    assert not one.is_ready
    assert stage.found(one) == ((), "sun.lab: no such name")
    stage.names.addresses["sun.lab"] = ("192.0.2.2",)
    addresses, _ = stage.found(one)
    assert stage.peers.learn(one, addresses)
    assert not stage.peers.learn(one, addresses)
    assert not stage.peers.learn(one, ())
    assert (one.is_ready, one.local) == (True, "198.51.100.2")


def test_tries_take_turns_with_a_names_addresses(stage: Stage) -> None:
    one = tunnel("sun.lab")
    addresses = ("192.0.2.1", "192.0.2.2")
    first = stage.peers.path(one, addresses, 500)
    one.core.start()
    one.core.no_address("sun.lab: no such name", 10.0)
    second = stage.peers.path(one, addresses, 500)
    assert first == Path(("198.51.100.1", 500), ("192.0.2.1", 500))
    assert second == Path(("198.51.100.2", 500), ("192.0.2.2", 500))
    assert one.local == "198.51.100.2"
    assert profile_of(one, 4500, "192.0.2.2").remote_id == Identity.parse("192.0.2.2")


def test_without_a_way_there_is_no_path(stage: Stage) -> None:
    assert stage.peers.path(tunnel("192.0.2.9"), ("192.0.2.9",), 500) is None


def test_the_name_of_a_peer_that_has_to_start_is_asked_until_it_is_known_and_then_again(
    stage: Stage,
) -> None:
    one = tunnel("sun.lab", PASSIVE)
    stage.peers.begin(one)
    stage.peers.watch(one, stage.changed)
    stage.peers.watch(one, stage.changed)
    stage.clock.sleep(24)
    assert (len(stage.names.asked), stage.changes) == (3, 0)
    stage.names.addresses["sun.lab"] = ("192.0.2.1",)
    stage.clock.sleep(12)
    assert (one.remote, stage.changes) == (frozenset({"192.0.2.1"}), 1)
    stage.names.addresses["sun.lab"] = ("192.0.2.2",)
    stage.clock.sleep(60)
    assert (one.remote, stage.changes) == (frozenset({"192.0.2.2"}), 2)


def test_after_the_end_nobody_is_asked(stage: Stage) -> None:
    one = tunnel("sun.lab", PASSIVE)
    stage.peers.watch(one, stage.changed)
    stage.peers.end(one)
    stage.clock.sleep(1000)
    assert len(stage.names.asked) == 1
    stage.peers.watch(one, stage.changed)
    stage.peers.close()
    stage.clock.sleep(1000)
    assert len(stage.names.asked) == 2
