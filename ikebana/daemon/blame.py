"""Why a connection is not up: which of several diagnoses stands, and which are worth a line."""

from typing import Final

from ikebana.daemon.orders import Note, Order
from ikecore.diagnosis import Diagnosis
from ikecore.timetable import NEVER

_PROOF: Final = 60.0  # seconds in which what our own try may only guess does not replace it
_NOTE_PAUSE: Final = 1.0  # seconds between two lines about peers' failures


class Blame:
    """Keeps the reason that is shown; the last one stays told when the connection is up again.

    Our own try often only guesses what the peer's try, which fails here, proves.
    """

    def __init__(self) -> None:
        self.reason: Diagnosis | None = None
        self._noted_at = -NEVER
        self._proved_at = -NEVER  # when the peer's own try last showed the true cause here

    def take_ours(self, diagnosis: Diagnosis, now: float) -> None:
        """Take what our own try met."""
        if diagnosis.certain or now - self._proved_at > _PROOF:
            self.reason = diagnosis

    def take_theirs(self, diagnosis: Diagnosis, now: float) -> None:
        """Take what a try of the peer met here."""
        self.reason = diagnosis
        if diagnosis.certain:
            self._proved_at = now

    def forget_proof(self) -> None:
        """Take it that both ends agree: what comes next has another cause."""
        self._proved_at = -NEVER

    def note_theirs(self, diagnosis: Diagnosis, now: float) -> list[Order]:
        """Write a failure of the peer down, one a second: anybody can make a flood of them."""
        if now - self._noted_at < _NOTE_PAUSE:
            return []
        self._noted_at = now
        return [note(diagnosis)]


def note(diagnosis: Diagnosis) -> Note:
    """Return the lines about a failure."""
    return Note("warning", diagnosis.lines(), str(diagnosis.code))
