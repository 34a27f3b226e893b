"""What clients and their gateway ask of the daemon."""

from dataclasses import replace

import pytest

from ikebana.config.access import Access
from ikebana.config.compile import compile_config
from ikebana.control.view import Level
from ikebana.daemon.entropy import SystemEntropy
from ikebana.daemon.reception import Reception
from ikebana.daemon.roster import Roster
from ikebana.daemon.tunnels import Tunnel, make_tunnel
from ikecore.actions import AskCredentials, AskLease, Assigned, CheckUser, Closed, Reason
from ikecore.events import Credentials, Leased, Refused, UserAccepted
from ikecore.lease import Lease
from suites.secret import Secret
from tests.ikebana.config.sample import CONNECTION, config
from tests.ikebana.config.test_access import CLIENT, DIRECTORY, SERVER
from tests.ikebana.daemon.test_tell import established

A, B, C = b"a" * 8, b"b" * 8, b"c" * 8


class Desk:
    """A reception, and what it did."""

    def __init__(self, text: str) -> None:
        (plan,) = compile_config(config(text)).tunnels
        self.tunnel = make_tunnel(plan, SystemEntropy())
        self.roster = roster = Roster()
        roster.add(self.tunnel)
        self.notes: list[tuple[Level, str]] = []
        self.addresses: list[frozenset[str]] = []
        self.moved: list[Tunnel] = []
        self.story: list[object] = []  # of both, in order
        self.reception = Reception(
            roster,
            lambda level, text, _name: self.notes.append((level, text)),
            self._on_addresses,
            self._on_moved,
        )

    def _on_addresses(self, addresses: frozenset[str]) -> None:
        self.addresses.append(addresses)
        self.story.append(addresses)

    def _on_moved(self, tunnel: Tunnel) -> None:
        self.moved.append(tunnel)
        lease = tunnel.lease
        self.story.append("moved" if lease is None else f"moved to {lease.address}")

    @property
    def name(self) -> str:
        return self.tunnel.name

    def lease(self, sa: bytes, holder: str) -> str:
        """Return the address given, or nothing."""
        answer = self.reception.answer(AskLease(sa, self.name, holder))
        return answer.lease.address if isinstance(answer, Leased) else ""

    def check(self, user: str, password: bytes) -> bool:
        answer = self.reception.answer(CheckUser(A, self.name, user, Secret(password)))
        return isinstance(answer, UserAccepted)

    def closed(self, sa: bytes) -> None:
        self.reception.heard(Closed(sa, self.name, False, Reason.DELETED))

    def replaced(self, old: bytes, new: bytes) -> None:
        self.reception.heard(replace(established(), sa=new, replaces=old))

    def assigned(self, sa: bytes, lease: Lease) -> None:
        self.reception.assigned(Assigned(sa, self.name, lease))


@pytest.fixture
def server() -> Desk:
    return Desk(DIRECTORY + SERVER)


@pytest.fixture
def client() -> Desk:
    return Desk(CONNECTION + CLIENT)


# -- as server ------------------------------------------------------------------------------------
def test_a_user_is_let_in_by_its_own_password_alone(server: Desk) -> None:
    assert server.check("alice", b"wonderland")
    assert not server.check("alice", b"bob")
    assert not server.check("bob", b"")
    assert not server.check("mallory", b"")
    assert not server.check("mallory", b"wonderland")
    assert server.notes[0] == (Level.INFO, "XAUTH: user 'alice' let in")
    assert server.notes[-1] == (Level.WARNING, "XAUTH: user 'mallory' refused")


def test_a_client_gets_an_address_and_what_goes_with_it(server: Desk) -> None:
    answer = server.reception.answer(AskLease(A, server.name, "alice"))
    lease = Lease("10.9.0.1", 32, ("10.1.0.53",), ("10.1.0.0/16",), "Welcome")
    assert answer == Leased(A, lease)
    assert server.lease(A, "alice") == "10.9.0.1"
    assert server.lease(B, "bob") == "10.9.0.2"


