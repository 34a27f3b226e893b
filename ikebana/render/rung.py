"""One line of a ladder diagram: a message with its payloads' labels, and the arrow.

Imports nothing heavy: the command line draws with it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from ikebana.render.text import clean, fit

WIDTH: Final = 80
LEAST: Final = 40
_AGAIN: Final = " (again)"
_SHORT: Final = (
    ("NAT_DETECTION_SOURCE_IP", "NATD_S_IP"),
    ("NAT_DETECTION_DESTINATION_IP", "NATD_D_IP"),
    ("IKEV2_FRAGMENTATION_SUPPORTED", "FRAG_SUP"),
    ("SIGNATURE_HASH_ALGORITHMS", "HASH_ALG"),
    ("REDIRECT_SUPPORTED", "REDIR_SUP"),
    ("INITIAL_CONTACT", "INIT_CONTACT"),
    ("MOBIKE_SUPPORTED", "MOBIKE_SUP"),
    ("NO_ADDITIONAL_SAS", "NO_ADD_SAS"),
    ("NO_PROPOSAL_CHOSEN", "NO_PROP"),
    ("AUTHENTICATION_FAILED", "AUTH_FAILED"),
    ("INVALID_KE_PAYLOAD", "INVAL_KE"),
    ("TS_UNACCEPTABLE", "TS_UNACCEPT"),
    ("CHILDLESS_IKEV2_SUPPORTED", "CHDLESS_SUP"),
    ("ESP_TFC_PADDING_NOT_SUPPORTED", "ESP_TFC_PAD_N"),
    ("NON_FIRST_FRAGMENTS_ALSO", "NON_FIRST_FRAG"),
    ("ADDITIONAL_TS_POSSIBLE", "ADD_TS"),
)


class Shown(Protocol):
    """What a line shows: a :class:`Rung`, or a message told over the control socket."""

    @property
    def sent(self) -> bool:
        """Tell whether it went from left to right."""

    @property
    def exchange(self) -> str:
        """Return the exchange's name."""

    @property
    def response(self) -> bool:
        """Tell a response from a request."""

    @property
    def message_id(self) -> int:
        """Return the message ID."""

    @property
    def labels(self) -> Sequence[str]:
        """Return the payloads' labels."""

    @property
    def again(self) -> bool:
        """Tell whether it went by before."""


@dataclass(frozen=True, slots=True)
class Rung:
    """One message of the diagram."""

    sent: bool
    exchange: str
    response: bool
    message_id: int
    labels: tuple[str, ...] = ()
    again: bool = False


def rung(record: Shown, width: int = WIDTH) -> str:
    """Return one message's line: ``IKE_SA_INIT 0 [SA KE No] ───▶``, from the right ``◀─── …``."""
    room = max(width, LEAST) - 8  # bars, blanks and the shortest arrow
    text = message(record, room)
    shaft = "─" * (max(width, LEAST) - len(text) - 5)
    return f"│ {text} {shaft}▶│" if record.sent else f"│◀{shaft} {text} │"


def message(record: Shown, width: int) -> str:
    """Return ``IKE_AUTH 1 [IDi AUTH SA TSi TSr]`` in at most ``width`` characters.

    Labels come in full, then in their short forms, then the last ones as ``+3``.
    """
    again = _AGAIN if record.again else ""
    head = f"{fit(record.exchange, 24)} {record.message_id}"
    room = width - len(head) - len(again)
    return fit(f"{head}{_labels(record.labels, room)}{again}", width)


def _labels(labels: Sequence[str], room: int) -> str:
    full = tuple(clean(label) for label in labels)
    brief = tuple(_short(label) for label in full)
    for shown in (full, brief):
        text = f" [{' '.join(shown)}]"
        if len(text) <= room:
            return text
    for kept in range(len(brief) - 1, 0, -1):
        text = f" [{' '.join(brief[:kept])} +{len(brief) - kept}]"
        if len(text) <= room:
            return text
    return f" [+{len(brief)}]"


def _short(label: str) -> str:
    for name, brief in _SHORT:
        label = label.replace(name, brief)
    return label
