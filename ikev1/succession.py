"""Which of several children with the same traffic carries it, and what becomes of the others.

IKEv1 does not say which child a quick mode renews: one for selectors that a child has already takes
its place.  Nothing may be sent on a child before the peer has it, nor be lost on one that goes:

* A child that the peer began is PENDING until QM3 or a packet comes; one of ours waits on standby
  for the peer's first packet, a second at most, while an older one carries.
* The older one sends nothing more from then on.  Who began the new one deletes it after
  :data:`~ikecore.holder.LINGER`; the other end keeps it for :data:`~ikev1.child.OVERDUE`, in case
  that end thinks otherwise.  For a moment it still takes what crosses its Delete.
* Of two made at once, by either end one, the one with the lowest of the four nonces goes, and its
  initiator deletes it.  At once is: each was begun before the other was settled.  The two ends may
  see that differently when messages were lost: then packets tell, and the nonces decide as well.
* Whatever carries may be deleted: then the next best steps in, also the one that it had replaced.
"""

from typing import Final

from ikecore.actions import Action, Reason, RetireChild, UseChild
from ikecore.holder import LINGER
from ikecore.profile import ChildProfile
from ikecore.timetable import NEVER
from ikev1.child import AFTERWARDS, OVERDUE, Child, ChildState
from ikev1.exchange import Phase2
from ikev1.flight import Flight
from ikev1.install import announce, home_of
from ikev1.payloads.delete import Delete
from ikev1.sa import IkeSa

PATIENCE: Final = 1.0  # seconds in which the peer may show that it has a child of ours
AGAIN: Final = 10.0  # seconds after which a renewal that failed is tried again
_CROSSING: Final = 0.05  # seconds in which the peer's QM1 may have been on its way since before
_SWITCHING: Final = 3.0  # seconds after which nobody sends on a child that was replaced
_CLOSE: Final = 10.0  # seconds between the beginnings of two that may have been made at once


class OwnQuick(Phase2):
    """What others need to know of a quick mode of ours: its selectors, and what it offers."""

    def __init__(self, traffic: ChildProfile) -> None:
        self.traffic = traffic
        self.protocol = 0
        self.spi = 0


# -- who comes before whom ------------------------------------------------------------------------
def of_traffic(sa: IkeSa, traffic: ChildProfile) -> list[Child]:
    """Return the children with just these selectors, oldest first."""
    return [child for child in sa.children.values() if child.carries(traffic)]


def kin(sa: IkeSa, child: Child) -> list[Child]:
    """Return the other children with the same traffic."""
    return [one for one in of_traffic(sa, _traffic(child)) if one is not child]


def _traffic(child: Child) -> ChildProfile:
    return ChildProfile(child.spec.local_ts, child.spec.remote_ts)


def carrier(sa: IkeSa, traffic: ChildProfile) -> Child | None:
    """Return the child that is there for these selectors, if one is."""
    live = [child for child in of_traffic(sa, traffic) if child.is_live]
    return max(live, key=lambda child: not child.heir, default=None)


def are_rivals(one: Child, other: Child) -> bool:
    """Tell whether two were made at once, each by another end."""
    if one.initiator is other.initiator:
        return False
    return one.began_at < other.settled_at and other.began_at < one.settled_at


def outranks(one: Child, other: Child) -> bool:
    """Tell whether one of two children is to carry the traffic of both."""
    if are_rivals(one, other):
        return one.nonce > other.nonce
    return one.began_at > other.began_at


# -- what happens to them -------------------------------------------------------------------------
def begin(sa: IkeSa, child: Child, now: float) -> list[Action]:
    """Give a child of ours its place, right after its QM2 came: the peer has it since before."""
    child.settled_at = now + _CROSSING
    pending = [one for one in kin(sa, child) if one.state is ChildState.PENDING]
    better = next((one for one in pending if outranks(one, child)), None)
    if better is not None:
        child.heir = better.spi
        return [] if child.spec.standby else [announce(child, 0, now)]
    older = [one for one in kin(sa, child) if one.is_live]
    for one in older:
        one.rekey_at = one.use_at = NEVER
    told = next((one.spi for one in reversed(older) if one.is_told), 0)
    if child.spec.standby:
        child.use_at = now + PATIENCE
    return [announce(child, told, now)]


