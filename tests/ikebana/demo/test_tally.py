"""What was counted proves something, or says why not."""

from ikebana.demo.tally import PHRASE, Tally
from ikebana.demo.wire import Kind
from tests.ikebana.demo.frames import ARP, SPI, ike, packet, udp


def proof() -> Tally:
    tally = Tally()
    tally.packet(packet(17, udp(500, 500, ike())))
    tally.packet(packet(50, SPI + bytes(60)))
    return tally


def test_ike_and_esp_alone_prove_it() -> None:
    tally = proof()
    tally.frame(ARP)
    assert tally.problems() == []
    assert tally.lines() == [
        "         1  IKE, UDP port 500",
        "         1  ESP, IP protocol 50",
        "         1  ARP, ICMPv6 neighbours and listeners",
        "         0  anything else",
        "         3  of these searched for what was sent: found in none",
    ]


def test_strangers_are_named_but_not_all_of_them() -> None:
    tally = proof()
    for _ in range(7):
        tally.packet(packet(1, bytes(8)))
    *named, more = tally.problems()
    told = "10.99.0.1 → 10.99.0.2 protocol 1, 28 octets"
    assert named == [f"on the wire and neither IKE nor ESP: {told}"] * 5
    assert more == "and 2 more"


def test_what_was_sent_must_not_be_seen_whatever_carries_it() -> None:
    tally = proof()
    tally.packet(packet(50, SPI + bytes(8) + PHRASE))
    assert tally.problems() == ["1 packets show in clear what was sent"]
    assert tally.lines()[-1].endswith("found in 1")


def test_nothing_is_proved_by_what_was_not_seen() -> None:
    tally = proof()
    tally.missed = 3
    assert tally.problems() == ["3 packets went by unseen: nothing is proved"]
    assert len(Tally().problems()) == 2


def test_what_the_kernel_has_counted_is_looked_at_without_being_counted() -> None:
    tally = proof()
    tally.counts[Kind.ESP] = 1000
    tally.frame(bytes(12) + b"\x08\x00" + packet(50, SPI + PHRASE), counted=False)
    assert tally.counts[Kind.ESP] == 1000
    assert tally.in_clear == 1
