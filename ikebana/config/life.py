"""How a connection lives: who begins it, what keeps it, what follows when it ends."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field, Strict

from ikebana.config.fields import Model


class Initiation(StrEnum):
    """Who begins the negotiation."""

    ACTIVE = "active"
    ON_DEMAND = "on_demand"
    PASSIVE = "passive"


class RoutingMode(StrEnum):
    """What decides which packets a connection carries."""

    POLICY = "policy"
    DESTINATION = "destination"


class DpdAction(StrEnum):
    """What happens when the peer is found dead."""

    RESTART = "restart"
    CLEAR = "clear"
    HOLD = "hold"
    NONE = "none"


class CloseAction(StrEnum):
    """What happens when the peer deletes the connection's last child, or its IKE SA."""

    RESTART = "restart"
    CLEAR = "clear"
    HOLD = "hold"


class Dpd(Model):
    """Dead peer detection: ``[connection.dpd]``."""

    enabled: bool = Field(default=True, description="Whether a silent peer is probed.")
    interval_s: int = Field(
        default=8,
        ge=1,
        le=3600,
        description="Seconds without an authenticated packet until a probe.",
    )
    timeout_s: int = Field(
        default=30,
        ge=10,
        le=3600,
        description="Seconds from the first unanswered probe until the peer is dead.",
    )
    action: Annotated[DpdAction, Strict(False)] = Field(
        default=DpdAction.RESTART,
        description="What follows: `restart` negotiates at once (`passive` waits), "
        "`clear` stays down, `hold` waits for the next packet, `none` only reports.",
    )


class Retry(Model):
    """Tries and retransmissions: ``[connection.retry]``."""

    count: int = Field(
        default=3,
        ge=1,
        le=100,
        description="Tries, 2 s apart, after the first, until the state says failed.",
    )
    interval_s: int = Field(
        default=12,
        ge=1,
        le=3600,
        description="Seconds from a failure to the next try from then on, ±10 %.",
    )
    try_timeout_s: int = Field(
        default=10, ge=3, le=300, description="Seconds without an answer that end a try."
    )
    first_s: float = Field(
        default=0.5, ge=0.05, le=60, description="Seconds until a request is sent again."
    )
    factor: float = Field(
        default=1.8, ge=1, le=10, description="Each wait is this many times the one before."
    )
