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
    ("NAT_DETECTION_SOURCE_IP", "NATD_S"),
    ("NAT_DETECTION_DESTINATION_IP", "NATD_D"),
    ("IKEV2_FRAGMENTATION_SUPPORTED", "FRAG"),
    ("CHILDLESS_IKEV2_SUPPORTED", "CHILDLESS"),
    ("SIGNATURE_HASH_ALGORITHMS", "HASH_ALG"),
    ("REDIRECT_SUPPORTED", "REDIRECT"),
    ("UNSUPPORTED_CRITICAL_PAYLOAD", "CRITICAL"),
    ("NO_PROPOSAL_CHOSEN", "NO_PROPOSAL"),
    ("INVALID_KE_PAYLOAD", "INVALID_KE"),
    ("INITIAL_CONTACT", "CONTACT"),
    ("AUTHENTICATION_FAILED", "AUTH_FAILED"),
    ("EAP_ONLY_AUTHENTICATION", "EAP_ONLY"),
    ("MULTIPLE_AUTH_SUPPORTED", "MULTI_AUTH"),
    ("IKEV2_MESSAGE_ID_SYNC_SUPPORTED", "ID_SYNC"),
    ("SET_WINDOW_SIZE", "WINDOW"),
    ("AUTH_LIFETIME", "AUTH_LIFE"),
    ("TS_UNACCEPTABLE", "TS_REFUSED"),
    ("SINGLE_PAIR_REQUIRED", "ONE_PAIR"),
    ("NO_ADDITIONAL_SAS", "NO_MORE_SAS"),
    ("TEMPORARY_FAILURE", "TEMP_FAILURE"),
    ("CHILD_SA_NOT_FOUND", "NO_SUCH_CHILD"),
    ("ADDITIONAL_TS_POSSIBLE", "MORE_TS"),
    ("REKEY_SA", "REKEY"),
    ("USE_TRANSPORT_MODE", "TRANSPORT"),
    ("NON_FIRST_FRAGMENTS_ALSO", "NON_FIRST"),
    ("ESP_TFC_PADDING_NOT_SUPPORTED", "NO_TFC"),
    ("IPCOMP_SUPPORTED", "IPCOMP"),
    ("MOBIKE_SUPPORTED", "MOBIKE"),
    ("NO_ADDITIONAL_ADDRESSES", "NO_ADDRS"),
    ("ADDITIONAL_IP4_ADDRESS", "ADDR4"),
    ("ADDITIONAL_IP6_ADDRESS", "ADDR6"),
    ("UPDATE_SA_ADDRESSES", "UPDATE_ADDRS"),
    ("UNACCEPTABLE_ADDRESSES", "ADDRS_REFUSED"),
    ("NO_NATS_ALLOWED", "NO_NATS"),
    ("UNEXPECTED_NAT_DETECTED", "NAT_FOUND"),
    ("RESPONDER_LIFETIME", "LIFETIME"),
    ("ATTRIBUTES_NOT_SUPPORTED", "NO_ATTRIBUTES"),
    ("INVALID_ID_INFORMATION", "INVALID_ID"),
    ("INVALID_KEY_INFORMATION", "INVALID_KEY"),
    ("INVALID_HASH_INFORMATION", "INVALID_HASH"),
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

    @property
    def version(self) -> int:
        """Return IKE's major version."""


@dataclass(frozen=True, slots=True)
class Rung:
    """One message of the diagram."""

    sent: bool
    exchange: str
    response: bool
    message_id: int
    labels: tuple[str, ...] = ()
    again: bool = False
    version: int = 2


def rung(record: Shown, width: int = WIDTH) -> str:
    """Return one message's line: ``IKE_SA_INIT 0 [SA KE No] ───▶``, from the right ``◀─── …``."""
    room = max(width, LEAST) - 8  # bars, blanks and the shortest arrow
    text = message(record, room)
    shaft = "─" * (max(width, LEAST) - len(text) - 5)
    return f"│ {text} {shaft}▶│" if record.sent else f"│◀{shaft} {text} │"


def message(record: Shown, width: int) -> str:
    """Return ``IKE_AUTH 1 [IDi AUTH SA TSi TSr]`` in at most ``width`` characters.

    With IKEv1 it is ``MAIN [SA V]`` and ``QUICK 5f0a91c2 [HASH SA No]``.  Labels come in full,
    then in their short forms, then the last ones as ``+3``.
    """
    again = _AGAIN if record.again else ""
    head = f"{fit(record.exchange, 24)} {number(record.version, record.message_id)}".rstrip()
    room = width - len(head) - len(again)
    return fit(f"{head}{_labels(record.labels, room)}{again}", width)


def number(version: int, message_id: int) -> str:
    """Return a message ID as it is read: IKEv2 counts, IKEv1 draws them at random.

    Phase 1 of IKEv1 has none: 0 (RFC 2408 section 3.1).
    """
    if version > 1:
        return str(message_id)
    return f"{message_id:08x}" if message_id else ""


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
