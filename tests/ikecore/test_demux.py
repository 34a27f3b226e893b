"""Whose a datagram, an SA or a child is, of two IKE versions."""

from dataclasses import replace

from ikecore.actions import Action, Dropped, Failed
from ikecore.demux import Demux
from ikecore.diagnosis import Code
from ikecore.events import (
    CloseWanted,
    Configured,
    DatagramReceived,
    Event,
    Initiate,
    RekeyWanted,
)
from ikecore.profile import IkeVersion
from policy.path import Path
from tests.ikev2.network import MOON, SUN, profile

HERE = Path((MOON, 500), (SUN, 500))


class Listener:
    """An endpoint that only notes what it is told."""

    half_open = 1

    def __init__(self, name: str, sa: bytes, spi: int, timeout: float | None) -> None:
        self.sa, self.spi, self.timeout = sa, spi, timeout
        self.remotes = frozenset((name,))
        self.heard: list[Event] = []
        self.at = 0.0

    def handle(self, event: Event, now: float) -> list[Action]:
        self.heard.append(event)
        self.at = now
        return []

    def handle_timeout(self, now: float) -> list[Action]:
        return [Dropped(str(self.spi), f"{now}")]

    def next_timeout(self) -> float | None:
        return self.timeout

    def has_sa(self, sa: bytes) -> bool:
        return sa == self.sa

    def has_child(self, spi: int) -> bool:
        return spi == self.spi

    def path_of(self, sa: bytes) -> Path | None:
        return HERE if sa == self.sa else None

    def knows(self, address: str) -> bool:
        return address in self.remotes


def two() -> tuple[Demux, Listener, Listener]:
    old, new = Listener("old", b"1" * 8, 1000, 7.0), Listener("new", b"2" * 8, 2000, None)
    return Demux({1: old, 2: new}), old, new


def datagram(version: int) -> DatagramReceived:
    return DatagramReceived(bytes(17) + bytes((version,)) + bytes(10), HERE)


def test_a_datagram_goes_to_the_endpoint_of_its_major_version() -> None:
    demux, old, new = two()
    demux.handle(datagram(0x10), 0.0)
    demux.handle(datagram(0x20), 0.0)
    assert (len(old.heard), len(new.heard)) == (1, 1)


def test_an_unknown_version_and_a_stump_go_to_the_newest_which_answers_for_all() -> None:
    demux, old, new = two()
    demux.handle(datagram(0x30), 0.0)
    demux.handle(DatagramReceived(b"\x10", HERE), 0.0)
    assert (len(old.heard), len(new.heard)) == (0, 2)


def test_without_ikev1_its_datagrams_go_to_ikev2_which_says_so() -> None:
    new = Listener("new", b"2" * 8, 2000, None)
    Demux({2: new}).handle(datagram(0x10), 0.0)
    assert len(new.heard) == 1


def test_an_event_goes_to_who_has_the_sa_or_the_child() -> None:
    demux, old, new = two()
    demux.handle(CloseWanted(b"1" * 8), 0.0)
    demux.handle(RekeyWanted(2000, "age"), 0.0)
    assert (old.heard, new.heard) == ([CloseWanted(b"1" * 8)], [RekeyWanted(2000, "age")])
    assert demux.handle(CloseWanted(b"3" * 8), 0.0) == [Dropped("no_sa")]


def test_the_configuration_is_told_to_all() -> None:
    demux, old, new = two()
    demux.handle(Configured(()), 0.0)
    assert old.heard == new.heard == [Configured(())]


def test_a_connection_begins_with_its_own_version_and_any_with_the_newest() -> None:
    demux, old, new = two()
    for version in IkeVersion:
        demux.handle(Initiate(replace(profile(), version=version), HERE), 0.0)
    assert [len(old.heard), len(new.heard)] == [1, 2]


def test_a_version_that_is_not_there_is_a_failure_with_its_reason() -> None:
    demux = Demux({2: Listener("new", b"2" * 8, 2000, None)})
    (failed,) = demux.handle(Initiate(replace(profile(), version=IkeVersion.IKEV1), HERE), 0.0)
    assert isinstance(failed, Failed)
    assert failed.diagnosis.code is Code.IKE_VERSION_MISMATCH
    assert not demux.speaks(1)


def test_times_and_tables_are_those_of_all() -> None:
    demux, _, _ = two()
    assert demux.next_timeout() == 7.0
    told = [Dropped("1000", "0.0"), Dropped("2000", "0.0")]
    assert list(demux.handle_timeout(0.0)) == told
    assert demux.half_open == 2
    assert demux.remotes == {"old", "new"}
    assert demux.knows("old")
    assert not demux.knows("nobody")
    assert demux.path_of(b"1" * 8) == HERE
    assert demux.path_of(b"9" * 8) is None
    assert demux.has_sa(b"2" * 8)
    assert demux.has_child(1000)
    later = Demux({2: Listener("new", b"2" * 8, 2000, None)})
    later.add(1, Listener("old", b"1" * 8, 1000, None))
    assert later.speaks(1)
