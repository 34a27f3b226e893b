"""One line for each thing that happens."""

from dataclasses import replace

import pytest

from ikebana.control.view import Level
from ikebana.daemon.tell import is_change, tell, tell_record
from ikecore.actions import (
    ChildClosed,
    ChildEstablished,
    Closed,
    Established,
    Failed,
    Moved,
    Noted,
    Reason,
    ReauthWanted,
)
from ikecore.diagnosis import Code, diagnose
from ikecore.identities import Identity
from ikecore.proposals import Protocol, Suite
from ikecore.trace import MessageTraced, Retransmitted, StateChanged
from policy.path import Path
from policy.selectors import TrafficSelector
from suites.encr import ENCR_BY_NAME

SA = b"s" * 8
PATH = Path(("192.0.2.1", 500), ("192.0.2.2", 500))
SUITE = Suite(Protocol.ESP, ENCR_BY_NAME["aes128gcm16"])
HERE = (TrafficSelector.from_cidr("10.1.0.0/24"),)
THERE = (TrafficSelector.from_cidr("10.2.0.0/24"),)


def established(*, here: bool = False, there: bool = False) -> Established:
    peer = Identity.parse("sun.lab")
    return Established(SA, "net", True, SA, b"r" * 8, peer, SUITE, PATH, here, there, 0.0)


def child(*, narrowed: bool) -> ChildEstablished:
    return ChildEstablished(SA, "net", 0x1000, 0x2000, SUITE, HERE, THERE, narrowed, 0.0)


def test_an_established_sa_tells_role_peer_suite_and_nat() -> None:
    assert tell(established())[1] == ("IKE SA established as initiator with sun.lab: aes128gcm16",)
    assert tell(established(here=True))[1][0].endswith(", NAT before us")
    assert tell(established(here=True, there=True))[1][0].endswith(", NAT before us and them")


def test_ikev1_wears_its_badge_and_names_the_peers_vendor_and_user() -> None:
    old = replace(established(), version=1)
    assert tell(old)[1][0].startswith("IKEv1 (legacy) SA established as initiator with sun.lab")
    named = replace(old, vendor="strongSwan 5.9.8", user="alice")
    assert tell(named)[1][0].endswith(", peer: strongSwan 5.9.8, user alice")


def test_a_child_tells_its_networks_and_spis() -> None:
    level, (text,), code = tell(child(narrowed=False))
    assert (level, code) == (Level.INFO, "")
    assert "10.1.0.0/24 === 10.2.0.0/24" in text
    assert "00001000 in, 00002000 out" in text


def test_a_narrowed_child_is_a_warning_with_its_code() -> None:
    level, lines, code = tell(child(narrowed=True))
    assert (level, code, len(lines)) == (Level.WARNING, "TS_NARROWED", 2)
    assert "per_mapping_sa" in lines[1]


def test_a_rekey_is_one_line_with_both_spis_the_reason_and_how_long_it_took() -> None:
    new = replace(child(narrowed=False), replaces=0x900, why="soft limit", took=0.046)
    assert tell(new)[1] == (
        "CHILD_SA rekeyed: 00000900 -> 00001000 in, 00002000 out: soft limit, 0.05 s",
    )
    ike = replace(established(), replaces=b"o" * 8, why="lifetime", took=1.0)
    assert tell(ike)[1] == (f"IKE SA rekeyed: {b'oooooooo'.hex()} -> {SA.hex()}: lifetime, 1.00 s",)
    assert tell(Closed(b"o" * 8, "net", True, Reason.REKEYED))[1] == ()
    assert tell(ChildClosed(SA, "net", 0x900, Reason.REKEYED))[1] == ()


def test_rekeys_and_moves_are_changes_and_new_sas_are_not() -> None:
    elsewhere = Path(("192.0.2.1", 500), ("192.0.2.7", 500))
    moved = Moved(SA, "net", PATH, elsewhere, "its NAT gave it another port", 0.2)
    assert "192.0.2.2:500" in tell(moved)[1][0]
    assert [
        is_change(one) for one in (moved, replace(child(narrowed=False), replaces=1), established())
    ] == [True, True, False]
    assert tell(Noted(SA, "net", "something odd"))[1] == ("something odd",)


@pytest.mark.parametrize("reason", [one for one in Reason if one is not Reason.REKEYED])
def test_every_end_tells_its_reason(reason: Reason) -> None:
    level, (text,), _ = tell(Closed(SA, "net", True, reason))
    assert text.endswith(reason.value)
    expected = Level.INFO if reason in (Reason.DELETED, Reason.REPLACED) else level
    assert level is expected


def test_what_the_connection_tells_itself_is_not_told_twice() -> None:
    failed = Failed("net", SA, True, diagnose(1, Code.PEER_NO_RESPONSE))
    assert tell(failed)[1] == ()
    assert tell(ReauthWanted(SA, "net"))[1] == ()
    assert tell(ChildClosed(SA, "net", 0x1000))[1] == ("CHILD_SA 00001000 closed",)


def test_a_message_tells_exchange_direction_peer_and_payloads() -> None:
    record = MessageTraced("net", SA, True, "IKE_SA_INIT", False, 0, ("SA", "KE"), b"x" * 9, PATH)
    assert tell_record(record) == "IKE_SA_INIT request 0 to 192.0.2.2:500 [SA KE], 9 octets"
    old = replace(record, exchange="MAIN", raw=bytes(17) + b"\x10")
    assert tell_record(old) == "MAIN request to 192.0.2.2:500 [SA KE], 18 octets"
    old = replace(old, exchange="QUICK", message_id=0xBEEF, response=True)
    assert "QUICK response 0000beef to" in tell_record(old)


def test_other_records_tell_what_happened() -> None:
    assert "again" in tell_record(Retransmitted("net", SA))
    assert tell_record(StateChanged("net", SA, "a", "b", "because")) == "a -> b: because"
