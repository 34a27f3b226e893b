"""INFORMATIONAL that deletes children (RFC 7296 section 1.4.1)."""

from typing import Final

from ikecore.actions import Action, Reason, RetireChild, UseChild
from ikev2.child import Child, ChildState, retire, tell
from ikev2.exchanges.informational import presume_dead
from ikev2.message import Exchange, Message
from ikev2.payloads.chain import Payload
from ikev2.payloads.delete import Delete
from ikev2.sa import IkeSa

_CARRYING: Final = (ChildState.LIVE, ChildState.REKEYED)


class DeleteChild:
    """Tell the peer that these SAs of ours are gone; ``spis`` are inbound ones."""

    kind = Exchange.INFORMATIONAL
    alone = False

    def __init__(self, protocol: int, *spis: int) -> None:
        self._protocol = protocol
        self._spis = spis

    def is_moot(self, _sa: IkeSa) -> bool:
        """Return that the peer has to be told in any case."""
        return False

    def payloads(self, _sa: IkeSa, _now: float) -> tuple[Payload, ...]:
        """Say Delete."""
        return (Delete(self._protocol, self._spis),)

    def on_response(self, sa: IkeSa, _message: Message, now: float) -> list[Action]:
        """Take packets on their way for a while, then forget the children."""
        for spi in self._spis:
            child = sa.children.get(spi)
            if child is not None and child.state is ChildState.DELETING:
                retire(child, now)
        return []

    def on_silence(self, sa: IkeSa, now: float) -> list[Action]:
        """Take it that the peer is gone."""
        return presume_dead(sa, now)


def replace_by(sa: IkeSa, old: Child, heir: Child, now: float) -> list[Action]:
    """Delete ``old``, whose traffic ``heir`` has now."""
    old.heir = heir.spi
    old.state = ChildState.DELETING
    delete = DeleteChild(old.spec.suite.protocol, old.spi)
    return [RetireChild(old.spi), *sa.start(delete, now)]


def close_child(sa: IkeSa, child: Child, reason: Reason, now: float) -> list[Action]:
    """Take a child down now, and tell the peer unless that is under way."""
    told = child.state in (ChildState.DELETING, ChildState.RETIRED)
    gone = [*use_heir(sa, child), *sa.drop_child(child, reason, now)]
    if told:
        return gone
    return [*gone, *sa.start(DeleteChild(child.spec.suite.protocol, child.spi), now)]


def deleted_by_peer(sa: IkeSa, child: Child, now: float) -> list[Action]:
    """Take it that the peer deleted a child."""
    if not child.heir:
        if not child.is_told:
            _restore(sa, child)
        gone = sa.drop_child(child, Reason.PEER_DELETED, now)
        for loser in [one for one in sa.children.values() if one.heir == child.spi and one.is_live]:
            gone += close_child(sa, loser, Reason.DELETED, now)  # it only waited for that one
        return gone
    retire(child, now)
    return [*use_heir(sa, child), RetireChild(child.spi)]


def live_heir(sa: IkeSa, spi: int) -> Child | None:
    """Return the child with this inbound SPI, or the one that has its traffic now."""
    child = sa.children.get(spi)
    for _ in sa.children:
        if child is None or child.is_live:
            return child
        child = sa.children.get(child.heir)
    return None


def use_heir(sa: IkeSa, child: Child) -> list[Action]:
    """Send on the child that replaced this one: the peer has it for sure now (section 2.8)."""
    heir = sa.children.get(child.heir)
    if heir is None or heir.state not in _CARRYING:
        return []
    told = tell(heir)
    if not heir.spec.standby:
        return told
    heir.change(standby=False)
    return [*told, UseChild(heir.spi)]


def _restore(sa: IkeSa, loser: Child) -> None:
    """Let the child serve on that the peer had renewed: its new one lost against ours, and goes."""
    for old in sa.children.values():
        if old.heir == loser.spi and old.state is ChildState.REKEYED:
            old.state, old.heir = ChildState.LIVE, 0
