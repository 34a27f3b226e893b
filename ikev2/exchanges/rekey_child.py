"""CREATE_CHILD_SA that renews a child, as its initiator (RFC 7296 sections 1.3.3 and 2.8).

The new child is installed and used at once; then the old one is deleted, and what the peer had
already sent on it is taken for a while.  A child that both ends renew at once ends in one.
"""

from ikecore.actions import Action, Reason, ReauthWanted
from ikecore.profile import ChildProfile
from ikecore.proposals import Suite
from ikev2.child import Child
from ikev2.exchanges.create_child import CreateChild
from ikev2.exchanges.creation import Creation, failed
from ikev2.exchanges.delete_child import replace_by
from ikev2.payloads.notify import Notify
from ikev2.payloads.types import NotifyType
from ikev2.sa import IkeSa
from suites.kex import Group


class RekeyChild(Creation):
    """Our request to renew the child ``old``."""

    def __init__(self, old: Child, why: str, group: Group | None = None) -> None:
        super().__init__(old.wanted, why, group)
        self.old = old

    def is_moot(self, sa: IkeSa) -> bool:
        """Return whether the child is gone, or replaced already."""
        return not self._is_there(sa) or not self.old.is_live

    def _is_there(self, sa: IkeSa) -> bool:
        return sa.children.get(self.old.spi) is self.old

    def has_elder(self, sa: IkeSa) -> bool:
        """Return whether the old child is still there."""
        return self._is_there(sa)

    def asked(self, _sa: IkeSa) -> ChildProfile:
        """Return what stood (section 2.9.2)."""
        return ChildProfile(self.old.spec.local_ts, self.old.spec.remote_ts)

    def renews(self, _sa: IkeSa) -> Suite:
        """Return the algorithms in use."""
        return self.old.spec.suite

    def head(self, _sa: IkeSa) -> tuple[Notify, ...]:
        """Name the child that is renewed, by our inbound SPI."""
        spi = self.old.spi.to_bytes(4, "big")
        protocol = self.old.spec.suite.protocol
        return (Notify(NotifyType.REKEY_SA, protocol=protocol, spi=spi),)

    def again(self, group: Group | None) -> "RekeyChild":
        """Return the same request anew."""
        return RekeyChild(self.old, self.why, group)

    def replaces(self, sa: IkeSa) -> int:
        """Return the old child's SPI, or that of the peer's, which replaced it before."""
        return super().replaces(sa) or self.old.spi

    def made(self, sa: IkeSa, child: Child, now: float) -> list[Action]:
        """Delete the old child, unless it is gone."""
        return replace_by(sa, self.old, child, now) if self._is_there(sa) else []

    def refused(self, sa: IkeSa, notify: int, now: float) -> list[Action]:
        """Keep the old child, or make it anew where the peer has lost it (section 2.25)."""
        if not self._is_there(sa) or self.old.heir:
            return []  # the peer has deleted or renewed it itself
        if notify == NotifyType.CHILD_SA_NOT_FOUND:
            gone = sa.drop_child(self.old, Reason.PEER_DELETED, now)
            return [*gone, *sa.start(CreateChild(self.wanted, "the peer had lost it"), now)]
        told = failed(sa, self.wanted, notify)
        if notify == NotifyType.NO_ADDITIONAL_SAS:  # a peer that never renews (section 1.3)
            return [told, ReauthWanted(sa.sa, sa.connection)]
        return [told]