def confirm(sa: IkeSa, child: Child, now: float) -> list[Action]:
    """Take it that the peer has a child that it began: QM3 came, or a packet."""
    if child.state is not ChildState.PENDING:
        return []
    child.state, child.settled_at = ChildState.LIVE, now
    child.start_clocks(now)
    _end_quick_mode(sa, child, now)
    given_up = abandon(sa, _traffic(child), now)
    best = child
    for one in kin(sa, child):
        best = one if one.is_live and outranks(one, best) else best
    if best is not child:
        return [*given_up, *_retire(child, best, now)]
    return [*given_up, *take_over(sa, child, now)]


def heard(sa: IkeSa, child: Child, now: float) -> list[Action]:
    """Take it that the peer sends on a child: it has it, and wants it used."""
    child.heard_at = now
    child.settled_at = min(child.settled_at, now)
    match child.state:
        case ChildState.PENDING:
            return confirm(sa, child, now)
        case ChildState.LIVE if child.spec.standby:
            return take_over(sa, child, now)
        case ChildState.RETIRED:
            return _reconsider(sa, child, now)
        case _:
            return []


def _reconsider(sa: IkeSa, child: Child, now: float) -> list[Action]:
    """Take it back that a child was replaced, if for the peer it was the other way round."""
    heir = sa.children.get(child.heir)
    if heir is None or not heir.is_live or heir.initiator is child.initiator:
        return []
    # the end that thinks otherwise sees it too, and must not change its mind at the same time
    wait = _SWITCHING if child.nonce > heir.nonce else 3 * _SWITCHING
    if now - child.retired_at < wait or abs(child.began_at - heir.began_at) > _CLOSE:
        return []
    return [*_revive(child, heir, now), *_retire(heir, child, now)]


def take_over(sa: IkeSa, child: Child, now: float) -> list[Action]:
    """Send on a child from now on, and not on those that it comes before."""
    child.use_at, child.heir = NEVER, 0
    used: list[Action] = []
    if child.spec.standby:
        child.change(standby=False)
        used = [UseChild(child.spi)]
    replaced = 0
    for other in kin(sa, child):
        if other.is_live and not outranks(other, child):
            replaced = other.spi if other.is_told else replaced
            used += _retire(other, child, now)
    return used if child.is_told else [*used, announce(child, replaced, now)]


def _retire(child: Child, heir: Child, now: float) -> list[Action]:
    """Keep the inbound half for what is still on its way."""
    is_ours = child.initiator if are_rivals(child, heir) else heir.initiator
    child.state, child.heir, child.retired_at = ChildState.RETIRED, heir.spi, now
    child.rekey_at = child.use_at = NEVER
    child.ends_at = min(child.ends_at, now + (LINGER if is_ours else OVERDUE))
    return [RetireChild(child.spi)]


# -- how they end ---------------------------------------------------------------------------------
def tell_deleted(sa: IkeSa, *children: Child) -> list[Action]:
    """Tell the peer that children are gone."""
    actions: list[Action] = []
    protocols = dict.fromkeys(int(child.spec.suite.protocol) for child in children)
    for protocol in protocols:
        spis = tuple(c.spi for c in children if c.spec.suite.protocol == protocol)
        actions += sa.tell(Delete.of_children(protocol, spis))
    return actions


def part_with(sa: IkeSa, child: Child, now: float) -> list[Action]:
    """Tell the peer that one that was replaced is gone, and take what crosses that.

    Not before the peer's patience is over, if it has asked for QM3 again and nothing shows that it
    got it: its own child may end in nothing, and this one is all it has.
    """
    heir = sa.children.get(child.heir)
    if heir is not None and heir.heard_at < 0 and _was_asked_again(sa, heir):
        wait_until = heir.began_at + sa.patience + LINGER
        if now < wait_until:
            child.ends_at = wait_until
            return []
    child.state, child.ends_at = ChildState.DELETED, now + AFTERWARDS
    return tell_deleted(sa, child)


def forget(sa: IkeSa, child: Child, now: float) -> list[Action]:
    """Take one away whose Delete was sent; again if it was lost: the peer still sends on it."""
    is_used = now - child.heard_at < AFTERWARDS and now - child.retired_at < OVERDUE
    heir = sa.children.get(child.heir)
    if is_used:
        child.ends_at = now + AFTERWARDS
        return tell_deleted(sa, child)
    lost_a_race = child.initiator and heir is not None and not heir.initiator
    again = tell_deleted(sa, child) if lost_a_race else []
    return [*again, *remove(sa, child, Reason.REKEYED, now)]