def test_one_name_on_two_connections_is_two_clients() -> None:
    """Were it one, the packets of the first would go to the second."""
    desk = Desk(DIRECTORY + SERVER)
    (plan,) = compile_config(config(DIRECTORY + SERVER)).tunnels
    desk.roster.add(make_tunnel(replace(plan, name="other"), SystemEntropy()))
    assert desk.lease(A, "alice") == "10.9.0.1"
    answer = desk.reception.answer(AskLease(B, "other", "alice"))
    assert isinstance(answer, Leased)
    assert answer.lease.address == "10.9.0.2"


def test_an_address_is_given_back_with_its_last_sa(server: Desk) -> None:
    server.lease(A, "alice")
    assert server.lease(B, "alice") == "10.9.0.1"  # both SAs are alice's for a moment
    server.closed(A)
    assert server.lease(C, "bob") == "10.9.0.2"
    server.closed(B)
    server.closed(C)
    assert server.lease(A, "carol") == "10.9.0.3"  # the others may come back
    assert server.lease(B, "alice") == "10.9.0.1"


def test_a_lease_goes_on_with_the_sa_that_replaces_its_own(server: Desk) -> None:
    server.lease(A, "alice")
    server.replaced(A, B)
    server.closed(A)  # nobody's any more
    small = replace(server.tunnel.plan.access)
    assert small.pool is not None
    assert server.lease(C, "alice") == "10.9.0.1"
    server.closed(C)
    server.closed(B)
    assert server.lease(C, "bob") == "10.9.0.2"


def test_a_new_sa_that_has_its_own_lease_ends_that_of_the_old_one(server: Desk) -> None:
    """IKEv1's SA that was replaced lingers, and ends without a word."""
    server.lease(A, "alice")
    server.lease(B, "alice")
    server.replaced(A, B)
    server.closed(B)
    assert [server.lease(sa, name) for sa, name in ((A, "x"), (B, "alice"))] == [
        "10.9.0.2",
        "10.9.0.1",
    ]


def test_a_pool_without_an_address_left_says_so() -> None:
    desk = Desk(DIRECTORY.replace("10.9.0.0/24", "10.9.0.0/30") + SERVER)
    assert [desk.lease(sa, sa.decode()) for sa in (A, B, C)] == ["10.9.0.1", "10.9.0.2", ""]
    assert desk.notes == [(Level.WARNING, "the pool 'road' has no address left for 'cccccccc'")]
    desk.closed(C)
    desk.closed(A)
    assert desk.lease(C, "carol") == "10.9.0.1"


def test_another_network_under_the_same_name_is_another_pool(server: Desk) -> None:
    server.lease(A, "alice")
    (plan,) = compile_config(config(DIRECTORY.replace("10.9.0", "10.8.0") + SERVER)).tunnels
    server.tunnel.plan = plan
    assert server.lease(B, "alice") == "10.8.0.1"
    server.closed(A)
    server.closed(B)
    assert server.lease(C, "alice") == "10.8.0.1"


def test_nothing_is_answered_for_what_is_not_there_or_held_down(server: Desk) -> None:
    assert server.reception.answer(AskLease(A, "gone", "alice")) == Refused(A)
    assert server.reception.answer(AskCredentials(A, server.name)) == Refused(A)
    server.tunnel.core.down()
    assert not server.check("alice", b"wonderland")
    assert server.lease(A, "alice") == ""
    desk = Desk(CONNECTION)
    assert desk.lease(A, "alice") == ""
    assert not desk.check("", b"")


# -- as client ------------------------------------------------------------------------------------
def test_a_client_tells_who_it_is(client: Desk) -> None:
    answer = client.reception.answer(AskCredentials(A, client.name))
    assert answer == Credentials(A, "alice", Secret(b"wonderland"))


