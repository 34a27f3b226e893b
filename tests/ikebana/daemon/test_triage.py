"""Which datagrams are worked on during a flood."""

from ikebana.daemon.triage import Triage
from ikebana.rate import Rate

PEER, STRANGER = "192.0.2.2", "203.0.113.9"
FIRST = bytes(range(8)) + bytes(8) + b"\x21\x20\x22\x08"
LATER = bytes(range(16)) + b"\x2e\x20\x25\x08"
IKEV1 = bytes(range(8)) + bytes(8) + b"\x01\x10\x02\x00"


def triage(*majors: int) -> Triage:
    return Triage(lambda address: address == PEER, (majors or (2,)).__contains__)


def test_a_rate_takes_a_burst_and_then_so_many_a_second() -> None:
    rate = Rate(10.0, 5.0)
    assert [rate.takes(100.0) for _ in range(6)] == [True] * 5 + [False]
    assert [rate.takes(100.2) for _ in range(3)] == [True, True, False]


def test_a_flood_of_first_messages_is_cut_to_its_rate() -> None:
    one = triage()
    taken = sum(one.admits(FIRST, PEER, at / 10_000) for at in range(20_000))
    assert 2000 <= taken <= 2600


def test_a_flood_from_strangers_takes_nothing_from_the_peers() -> None:
    one = triage()
    for at in range(20_000):
        one.admits(FIRST, STRANGER, at / 10_000)
    assert all(one.admits(FIRST, PEER, 2.0) for _ in range(100))


def test_what_names_an_sa_passes_during_any_flood() -> None:
    one = triage()
    while one.admits(FIRST, PEER, 1.0):
        pass
    assert one.admits(LATER, PEER, 1.0)


def test_what_names_an_sa_of_ikev1_passes_where_that_is_in_service() -> None:
    one = triage(1, 2)
    while one.admits(FIRST, PEER, 1.0):
        pass
    assert not one.admits(IKEV1, PEER, 1.0)
    assert one.admits(IKEV1[:8] + LATER[8:16] + IKEV1[16:], PEER, 1.0)
    assert one.admits(LATER, PEER, 1.0)


def test_other_versions_and_octets_too_few_for_a_header_count_as_first_messages() -> None:
    for octets in (IKEV1, IKEV1[:8] + LATER[8:16] + IKEV1[16:], b"", LATER[:17]):
        one = triage()
        while one.admits(FIRST, PEER, 1.0):
            pass
        assert not one.admits(octets, PEER, 1.0)