def deleted_by_peer(sa: IkeSa, child: Child, now: float) -> list[Action]:
    """Take it that the peer deleted a child.

    Where another one carries its traffic, what the peer had sent on it before is still taken.
    """
    if child.state is ChildState.DELETED or child.state is ChildState.PENDING:
        return remove(sa, child, Reason.PEER_DELETED, now)
    actions = _step_in(sa, child, now) if child.is_live else []
    if not any(one.is_live for one in kin(sa, child)):
        return [*actions, *remove(sa, child, Reason.PEER_DELETED, now)]
    if child.is_live:
        actions.append(RetireChild(child.spi))
    child.state, child.ends_at, child.heir = ChildState.DELETED, now + LINGER, 0
    child.rekey_at = child.use_at = NEVER
    return actions


def close_child(sa: IkeSa, child: Child, reason: Reason, now: float) -> list[Action]:
    """Take a child down at once, and tell the peer unless that was done."""
    told = [] if child.state is ChildState.DELETED else tell_deleted(sa, child)
    return [*told, *remove(sa, child, reason, now)]


def remove(sa: IkeSa, child: Child, reason: Reason, now: float) -> list[Action]:
    """Take a child out of the books; what else there is for its traffic steps in first."""
    stepped = _step_in(sa, child, now) if child.is_live else []
    if child.state is ChildState.PENDING:
        _end_quick_mode(sa, child, now)
    if child.state in (ChildState.RETIRED, ChildState.DELETED):
        reason = Reason.REKEYED
    gone = sa.drop_child(child, reason, now)
    for other in [one for one in sa.children.values() if one.heir == child.spi and one.is_live]:
        gone += take_over(sa, other, now)  # it only waited for that one
    return [*stepped, *gone]


def _step_in(sa: IkeSa, child: Child, now: float) -> list[Action]:
    """Let another child carry what this one did."""
    others = kin(sa, child)
    live = [one for one in others if one.is_live]
    pending = [one for one in others if one.state is ChildState.PENDING]
    retired = [o for o in others if o.state is ChildState.RETIRED and o.heir == child.spi]
    if live:
        return [] if child.heir else _go_on_with(sa, live[-1], child, now)
    if pending:
        return confirm(sa, pending[-1], now)
    return _revive(retired[-1], child, now) if retired else []


def _go_on_with(sa: IkeSa, other: Child, child: Child, now: float) -> list[Action]:
    was_told = other.is_told
    actions = take_over(sa, other, now)
    if other.rekey_at == NEVER and other.lifetime:
        other.rekey_at = now + AGAIN
    if was_told and other.began_at < child.began_at:  # as far as anybody knows it was replaced
        actions.append(announce(other, child.spi, now))
    return actions


def _revive(child: Child, instead: Child, now: float) -> list[Action]:
    """Let a child serve on that was only waiting for its end."""
    child.state, child.heir = ChildState.LIVE, 0
    if child.lifetime:
        child.rekey_at = now + AGAIN
    ends_at = child.began_at + child.lifetime if child.lifetime else NEVER
    child.ends_at = max(ends_at, now + LINGER)
    return [UseChild(child.spi), announce(child, instead.spi, now)]


def abandon(sa: IkeSa, traffic: ChildProfile, now: float) -> list[Action]:
    """Give up our quick modes under way for these selectors; the peer need not wait for QM3."""
    actions: list[Action] = []
    for one_sa in _line(sa):
        for flight in one_sa.flights:
            quick = flight.negotiation
            if not flight.is_over and isinstance(quick, OwnQuick) and quick.traffic == traffic:
                actions += give_up(one_sa, flight, quick, now)
    return actions


def give_up(sa: IkeSa, flight: Flight, quick: OwnQuick, now: float) -> list[Action]:
    """Let a quick mode of ours end in nothing; what the peer has made of it goes, too."""
    sa.end(flight, now)
    sa.take_back(quick.spi, now)
    return sa.tell(Delete.of_children(quick.protocol, (quick.spi,)))


def _was_asked_again(sa: IkeSa, child: Child) -> bool:
    """Tell whether QM2 of a child of ours came more than once."""
    flights = (one_sa.flights.get(child.message_id) for one_sa in _line(sa))
    return any(flight is not None and flight.ours and flight.repeats for flight in flights)


def _end_quick_mode(sa: IkeSa, child: Child, now: float) -> None:
    """Say QM2 no more."""
    for one_sa in _line(sa):
        flight = one_sa.flights.get(child.message_id)
        if flight is not None and not flight.is_over and not flight.ours:
            one_sa.end(flight, now)


def _line(sa: IkeSa) -> list[IkeSa]:
    """Return the SA, and those whose children it has taken over."""
    mates = sa.resources.mates(sa.connection)
    return [sa, *(mate for mate in mates if mate is not sa and home_of(mate) is sa)]
