"""A message in the room there is."""

from ikebana.render.rung import Rung, message, rung


def test_arrow_points_where_the_message_goes() -> None:
    assert rung(Rung(True, "IKE_AUTH", False, 1), 40) == "│ IKE_AUTH 1 [] ──────────────────────▶│"
    assert rung(Rung(False, "IKE_AUTH", True, 1), 40) == "│◀────────────────────── IKE_AUTH 1 [] │"


def test_labels_come_in_short_forms_when_the_long_ones_do_not_fit() -> None:
    labels = "SA KE No N(NAT_DETECTION_SOURCE_IP) N(NAT_DETECTION_DESTINATION_IP)"
    one = Rung(True, "IKE_SA_INIT", False, 0, tuple(labels.split()))
    assert message(one, 120).endswith("N(NAT_DETECTION_DESTINATION_IP)]")
    assert message(one, 60) == "IKE_SA_INIT 0 [SA KE No N(NATD_S_IP) N(NATD_D_IP)]"
    assert message(one, 40) == "IKE_SA_INIT 0 [SA KE No N(NATD_S_IP) +1]"
    assert message(one, 38) == "IKE_SA_INIT 0 [SA KE No +2]"


def test_message_without_payloads_has_empty_brackets() -> None:
    assert message(Rung(True, "INFORMATIONAL", False, 2), 40) == "INFORMATIONAL 2 []"


def test_labels_from_a_peer_cannot_leave_their_line() -> None:
    assert rung(Rung(True, "IKE\x1b[2J", False, 0, ("N(\r\n\x9b)",))).isprintable()
