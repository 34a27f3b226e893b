"""The gateway's state as the control socket shows it."""

from typing import Final

from ikebana.control.view import ChildView, ConnectionView
from ikebana.daemon.tally import Counts, add, dropped
from ikebana.daemon.tunnels import Tunnel
from ikecore.actions import ChildEstablished, Established
from ikecore.profile import IkeVersion
from ikecore.proposals import Protocol
from ikecore.timetable import NEVER
from policy.path import Path

LEGACY: Final = "legacy"
"""The badge of IKEv1 (RFC 9395)."""


def connection_view(tunnel: Tunnel, now: float, path: Path | None = None) -> ConnectionView:
    """Return one connection; ``now`` of the loop's clock, as all times inside.

    ``path`` is where the newest SA's peer is now, by default where it was when established.
    """
    core, plan = tunnel.core, tunnel.plan
    newest = core.sas[-1] if core.sas else None
    path = path or (newest.path if newest is not None else None)
    child = core.children[-1] if core.children else None
    ends = [c.rekey_at for c in core.children if c.rekey_at]
    counts = [tunnel.counts.get(c.inbound_spi, Counts()) for c in core.children]
    totals = [tunnel.past, *tunnel.counts.values()]  # also of those replaced and not yet gone
    seen: dict[str, int] = {}
    for one in totals:
        add(seen, one.seen)
    reason = core.reason
    mappings_up, mappings_total = core.mappings
    return ConnectionView(
        name=plan.name,
        state=core.state,
        peer=path.remote[0] if path is not None else plan.peer,
        peer_id=str(newest.remote_id if newest is not None else plan.remote_id or ""),
        local_id=str(plan.local_id or tunnel.local),
        ike=str(newest.suite) if newest is not None else "",
        esp=str(child.suite) if child is not None else "",
        age_s=_since(tunnel.established_at.get(newest.sa), now) if newest is not None else None,
        rekey_in_s=_until(min(ends, default=0.0), now),
        packets_in=sum(c.packets_in for c in totals),
        packets_out=sum(c.packets_out for c in totals),
        octets_in=sum(c.octets_in for c in totals),
        octets_out=sum(c.octets_out for c in totals),
        rate_in_bps=sum(c.rates(now)[0] for c in totals),
        rate_out_bps=sum(c.rates(now)[1] for c in totals),
        reason_code=str(reason.code) if reason is not None else "",
        reason=reason.lines() if reason is not None else (),
        reason_since=tunnel.reason_since or None,
        tries=core.tries,
        next_try_in_s=_until(core.next_try_at, now),
        nat=_nat(newest.nat_here, newest.nat_there) if newest is not None else "",
        encapsulation=("udp" if path.esp_in_udp else "esp") if path is not None else "",
        mappings_up=mappings_up,
        mappings_total=mappings_total,
        narrowed=any(c.narrowed for c in core.children),
        initiator_spi=newest.initiator_spi.hex() if newest is not None else "",
        responder_spi=newest.responder_spi.hex() if newest is not None else "",
        children=tuple(_child_view(c, n, now) for c, n in zip(core.children, counts, strict=True)),
        drops=dropped(seen),
        mode=str(child.mode if child is not None else plan.mode),
        last_change=tunnel.last_change,
        last_change_at=tunnel.last_change_at or None,
        version=(version := _version(plan.version, newest)),
        badges=(LEGACY,) if version == IkeVersion.IKEV1 else (),
        vendor=newest.vendor if newest is not None else "",
        user=newest.user if newest is not None else "",
        inner_address=tunnel.lease.address if tunnel.lease is not None else "",
    )


def _version(configured: IkeVersion, newest: Established | None) -> str:
    return f"ikev{newest.version}" if newest is not None else str(configured)


def _child_view(child: ChildEstablished, counts: Counts, now: float) -> ChildView:
    return ChildView(
        inbound_spi=child.inbound_spi,
        outbound_spi=child.outbound_spi,
        esp=str(child.suite),
        local_ts=tuple(map(str, child.local_ts)),
        remote_ts=tuple(map(str, child.remote_ts)),
        age_s=max(0.0, now - counts.since) if counts.since else 0.0,
        rekey_in_s=_until(child.rekey_at, now),
        packets_in=counts.packets_in,
        packets_out=counts.packets_out,
        octets_in=counts.octets_in,
        octets_out=counts.octets_out,
        mode=str(child.mode),
        protocol="ah" if child.suite.protocol == Protocol.AH else "esp",
        drops=counts.drops,
    )


def _since(at: float | None, now: float) -> float | None:
    return None if at is None else max(0.0, now - at)


def _until(at: float, now: float) -> float | None:
    return max(0.0, at - now) if 0 < at < NEVER else None


def _nat(here: bool, there: bool) -> str:
    return {(True, True): "both", (True, False): "here", (False, True): "there"}.get(
        (here, there), "none"
    )
