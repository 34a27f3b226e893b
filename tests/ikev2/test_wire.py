"""The wire between two ends, and the packets that cross it."""

from ikecore.events import ProbeWanted
from ikev2.message import Exchange
from ikev2.payloads.notify import Notify

from .eavesdropper import saying
from .network import Network
from .wire import Letter, request, response

INFORM = Exchange.INFORMATIONAL


def connected() -> Network:
    net = Network()
    net.initiate("moon")
    return net


def probe(net: Network, name: str = "moon") -> None:
    net.tell(name, ProbeWanted(net.up(name)[0]))


def letters(net: Network) -> list[Letter]:
    return [letter for letter, _ in net.letters if letter.exchange == INFORM]


def test_letters_are_counted_by_sender_exchange_and_direction() -> None:
    net = connected()
    net.lose_when(response("sun", INFORM, 1))
    probe(net)
    net.sleep(1)
    probe(net)
    probe(net, "sun")
    net.sleep(1)
    assert [(x.sender, x.response, x.number, x.copy) for x in letters(net)] == [
        ("moon", False, 1, 0),
        ("sun", True, 1, 0),
        ("moon", False, 1, 1),
        ("sun", True, 1, 1),
        ("moon", False, 2, 0),
        ("sun", False, 1, 0),
        ("sun", True, 2, 0),
        ("moon", True, 1, 0),
    ]


def test_a_letter_is_lost_delayed_or_doubled_by_name() -> None:
    net = connected()
    net.lose_when(request("moon", INFORM, 1))
    net.delay_when(response("sun", INFORM, copy=0), 0.2)
    net.double_when(response("sun", INFORM, 1), 0.1)
    start = net.now
    probe(net)
    net.sleep(5)
    flights = [[round(at - start, 3) for at in came] for x, came in net.letters if x.at >= start]
    assert flights == [[], [0.51], [0.72, 0.82]]


def test_an_end_says_something_else_and_repeats_it_alike() -> None:
    net = connected()
    net.change_when(request("moon", INFORM), saying(Notify(40961, b"hello")))
    net.lose_when(request("moon", INFORM))
    probe(net)
    net.sleep(1)
    asked = [letter.data for letter in letters(net) if not letter.response]
    assert len(asked) == 2
    assert len(set(asked)) == 1
    message = net.ear.read(asked[0])
    assert message is not None
    assert message.payloads == (Notify(40961, b"hello"),)
    assert net.story("sun")[-2:] == ["< INFORMATIONAL 2 N(40961)", "> INFORMATIONAL 2"]


def test_packets_are_tallied_by_what_became_of_them() -> None:
    net = Network()
    net.stream(1.0)
    net.sleep(0.5)
    assert net.traffic.blocked == [(0.0, "moon"), (0.0, "sun")]
    net.initiate("moon")
    net.sleep(1)
    assert net.traffic.arrived == {"moon": 1, "sun": 1}
    net.packet_delays = lambda _: []
    net.sleep(1)
    assert net.traffic.lost_by_wire == 2
    net.packet_delays = lambda _: [0.1]
    net.sleep(1)
    net.restart("sun")
    net.sleep(2)
    assert {packet.sender for packet in net.traffic.lost} == {"moon"}
    assert not any(packet.is_late for packet in net.traffic.lost)  # this sun never had it
    assert net.traffic.last["moon"].sent_at == 5.0
