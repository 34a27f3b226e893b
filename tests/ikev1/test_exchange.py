"""What an SA waits for, by default nothing; and what phase 2 does not care for."""

from ikecore.actions import Dropped
from ikecore.lease import Lease
from ikev1.exchange import Phase2, Waiting
from suites.secret import Secret

from .alone import lone


def test_who_waits_for_nothing_takes_nothing() -> None:
    sa, nothing, secret = lone(), Waiting(), Secret(b"")
    refusal = [Dropped("not_waiting")]
    assert nothing.authorized(sa, secret, 0.0) == refusal
    assert nothing.refused(sa, 0.0) == refusal
    assert nothing.credentials(sa, "alice", secret, 0.0) == refusal
    assert nothing.accepted(sa, 0.0) == refusal
    assert nothing.leased(sa, Lease("10.9.0.1"), 0.0) == refusal


def test_phase_2_answers_repeats_and_minds_no_noise() -> None:
    assert Phase2().answers_repeats
    assert Phase2().on_unreadable(lone()) == []
