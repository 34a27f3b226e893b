"""Where an ISAKMP SA stands."""

from enum import Enum


class State(Enum):
    """Where an ISAKMP SA stands."""

    NEGOTIATING = "phase 1"
    CONFIGURING = "authenticated; XAUTH or mode config is under way"
    ESTABLISHED = "established"
    REPLACED = "replaced by a newer one"
    CLOSED = "closed"