def test_an_inner_address_is_put_on_the_device_and_taken_away(client: Desk) -> None:
    client.assigned(A, Lease("10.9.0.7", 24, ("10.1.0.53",), (), "Hello\nyou"))
    assert set(client.addresses) == {frozenset({"10.9.0.7"})}
    assert [str(net) for net in client.tunnel.local_nets] == ["10.9.0.7/32"]
    assert [str(net) for net in client.tunnel.remote_nets] == ["0.0.0.0/0"]
    assert client.moved == [client.tunnel]
    assert [text for _, text in client.notes] == [
        "inner address 10.9.0.7; DNS 10.1.0.53",
        "banner: Hello",
        "banner: you",
    ]
    client.closed(A)
    assert client.addresses[-1] == frozenset()
    assert client.tunnel.lease is None
    assert len(client.moved) == 2


def test_routes_follow_the_networks_that_the_gateway_tells(client: Desk) -> None:
    client.assigned(A, Lease("10.9.0.7", subnets=("10.1.0.0/16", "10.2.0.1/16", "nonsense")))
    assert [str(net) for net in client.tunnel.remote_nets] == ["10.1.0.0/16", "10.2.0.0/16"]
    named = Desk(CONNECTION + CLIENT + 'remote_subnets = ["10.3.0.0/16"]')
    named.assigned(A, Lease("10.9.0.7", subnets=("10.1.0.0/16",)))
    assert [str(net) for net in named.tunnel.remote_nets] == ["10.3.0.0/16"]


def test_the_newest_address_counts_until_the_last_sa_is_gone(client: Desk) -> None:
    client.assigned(A, Lease("10.9.0.7"))
    client.assigned(B, Lease("10.9.0.7"))
    assert len(client.moved) == 1  # the same again
    client.closed(A)
    assert client.tunnel.lease == Lease("10.9.0.7")
    client.replaced(B, C)
    client.closed(B)
    assert client.addresses[-1] == frozenset({"10.9.0.7"})
    client.assigned(A, Lease("10.9.0.8"))
    assert client.addresses[-1] == frozenset({"10.9.0.7", "10.9.0.8"})
    client.closed(C)
    assert client.addresses[-1] == frozenset({"10.9.0.8"})


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "224.0.0.1", "255.255.255.255", "::1", "", "169.254.1.1"]
)
def test_an_address_that_no_host_may_have_is_not_taken(client: Desk, address: str) -> None:
    client.assigned(A, Lease(address))
    assert client.addresses == []
    assert client.notes[0][0] is Level.ERROR


def test_the_address_of_an_sa_that_was_replaced_goes(client: Desk) -> None:
    client.assigned(A, Lease("10.9.0.7"))
    client.assigned(B, Lease("10.9.0.8"))
    client.replaced(A, B)
    assert client.addresses[-1] == frozenset({"10.9.0.8"})
    client.closed(B)
    assert client.addresses[-1] == frozenset()


def test_routes_go_over_before_the_address_that_they_name_goes(client: Desk) -> None:
    client.assigned(A, Lease("10.9.0.7"))
    client.assigned(B, Lease("10.9.0.8"))
    story = client.story
    assert story == [
        {"10.9.0.7"}, "moved to 10.9.0.7", {"10.9.0.7"},
        {"10.9.0.7", "10.9.0.8"}, "moved to 10.9.0.8", {"10.9.0.7", "10.9.0.8"},
    ]  # fmt: skip
    story.clear()
    client.closed(A)
    client.closed(B)
    assert story == [{"10.9.0.8"}, {"10.9.0.8"}, "moved", set()]


def test_what_is_assigned_to_nobody_is_nothing(client: Desk) -> None:
    client.reception.assigned(Assigned(A, "gone", Lease("10.9.0.7")))
    assert client.addresses == []
    assert client.tunnel.plan.access != Access()
