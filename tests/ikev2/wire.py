"""What lies between the two ends; IKEv2's messages show whether they are responses."""

from tests.pair.wire import (
    DELAY,
    NEVER,
    OTHER,
    Arrival,
    Kind,
    Letter,
    Match,
    Nat,
    Twist,
    Wire,
    request,
    response,
)

__all__ = [
    "DELAY",
    "NEVER",
    "OTHER",
    "Arrival",
    "Kind",
    "Letter",
    "Match",
    "Nat",
    "Twist",
    "Wire",
    "request",
    "response",
]
