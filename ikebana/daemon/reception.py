"""What clients and their gateway ask of the daemon: users, passwords, inner addresses.

    server:  CheckUser, AskLease ─► a user of the plan's, an address of its pool
    client:  AskCredentials      ─► our own name and password
             Assigned            ─► the address on the device, routes to what lies behind

A lease belongs to an IKE SA: the one that replaces it has it next, and it ends with the last.
"""

import hashlib
import hmac
from collections.abc import Callable, Iterator
from ipaddress import AddressValueError, IPv4Address, IPv4Network
from typing import Final, TypeVar, assert_never

from ikebana.config.access import PoolPlan
from ikebana.control.view import Level
from ikebana.daemon.roster import Roster
from ikebana.daemon.runner import Answer, Asked
from ikebana.daemon.tunnels import Tunnel
from ikecore.actions import AskCredentials, AskLease, Assigned, CheckUser, Closed, Established
from ikecore.events import Credentials, Leased, Refused, UserAccepted
from ikecore.lease import Lease
from policy.pool import Pool

_T = TypeVar("_T")
_MOST_NETWORKS: Final = 64


class Reception:
    """Answers for the connections in ``roster``.

    ``note`` writes a line into a connection's log; ``addresses`` puts these inner addresses, and
    no others, on the device; ``moved`` is told of a tunnel whose inner address or networks are
    others now.
    """

    def __init__(
        self,
        roster: Roster,
        note: Callable[[Level, str, str], None],
        addresses: Callable[[frozenset[str]], None],
        moved: Callable[[Tunnel], None],
    ) -> None:
        self._roster = roster
        self._note = note
        self._addresses = addresses
        self._moved = moved
        self._pools: dict[str, Pool] = {}
        self._given: dict[bytes, tuple[Pool, str]] = {}  # who of which pool, by SA
        self._ours: dict[bytes, tuple[Tunnel, Lease]] = {}  # oldest first

    def answer(self, asked: Asked) -> Answer:
        """Answer what an SA waits for."""
        tunnel = self._roster.by_name.get(asked.connection)
        if tunnel is None or not tunnel.core.admits_peer:
            return Refused(asked.sa)
        match asked:
            case AskCredentials():
                access = tunnel.plan.access
                if not access.user:
                    return Refused(asked.sa)
                return Credentials(asked.sa, access.user, access.password)
            case CheckUser():
                return self._check(asked, tunnel)
            case AskLease():
                return self._lease(asked, tunnel)
        assert_never(asked)

    def assigned(self, assigned: Assigned) -> None:
        """Take the inner address and the networks that a peer gave us."""
        tunnel = self._roster.by_name.get(assigned.connection)
        if tunnel is None:
            return
        lease = _sane(assigned.lease)
        if lease is None:
            text = f"the peer gave us {assigned.lease.address}, which no host may have"
            self._note(Level.ERROR, text, tunnel.name)
            return
        self._ours.pop(assigned.sa, None)
        self._ours[assigned.sa] = (tunnel, lease)
        for line in _told(lease):
            self._note(Level.INFO, line, tunnel.name)
        self._settle(tunnel)

    def heard(self, report: Established | Closed) -> None:
        """Take it that an SA came up, perhaps in another one's place, or ended."""
        match report:
            case Established():
                _hand_on(self._given, report.replaces, report.sa)
                _hand_on(self._ours, report.replaces, report.sa)
                self._end(report.replaces)  # nobody tells of its end any more
            case Closed():
                self._end(report.sa)

    def _end(self, sa: bytes) -> None:
        """Let an SA's leases end."""
        pool, holder = self._given.pop(sa, (None, ""))
        if pool is not None:
            pool.give_back(holder)
        tunnel, _ = self._ours.pop(sa, (None, None))
        if tunnel is not None:
            self._settle(tunnel)

    def _check(self, asked: CheckUser, tunnel: Tunnel) -> Answer:
        known = dict(tunnel.plan.access.users)
        right = known.get(asked.user)
        # as long for nobody as for a user: neither names nor lengths show in the time it takes
        expected = hashlib.sha256(b"" if right is None else right.reveal()).digest()
        given = hashlib.sha256(asked.password.reveal()).digest()
        is_right = hmac.compare_digest(expected, given) and right is not None
        level, word = (Level.INFO, "let in") if is_right else (Level.WARNING, "refused")
        self._note(level, f"XAUTH: user {asked.user!r} {word}", tunnel.name)
        return UserAccepted(asked.sa) if is_right else Refused(asked.sa)

    def _lease(self, asked: AskLease, tunnel: Tunnel) -> Answer:
        plan = tunnel.plan.access.pool
        if plan is None:
            return Refused(asked.sa)
        pool = self._pool(plan)
        before = self._given.get(asked.sa)
        # a name is somebody else's on another connection
        holder = f"{asked.connection}/{asked.holder}"
        address = pool.take(holder)
        if before is not None:  # asked once more: it has it already
            before[0].give_back(before[1])
            del self._given[asked.sa]
        if address is None:
            text = f"the pool {plan.name!r} has no address left for {asked.holder!r}"
            self._note(Level.WARNING, text, tunnel.name)
            return Refused(asked.sa)
        self._given[asked.sa] = (pool, holder)
        lease = Lease(address, 32, plan.dns, plan.subnets, plan.banner)
        return Leased(asked.sa, lease)

    def _pool(self, plan: PoolPlan) -> Pool:
        """Return a pool; one whose network is another now begins anew."""
        pool = self._pools.get(plan.name)
        if pool is None or pool.network != plan.network:
            pool = self._pools[plan.name] = Pool(plan.network)
        return pool

    def _settle(self, tunnel: Tunnel) -> None:
        """Let the newest of a tunnel's leases count, and the device have all of them."""
        mine = [lease for owner, lease in self._ours.values() if owner is tunnel]
        now, before = mine[-1] if mine else None, tunnel.lease
        wanted = frozenset(lease.address for _, lease in self._ours.values())
        if now != before:
            # the kernel drops routes along with the address that they name: those go over first
            self._addresses(wanted if before is None else wanted | {before.address})
            tunnel.lease = now
            self._moved(tunnel)
        self._addresses(wanted)


def _hand_on(leases: dict[bytes, _T], old: bytes, new: bytes) -> None:
    """Give an SA's lease to the one after it, unless that asked for one by itself."""
    if old in leases and new not in leases:
        leases[new] = leases.pop(old)


def _sane(lease: Lease) -> Lease | None:
    """Return a peer's lease with the networks that are some; None if no host has its address."""
    try:
        address = IPv4Address(lease.address)
    except AddressValueError:
        return None
    if (
        address.is_loopback
        or address.is_multicast
        or address.is_unspecified
        or address.is_reserved
        or address.is_link_local
    ):
        return None
    subnets = tuple(_networks(lease))
    return Lease(str(address), lease.netmask, lease.dns, subnets, lease.banner)


def _networks(lease: Lease) -> Iterator[str]:
    for text in lease.subnets[:_MOST_NETWORKS]:
        try:
            yield str(IPv4Network(text, strict=False))
        except ValueError:
            continue


def _told(lease: Lease) -> Iterator[str]:
    parts = [f"inner address {lease.address}"]
    parts += [f"networks {', '.join(lease.subnets)}"] if lease.subnets else []
    parts += [f"DNS {', '.join(lease.dns)}"] if lease.dns else []
    yield "; ".join(parts)
    for line in lease.banner.splitlines()[:5]:
        yield f"banner: {line[:200]}"
