"""INFORMATIONAL that changes the addresses of an IKE SA and its children (RFC 4555 section 3.5).

    SK { N(UPDATE_SA_ADDRESSES), [N(NATD_S), N(NATD_D)], [N(NO_NATS_ALLOWED)], N(COOKIE2) }  ──►
                          ◄──  SK { [N(NATD_S), N(NATD_D)], N(COOKIE2) }   or   SK { N(error) }

The end that decides goes over to the new addresses first and says so from there.  Its children go
with it when only its own address changed; to another address of the peer they follow when that has
answered (return routability, section 3.7).  Whatever changes meanwhile makes an answer worthless:
the newest addresses are said once more.
"""

from typing import Final

from ikecore.actions import Action, Moved, Noted, Reason
from ikecore.diagnosis import Code, Diagnosis, diagnose
from ikev2.exchanges.informational import Probe, delete, presume_dead
from ikev2.fragments import DATAGRAM
from ikev2.labels import notify_name
from ikev2.message import Exchange, Message
from ikev2.mobike import NOT_SAID, home, list_payloads, no_nats
from ikev2.nat import detection_payloads, judge
from ikev2.payloads.chain import Payload
from ikev2.payloads.notify import Notify
from ikev2.payloads.types import NotifyType, is_error
from ikev2.sa import IkeSa
from ikev2.ways import additional, carried, ways, where_heard
from ikev2.window import NEVER
from policy.path import Path

_COOKIE: Final = 16  # octets; section 4.2.5 allows 8 to 64
_LULL: Final = 0.5  # seconds
_NAT_TRIES: Final = 3  # section 3.9: one packet changed on the way shall not condemn a path


class UpdateAddresses:
    """Our word that the addresses are now those that this request comes from and goes to."""

    kind = Exchange.INFORMATIONAL
    alone = False

    def __init__(self) -> None:
        self._generation = -1
        self._cookie = b""

    def is_moot(self, sa: IkeSa) -> bool:
        """Return whether the newest addresses have been said: changes in a row need one request."""
        return not sa.mobility.in_use or sa.mobility.sent == sa.mobility.generation

    def payloads(self, sa: IkeSa, _now: float) -> tuple[Payload, ...]:
        """Speak of the addresses in use now; after a search of those that got an answer."""
        mobility = sa.mobility
        if mobility.searching and sa.heard_at > mobility.moves[0].began_at:
            sa.path = where_heard(sa)
        self._generation = mobility.sent = mobility.generation
        self._cookie = sa.resources.entropy.octets(_COOKIE)
        return (
            Notify(NotifyType.UPDATE_SA_ADDRESSES),
            *nat_payloads(sa, sa.path),
            *no_nats(sa),
            Notify(NotifyType.COOKIE2, self._cookie),
        )

    def on_response(self, sa: IkeSa, message: Message, now: float) -> list[Action]:
        """Let the children follow, or try other addresses."""
        mobility = sa.mobility
        error = next((n for n in message.notifies() if is_error(n.type)), None)
        if not proves(message, self._cookie) and (error is None or _has_cookie(message)):
            return cookie_differs(sa, now)
        if not mobility.in_use or self._generation != mobility.generation:
            return []  # what it speaks of is no longer so, and the next one is on its way
        if error is None:
            return _agreed(sa, message, now)
        if error.type == NotifyType.UNEXPECTED_NAT_DETECTED:
            mobility.nat_tries += 1
            if mobility.nat_tries < _NAT_TRIES:
                mobility.generation += 1
                return sa.start(UpdateAddresses(), now)
        return _refused(sa, error, now)

    def on_silence(self, sa: IkeSa, now: float) -> list[Action]:
        """Take it that the peer is gone: all addresses were tried meanwhile."""
        return presume_dead(sa, now)


class TellAddresses:
    """Tell the peer which other addresses we have (section 3.6)."""

    kind = Exchange.INFORMATIONAL
    alone = False

    def is_moot(self, sa: IkeSa) -> bool:
        """Return whether the peer knows them."""
        return not sa.mobility.in_use or additional(sa) == sa.mobility.told

    def payloads(self, sa: IkeSa, _now: float) -> tuple[Payload, ...]:
        """Name them."""
        sa.mobility.told = additional(sa)
        return (*list_payloads(sa.mobility.told), *no_nats(sa))

    def on_response(self, sa: IkeSa, message: Message, now: float) -> list[Action]:
        """Be content; a NAT that is not to be there has not let the peer take them."""
        if message.notify(NotifyType.UNEXPECTED_NAT_DETECTED) is not None:
            text = "a NAT kept the peer from taking our other addresses"
            return [Noted(sa.sa, sa.connection, text), *_heard_of(sa, now)]
        return _heard_of(sa, now)

    def on_silence(self, sa: IkeSa, now: float) -> list[Action]:
        """Take it that the peer is gone."""
        return presume_dead(sa, now)


