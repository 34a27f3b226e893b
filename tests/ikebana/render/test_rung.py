"""A message in the room there is."""

import pytest

from ikebana.render.rung import Rung, message, rung


def test_arrow_points_where_the_message_goes() -> None:
    assert rung(Rung(True, "IKE_AUTH", False, 1), 40) == "│ IKE_AUTH 1 [] ──────────────────────▶│"
    assert rung(Rung(False, "IKE_AUTH", True, 1), 40) == "│◀────────────────────── IKE_AUTH 1 [] │"


def test_labels_come_in_short_forms_when_the_long_ones_do_not_fit() -> None:
    labels = "SA KE No N(NAT_DETECTION_SOURCE_IP) N(NAT_DETECTION_DESTINATION_IP)"
    one = Rung(True, "IKE_SA_INIT", False, 0, tuple(labels.split()))
    assert message(one, 120).endswith("N(NAT_DETECTION_DESTINATION_IP)]")
    assert message(one, 60) == "IKE_SA_INIT 0 [SA KE No N(NATD_S) N(NATD_D)]"
    assert message(one, 40) == "IKE_SA_INIT 0 [SA KE No N(NATD_S) +1]"
    assert message(one, 36) == "IKE_SA_INIT 0 [SA KE No +2]"


@pytest.mark.parametrize(
    ("exchange", "labels"),
    [
        (
            "IKE_SA_INIT",
            "SA KE No N(NAT_DETECTION_SOURCE_IP) N(NAT_DETECTION_DESTINATION_IP) "
            "N(IKEV2_FRAGMENTATION_SUPPORTED) N(CHILDLESS_IKEV2_SUPPORTED)",
        ),
        (
            "IKE_AUTH",
            "IDi N(INITIAL_CONTACT) IDr AUTH N(MOBIKE_SUPPORTED) N(NO_ADDITIONAL_ADDRESSES) "
            "SA TSi TSr",
        ),
        (
            "CREATE_CHILD_SA",
            "N(REKEY_SA) N(USE_TRANSPORT_MODE) N(NON_FIRST_FRAGMENTS_ALSO) SA No KE TSi TSr",
        ),
        ("CREATE_CHILD_SA", "N(ADDITIONAL_TS_POSSIBLE) SA No KE TSi TSr"),
        (
            "INFORMATIONAL",
            "N(UPDATE_SA_ADDRESSES) N(NAT_DETECTION_SOURCE_IP) N(NAT_DETECTION_DESTINATION_IP) "
            "N(COOKIE2)",
        ),
        ("INFORMATIONAL", "N(UPDATE_SA_ADDRESSES) N(NO_NATS_ALLOWED) N(COOKIE2)"),
        ("INFORMATIONAL", "N(ADDITIONAL_IP4_ADDRESS) " * 3 + "N(ADDITIONAL_IP6_ADDRESS)"),
    ],
)
def test_what_we_usually_say_fits_a_terminal_whole(exchange: str, labels: str) -> None:
    line = rung(Rung(True, exchange, False, 9, tuple(labels.split())))
    assert len(line) == 80
    assert line.count(" ", line.index("["), line.index("]")) == len(labels.split()) - 1
    assert "+" not in line


def test_message_without_payloads_has_empty_brackets() -> None:
    assert message(Rung(True, "INFORMATIONAL", False, 2), 40) == "INFORMATIONAL 2 []"


def test_labels_from_a_peer_cannot_leave_their_line() -> None:
    assert rung(Rung(True, "IKE\x1b[2J", False, 0, ("N(\r\n\x9b)",))).isprintable()


def test_ikev1s_message_ids_are_hexadecimal_and_phase_1_has_none() -> None:
    phase1 = Rung(True, "MAIN", False, 0, ("SA", "V"), version=1)
    assert message(phase1, 40) == "MAIN [SA V]"
    quick = Rung(True, "QUICK", False, 0xABCDEF, ("HASH",), again=True, version=1)
    assert message(quick, 40) == "QUICK 00abcdef [HASH] (again)"


@pytest.mark.parametrize(
    ("exchange", "number", "labels"),
    [
        ("MAIN", 0, "SA V V V V V V V V V V V V"),
        ("MAIN", 0, "KE No NAT-D NAT-D NAT-D"),
        ("AGGRESSIVE", 0, "SA KE No ID HASH V V V V V V V NAT-D NAT-D"),
        (
            "QUICK",
            0x89ABCDEF,
            "HASH SA No KE IDci IDcr NAT-OA NAT-OA N(RESPONDER_LIFETIME)",
        ),
        ("INFORMATIONAL", 0x89ABCDEF, "HASH N(INVALID_ID_INFORMATION) N(INITIAL_CONTACT)"),
        ("INFORMATIONAL", 0x89ABCDEF, "HASH D(12) D(12) D(ISAKMP)"),
        ("TRANSACTION", 0x89ABCDEF, "HASH ATTR(REPLY)"),
    ],
)
def test_what_ikev1_usually_says_fits_too(exchange: str, number: int, labels: str) -> None:
    line = rung(Rung(True, exchange, False, number, tuple(labels.split()), version=1))
    assert len(line) == 80
    assert line.count(" ", line.index("["), line.index("]")) == len(labels.split()) - 1
    assert "+" not in line
