"""The IKE SA that takes another one's place (RFC 7296 sections 1.3.2, 2.8 and 2.18)."""

from dataclasses import dataclass

from ikecore.actions import (
    Action,
    ChildClosed,
    Established,
    Reason,
    RetireChild,
    Traced,
    UseChild,
)
from ikecore.proposals import Suite
from ikecore.share import soft_share
from ikecore.trace import KeysDerived
from ikev2.channel import SealedChannel
from ikev2.child import retire
from ikev2.keys import IkeKeys
from ikev2.mobike import Mobility
from ikev2.sa import IkeSa, State
from ikev2.window import NEVER


@dataclass(frozen=True, slots=True)
class NewKeys:
    """What a rekeying exchange settles; pairs are (initiator's, responder's)."""

    spis: tuple[bytes, bytes]
    suite: Suite
    keys: IkeKeys
    nonces: tuple[bytes, bytes]
    initiator: bool


def make_heir(old: IkeSa, new: NewKeys, now: float) -> tuple[IkeSa, Traced]:
    """Return the SA that may take the place of ``old``; it has nothing of it yet."""
    heir = IkeSa(old.resources, new.spis, old.path, old.profile, now, initiator=new.initiator)
    heir.line, heir.connection, heir.peer = old.line, old.connection, old.peer
    heir.state = State.ESTABLISHED
    heir.keys, heir.suite, heir.nonces = new.keys.kept(), new.suite, new.nonces
    heir.channel = SealedChannel(heir.keys, fragments=old.channel.fragments)
    heir.largest = old.largest
    heir.started_at, heir.established_at = old.started_at, old.established_at
    heir.is_settled, heir.waits = old.is_settled, old.waits
    heir.nat_here, heir.nat_there = old.nat_here, old.nat_there
    heir.requests.size, heir.responses.size = old.requests.size, old.responses.size
    heir.keepalive_at = old.keepalive_at
    heir.is_told = False
    lifetime = old.profile.ike_lifetime
    if lifetime > 0 and not old.profile.reauth:
        share = soft_share(old.resources.entropy, early=new.initiator)
        heir.rekey_at, heir.lifetime_ends_at = now + lifetime * share, now + lifetime
    old.heirs.append(heir)
    heir.elders.append(old)
    return heir, Traced(KeysDerived(heir.connection, *heir.spis, new.suite, new.keys.named))


def inherit(old: IkeSa, heir: IkeSa, why: str, began_at: float, now: float) -> list[Action]:
    """Give the heir all that the old SA has: children, and what is still to be asked."""
    heir.path, heir.icmp = old.path, old.icmp
    heir.children, old.children = old.children, {}
    for child in heir.children.values():
        child.change(sa=heir.sa)
    heir.offered_spis, old.offered_spis = old.offered_spis, set()
    heir.mobility, old.mobility = old.mobility, Mobility(decides=False)
    heir.mobility.renewed()
    heir.queue.extend(old.queue)
    old.queue.clear()
    heir.postponed.extend(old.postponed)
    old.postponed.clear()
    heir.reauth_at, heir.auth_ends_at = old.reauth_at, old.auth_ends_at
    old.keepalive_at = old.rekey_at = old.reauth_at = NEVER
    old.lifetime_ends_at = old.auth_ends_at = NEVER
    heir.is_told = True
    heir.doom, heir.expires_at = old.doom, old.expires_at
    heir.elders.clear()
    told = established(heir, old.sa, why, now - began_at)
    return [old.become(State.REKEYED, why), told, *heir.go_on(now)]


def bequeath(old: IkeSa, newer: IkeSa, now: float) -> list[Action]:
    """Let a newer SA take what is still on its way on the children of one that goes."""
    actions: list[Action] = []
    for child in tuple(old.children.values()):
        if child.is_told:
            actions += [
                RetireChild(child.spi),
                ChildClosed(old.sa, old.connection, child.spi, Reason.REKEYED, child.wanted),
            ]
        retire(child, now)
        child.change(sa=newer.sa)
        child.is_told, child.heir = False, 0
        newer.children[child.spi] = child
    old.children.clear()
    return [*use_standby(newer), *actions]


def leave_to_newer(sa: IkeSa, now: float) -> list[Action]:
    """Let another SA of the connection that carries packets take what is on its way."""
    others = (mate for mate in sa.resources.mates(sa.connection) if mate is not sa)
    newer = next((m for m in others if m.state is State.ESTABLISHED and m.is_settled), None)
    return [] if newer is None else bequeath(sa, newer, now)


def is_outlived(sa: IkeSa) -> bool:
    """Tell whether an SA may make room: the one it does it for is known to be up at both ends.

    A responder knows that when it hears anything more on it than the IKE_AUTH that made it.
    """
    if sa.doom is not Reason.REPLACED:
        return True
    mates = sa.resources.mates(sa.connection)
    newer = [m for m in mates if m is not sa and m.state is State.ESTABLISHED and m.is_settled]
    return any(m.initiator or m.heard_at > m.established_at for m in newer)


def use_standby(sa: IkeSa) -> list[Action]:
    """Send on all children of an SA that waited for an older one to go."""
    actions: list[Action] = []
    if not sa.waits:
        return []
    sa.waits = False
    for child in sa.children.values():
        if child.is_live and child.spec.standby:
            child.change(standby=False)
            actions.append(UseChild(child.spi))
    return actions


def established(sa: IkeSa, replaces: bytes = b"", why: str = "", took: float = 0.0) -> Established:
    """Return what tells that ``sa`` is up."""
    ends = min(sa.rekey_at, sa.reauth_at)
    return Established(
        sa.sa,
        sa.connection,
        sa.initiator,
        *sa.spis,
        sa.peer,
        sa.suite,
        sa.path,
        sa.nat_here,
        sa.nat_there,
        0.0 if ends == NEVER else ends,
        replaces,
        why,
        took,
    )