class ProveAddress:
    """Ask the peer at its new address for something that only who is there can know (3.7)."""

    kind = Exchange.INFORMATIONAL
    alone = False

    def __init__(self, generation: int) -> None:
        self._generation = generation
        self._cookie = b""

    def is_moot(self, sa: IkeSa) -> bool:
        """Return whether the peer has moved on."""
        return not sa.mobility.moves or self._generation != sa.mobility.generation

    def payloads(self, sa: IkeSa, _now: float) -> tuple[Payload, ...]:
        """Say a COOKIE2."""
        self._cookie = sa.resources.entropy.octets(_COOKIE)
        return (Notify(NotifyType.COOKIE2, self._cookie),)

    def on_response(self, sa: IkeSa, message: Message, now: float) -> list[Action]:
        """Let the children follow; a request that went to two addresses proves neither."""
        if not proves(message, self._cookie):
            return cookie_differs(sa, now)
        return [] if self.is_moot(sa) else settle(sa, now)

    def on_silence(self, sa: IkeSa, now: float) -> list[Action]:
        """Take it that the peer is gone."""
        return presume_dead(sa, now)


class ProbeMapping(Probe):
    """Ask whether the peer lives, and whether NATs are where they were (section 3.8).

    The RFC wants this of an end that is behind a NAT.  One that is behind none asks, too: a NAT may
    appear on the way, and would let IKE through and not plain ESP.
    """

    def payloads(self, sa: IkeSa, _now: float) -> tuple[Payload, ...]:
        """Say how we see the addresses, if we may do something about it."""
        return nat_payloads(sa, sa.path) if _asks(sa) else ()

    def on_response(self, sa: IkeSa, message: Message, now: float) -> list[Action]:
        """Update the addresses if the peer sees other ones than before."""
        mobility = sa.mobility
        seen = message.notify(NotifyType.NAT_DETECTION_DESTINATION_IP)
        if seen is None or not _asks(sa) or mobility.moves:
            return []
        before, mobility.seen_as = mobility.seen_as, seen.data
        nat = judge(message, sa.spis, sa.back)
        if nat.told and (nat.here, nat.there) != (sa.nat_here, sa.nat_there):
            return go(sa, sa.path, "a NAT came or went", now)
        if before in (b"", seen.data):
            return []
        return go(sa, sa.path, "the NAT gave us another address or port", now)


def _asks(sa: IkeSa) -> bool:
    return sa.mobility.in_use and sa.mobility.decides


# -- how it is done -----------------------------------------------------------------------------
def go(sa: IkeSa, path: Path, why: str, now: float, *, for_mover: bool = False) -> list[Action]:
    """Use another path from now on, and tell the peer, as the end that decides."""
    mobility = sa.mobility
    mobility.begin(sa.path, why, now)
    mobility.searching = False
    if path.remote[0] == mobility.moves[0].old.remote[0]:
        actions = sa.move(path)
    else:
        sa.path = path
        actions = []
    unsay(sa)
    actions += resend_to_mover(sa, now) if for_mover else resend(sa, now)
    actions += sa.start(UpdateAddresses(), now)
    if additional(sa) != mobility.told:
        actions += sa.start(TellAddresses(), now)
    return actions


def unsay(sa: IkeSa) -> None:
    """Say our list again if it is under way: its source counts, and that has changed (3.6)."""
    if sa.under_way(TellAddresses):
        sa.mobility.told = NOT_SAID


def resend(sa: IkeSa, now: float) -> list[Action]:
    """Send at once, over the path in use, what went over another one, with all patience anew."""
    return _resend(sa, now, now)


def resend_to_mover(sa: IkeSa, now: float) -> list[Action]:
    """Do the same for a peer that moved, twice a second at most: it could aim us at somebody."""
    mobility = sa.mobility
    at = max(now, mobility.resent_at + _LULL)
    if at == now:
        mobility.resent_at = now
    return _resend(sa, at, now)


def _resend(sa: IkeSa, at: float, now: float) -> list[Action]:
    sa.mobility.tried.clear()
    for flight in sa.requests:
        flight.attempt, flight.due = -1, at
    sa.requests.extend(now + sa.patience)
    return sa.retransmit(now)


