from ikebana.daemon.blame import Blame, note
from ikecore.diagnosis import Code, Diagnosis, Finding, diagnose

PROVED = diagnose(1, Code.PSK_MISMATCH)
CAUSES = (Finding(Code.PSK_MISMATCH), Finding(Code.PEER_IDENTITY_MISMATCH))
GUESS = Diagnosis(1, Code.AUTH_REFUSED_BY_PEER, CAUSES)


def test_a_guess_does_not_replace_what_the_peers_try_proved_a_minute_long() -> None:
    blame = Blame()
    blame.take_theirs(PROVED, 100.0)
    blame.take_ours(GUESS, 160.0)
    assert blame.reason is PROVED
    blame.take_ours(GUESS, 160.1)
    assert blame.reason is GUESS


def test_once_both_ends_agreed_a_proof_of_before_counts_no_more() -> None:
    blame = Blame()
    blame.take_theirs(PROVED, 100.0)
    blame.forget_proof()
    blame.take_ours(GUESS, 101.0)
    assert blame.reason is GUESS


def test_a_flood_of_failures_is_a_line_a_second() -> None:
    blame = Blame()
    lines = [blame.note_theirs(PROVED, 100.0 + n / 100) for n in range(250)]
    assert [line for line in lines if line] == [[note(PROVED)]] * 3
