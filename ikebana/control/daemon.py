"""What the control socket needs of the daemon, and how the daemon says no."""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Protocol

from ikebana.control.view import ExplainView, LogLine, Outcome, StatusView, Step
from policy.flow import Flow


class NotFound(LookupError):
    """There is no such connection; ``known`` are those that exist."""

    def __init__(self, name: str, known: Sequence[str] = ()) -> None:
        super().__init__(f"no connection {name!r}")
        self.name = name
        self.known = tuple(known)


class Conflict(Exception):
    """The connection's state does not permit it (it is disabled); ``hint`` says what would."""

    def __init__(self, what: str, hint: str = "") -> None:
        super().__init__(what)
        self.hint = hint


class Daemon(Protocol):
    """The daemon as the control socket sees it; every call comes on its event loop.

    Methods that take a name raise :exc:`NotFound`.  A stream that nobody reads any more is closed
    (``aclose`` of an async generator): that ends nothing but the stream.  The daemon bounds what
    it keeps for a stream whose reader is slow.
    """

    def status(self, name: str | None) -> StatusView:
        """Return the gateway and all connections, or the one named."""

    def up(self, name: str, timeout: float) -> AsyncIterator[Step]:
        """Start the connection and tell how it goes; the last item is a ``StepResult``.

        ``timeout`` in seconds bounds the telling, not the negotiation.  May raise
        :exc:`Conflict`.
        """

    async def down(self, name: str) -> None:
        """Delete the connection's SAs and hold it down.  May raise :exc:`Conflict`."""

    async def rekey(self, name: str, ike: bool, wait: float) -> Outcome:
        """Renew the keys of the connection's children, with ``ike`` of its IKE SA too.

        Returns when all of them are renewed or one was refused, after ``wait`` seconds at the
        latest.  That, like cancelling, ends the telling and not the exchange.  Raises
        :exc:`Conflict` when nothing is up.
        """

    async def reauth(self, name: str, wait: float) -> Outcome:
        """Make the next IKE SA with its children, then close the present one.

        Returns and raises as :meth:`rekey` does.
        """

    async def renegotiate(self, name: str, wait: float) -> Outcome:
        """Delete the connection's SAs, if there are any, then start it at once.

        Returns as :meth:`rekey` does; raises :exc:`Conflict` when it is disabled.
        """

    def explain(self, flow: Flow) -> ExplainView:
        """Return which policy a packet falls under, and what comes of it."""

    def log(self, name: str | None) -> Sequence[LogLine]:
        """Return the lines kept, oldest first."""

    def follow(self, name: str | None) -> AsyncIterator[LogLine]:
        """Return the lines that come after this call, for ever.

        They are kept for the reader from the call on, not from the first item's request: nothing
        is lost between :meth:`log` and this.
        """

    async def reload(self) -> Sequence[str]:
        """Read the configuration again; problems as text, and then nothing has changed."""

    def counters(self) -> Mapping[str, int]:
        """Return every counter by name."""
