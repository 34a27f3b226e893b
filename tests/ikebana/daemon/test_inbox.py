from dataclasses import dataclass, field

import pytest

from ikebana.config.compile import compile_config
from ikebana.daemon.inbox import Inbox
from ikebana.daemon.roster import Roster
from ikebana.daemon.tally import Tally
from ikebana.daemon.triage import Triage
from ikebana.daemon.tunnels import make_tunnel
from ikebana.worker.messages import (
    Acquired,
    Chosen,
    Ike,
    Limit,
    Message,
    Moved,
    Network,
    Policies,
    Traffic,
)
from ikecore.events import (
    ChildExpired,
    ChildrenHeard,
    DatagramReceived,
    Event,
    PathChanged,
    RekeyWanted,
    Unreachable,
)
from policy.flow import Flow
from policy.path import Path
from tests.ikebana.config.sample import CONNECTION, config
from tests.ikev2.network import Dice

FLOW = Flow(4, 17, 1, 2, 3, 4)
PATH = Path(("192.0.2.1", 4500), ("192.0.2.2", 4500), encapsulated=True)
OF_AN_SA = b"i" * 8 + b"r" * 8 + b"\x2e\x20" + bytes(10)


@dataclass
class Desk:
    """An inbox, and what came out of it."""

    events: list[Event] = field(default_factory=list)
    acquired: list[tuple[str, Flow]] = field(default_factory=list)
    tally: Tally = field(default_factory=Tally)
    roster: Roster = field(default_factory=Roster)

    def __post_init__(self) -> None:
        self.tunnel = make_tunnel(compile_config(config(CONNECTION)).tunnels[0], Dice(1))
        self.roster.add(self.tunnel)
        self.roster.add_child(300, self.tunnel)
        self.inbox = Inbox(
            Triage(lambda _: False, lambda major: major == 2),
            self.tally,
            self.roster,
            lambda: 10.0,
            self.events.append,
            lambda tunnel, flow: self.acquired.append((tunnel.name, flow)),
        )


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_datagrams_of_both_ports_go_to_the_endpoint(desk: Desk) -> None:
    desk.inbox.on_datagram(OF_AN_SA, PATH)
    desk.inbox.on_worker(Ike(PATH, OF_AN_SA))
    assert desk.events == [DatagramReceived(OF_AN_SA, PATH)] * 2


def test_what_is_too_much_of_a_flood_is_counted(desk: Desk) -> None:
    for _ in range(1000):
        desk.inbox.on_datagram(bytes(28), PATH)
    assert len(desk.events) < 200
    assert desk.tally.drops()["ike_rate"] == 1000 - len(desk.events)


def test_what_the_network_says_comes_from_either_side(desk: Desk) -> None:
    desk.inbox.on_unreachable("192.0.2.2", "refused")
    desk.inbox.on_worker(Network("192.0.2.2", "refused"))
    assert desk.events == [Unreachable("192.0.2.2", "refused")] * 2


def test_a_peer_elsewhere_and_a_peer_heard_are_told(desk: Desk) -> None:
    desk.tally.open(300, 1.0)
    desk.inbox.on_worker(Moved(300, "192.0.2.7", 9))
    desk.inbox.on_worker(Traffic({}, ((300, 1, 100, 0, 0), (301, 1, 100, 0, 0))))
    assert desk.events == [PathChanged(300, ("192.0.2.7", 9)), ChildrenHeard(frozenset({300}))]


@pytest.mark.parametrize("message", [Acquired("nobody", FLOW), Limit(1, False), Limit(1, True)])
def test_a_name_or_number_that_nobody_has_means_nothing(desk: Desk, message: Message) -> None:
    desk.inbox.on_worker(message)
    assert (desk.events, desk.acquired) == ([], [])


def test_a_waiting_packet_finds_its_tunnel(desk: Desk) -> None:
    desk.inbox.on_worker(Acquired(desk.tunnel.name, FLOW))
    assert desk.acquired == [(desk.tunnel.name, FLOW)]


def test_a_soft_limit_wants_a_rekey_and_a_hard_one_is_the_end(desk: Desk) -> None:
    desk.inbox.on_worker(Limit(300, False))
    desk.inbox.on_worker(Limit(300, True))
    assert desk.events == [
        RekeyWanted(300, "its packets or octets near their limit"),
        ChildExpired(300),
    ]


def test_a_message_that_only_the_worker_is_sent_is_odd(desk: Desk) -> None:
    desk.inbox.on_worker(Policies((), ()))
    assert desk.tally.drops() == {"ike_odd_message": 1}


def test_how_the_worker_moves_packets_is_kept_until_it_ends(desk: Desk) -> None:
    desk.inbox.on_worker(Chosen(("vnet", "gso")))
    assert (desk.tally.means, desk.events) == (("vnet", "gso"), [])
    desk.tally.restarted()
    assert desk.tally.means == ()