# -- what comes of it ---------------------------------------------------------------------------
def _heard_of(sa: IkeSa, now: float) -> list[Action]:
    """Stay where the peer has heard of us: if it has not moved, it has no update for us."""
    mobility = sa.mobility
    if not mobility.stranded:  # there was one
        return []
    if mobility.moves and mobility.told != NOT_SAID:  # the list went several ways
        sa.path = where_heard(sa)
    if additional(sa) != mobility.told:
        return sa.start(TellAddresses(), now)
    mobility.stranded = False
    return prove(sa, now) if mobility.moves else []


def prove(sa: IkeSa, now: float) -> list[Action]:
    """Let the children follow to the path of the IKE SA, at once where the peer has proved to be.

    Elsewhere it has to prove that first (section 3.7).
    """
    if sa.path.remote[0] == home(sa).remote[0]:
        return settle(sa, now)
    return sa.start(ProveAddress(sa.mobility.generation), now)


def _agreed(sa: IkeSa, message: Message, now: float) -> list[Action]:
    seen = message.notify(NotifyType.NAT_DETECTION_DESTINATION_IP)
    if seen is not None:
        sa.mobility.seen_as = seen.data
    take_nat(sa, message, now)
    return settle(sa, now)


def settle(sa: IkeSa, now: float) -> list[Action]:
    """Let the children follow to the path of the IKE SA, and say what has changed."""
    path = carried(sa, sa.path)
    stays = all(_is_same(child.spec.path, path) for child in sa.children.values())
    sa.path = path
    actions = [] if stays else sa.move(path)
    for move in sa.mobility.agree():
        if not _is_same(move.old, path):
            took = now - move.began_at
            sa.largest = DATAGRAM  # what the old path did not carry the new one may
            actions.append(Moved(sa.sa, sa.connection, move.old, path, move.why, took))
    return actions


def _is_same(one: Path, other: Path) -> bool:
    return one == other and one.esp_in_udp == other.esp_in_udp


def take_nat(sa: IkeSa, message: Message, now: float) -> None:
    """Note which end is behind a NAT now, where the peer says how it sees the addresses."""
    nat = judge(message, sa.spis, sa.back)
    if not nat.told or not sa.profile.nat_traversal:
        return
    if nat.here and not sa.nat_here:
        sa.keepalive_at = now
    elif not nat.here:
        sa.keepalive_at = NEVER
    sa.nat_here, sa.nat_there = nat.here, nat.there


def nat_payloads(sa: IkeSa, path: Path) -> tuple[Notify, ...]:
    """Return NAT detection for a path, where NAT traversal is on."""
    if not sa.profile.nat_traversal:
        return ()
    pretend = sa.profile.force_encap
    return detection_payloads(sa.spis, path, sa.resources.entropy, pretend=pretend)


def proves(message: Message, cookie: bytes) -> bool:
    """Return whether the answer holds our COOKIE2: whoever sent it has seen the request (3.7)."""
    found = message.notify(NotifyType.COOKIE2)
    return found is not None and found.data == cookie


def _has_cookie(message: Message) -> bool:
    return message.notify(NotifyType.COOKIE2) is not None


def cookie_differs(sa: IkeSa, now: float) -> list[Action]:
    """Close the SA: the peer answers requests it has not seen (section 3.7)."""
    text = "the answer to an address update has not our COOKIE2"
    broken = diagnose(1, Code.INVALID_SYNTAX, evidence=text)
    return [sa.fail(broken), *delete(sa, Reason.FAILED, now)]


def _refused(sa: IkeSa, error: Notify, now: float) -> list[Action]:
    """Try the next pair of addresses; without one the SA is of no use."""
    mobility = sa.mobility
    mine, there = sa.path.local[0], sa.path.remote[0]
    name = notify_name(error.type)
    mobility.refused.add((mine, there))
    mobility.nat_tries = 0
    left = ways(sa)
    if left:
        note = Noted(sa.sa, sa.connection, f"{name} for {mine} to {there}: trying another pair")
        return [note, *go(sa, left[0], f"{name} for {mine} to {there}", now)]
    return [sa.fail(_verdict(error, name, mine, there)), *delete(sa, Reason.FAILED, now)]


def _verdict(error: Notify, name: str, mine: str, there: str) -> Diagnosis:
    if error.type == NotifyType.UNEXPECTED_NAT_DETECTED:
        return diagnose(1, Code.NAT_FORBIDDEN, "nat_traversal = false", f"{name} for {mine}")
    return diagnose(1, Code.PEER_ERROR, f"{mine} to {there}", name, "the answer to our move")
