"""What the owner of an IKE SA may want of it and its children."""

from ikecore.actions import Action, Dropped, Reason
from ikecore.diagnosis import Code, diagnose
from ikecore.events import (
    ChildCloseWanted,
    ChildExpired,
    ChildWanted,
    InstallFailed,
    RekeyIkeWanted,
    RekeyWanted,
)
from ikev2.child import Child
from ikev2.exchanges.create_child import CreateChild, is_being_made
from ikev2.exchanges.delete_child import close_child
from ikev2.exchanges.rekey_child import RekeyChild
from ikev2.exchanges.rekey_ike import RekeyIke
from ikev2.exchanges.update_addresses import ProbeMapping
from ikev2.life import renew_child
from ikev2.sa import IkeSa, State


def want_child(sa: IkeSa, event: ChildWanted, now: float) -> list[Action]:
    """Make a child, unless it is there or asked for."""
    if sa.state is not State.ESTABLISHED or is_being_made(sa, event.child):
        return [Dropped("not_wanted", str(event.child))]
    return sa.start(CreateChild(event.child), now)


def want_rekey(sa: IkeSa, event: RekeyWanted, now: float) -> list[Action]:
    """Renew a child."""
    child = sa.children.get(event.spi)
    if child is None or not child.is_live:
        return [Dropped("not_wanted", f"{event.spi:08x} is on its way out")]
    return renew_child(sa, child, event.why, now)


def want_ike_rekey(sa: IkeSa, event: RekeyIkeWanted, now: float) -> list[Action]:
    """Renew the IKE SA, unless that is being done."""
    asked = (*sa.under_way(RekeyIke), *sa.queue, *(one for _, one in sa.postponed))
    if sa.state is not State.ESTABLISHED or any(isinstance(one, RekeyIke) for one in asked):
        return [Dropped("not_wanted", sa.state.value)]
    return sa.start(RekeyIke(event.why), now)


def want_close(sa: IkeSa, event: ChildCloseWanted, now: float) -> list[Action]:
    """Delete one child."""
    child = sa.children.get(event.spi)
    if child is None:
        return []
    for renewing in sa.under_way(RekeyChild):
        renewing.unwanted = renewing.unwanted or renewing.old is child
    return close_child(sa, child, _end(child, Reason.DELETED), now)


def expire(sa: IkeSa, event: ChildExpired, now: float) -> list[Action]:
    """Take it that a child may carry nothing more."""
    child = sa.children.get(event.spi)
    return [] if child is None else close_child(sa, child, _end(child, Reason.LIFETIME), now)


def install_failed(sa: IkeSa, event: InstallFailed, now: float) -> list[Action]:
    """Take it that the worker does not have a child."""
    child = sa.children.get(event.spi)
    if child is None:
        return []
    failed = sa.fail(diagnose(2, Code.CHILD_INSTALL_FAILED), child.wanted)
    return [failed, *close_child(sa, child, Reason.FAILED, now)]


def probe(sa: IkeSa, now: float) -> list[Action]:
    """Ask whether the peer lives; a request that waits for its answer asks that already."""
    if sa.state is not State.ESTABLISHED or sa.is_busy:
        return [Dropped("no_probe", sa.state.value)]
    return sa.start(ProbeMapping(), now)


def _end(child: Child, reason: Reason) -> Reason:
    return Reason.REKEYED if child.heir else reason
