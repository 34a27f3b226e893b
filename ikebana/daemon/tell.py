"""What the log says of SAs and messages, one line each."""

from typing import assert_never

from ikebana.control.view import Level
from ikebana.daemon.runner import Report
from ikebana.render.rung import number
from ikecore.actions import (
    ChildClosed,
    ChildEstablished,
    Closed,
    Established,
    Failed,
    Moved,
    Noted,
    Reason,
    ReauthWanted,
)
from ikecore.trace import KeysDerived, MessageTraced, Record, Retransmitted, StateChanged
from policy.path import Path

_QUIET = (Reason.DELETED, Reason.REPLACED, Reason.REDUNDANT, Reason.LIFETIME, Reason.RECONFIGURED)
_NARROWED = (
    "the peer took only part of the networks; "
    "per_mapping_sa = true asks for each pair by itself, where it takes one a child"
)
Line = tuple[Level, tuple[str, ...], str]


def tell(report: Report) -> Line:
    """Return level, text and code of a report; no text where a state change tells it."""
    match report:
        case Established() if report.replaces:
            change = f"{report.replaces.hex()} -> {report.sa.hex()}"
            return Level.INFO, (f"IKE SA rekeyed: {change}{_how(report)}",), ""
        case ChildEstablished() if report.replaces:
            change = f"{report.replaces:08x} -> {report.inbound_spi:08x} in"
            out = f"{report.outbound_spi:08x} out"
            return Level.INFO, (f"CHILD_SA rekeyed: {change}, {out}{_how(report)}",), ""
        case Established():
            role = "initiator" if report.initiator else "responder"
            ike = "IKEv1 (legacy)" if report.version == 1 else "IKE"
            text = f"{ike} SA established as {role} with {report.remote_id}: {report.suite}"
            return Level.INFO, (text + _nat(report) + _peer(report),), ""
        case ChildEstablished():
            local = ", ".join(map(str, report.local_ts))
            remote = ", ".join(map(str, report.remote_ts))
            spis = f"{report.inbound_spi:08x} in, {report.outbound_spi:08x} out"
            text = f"CHILD_SA established: {local} === {remote}, {report.suite}, SPIs {spis}"
            if report.narrowed:
                return (
                    Level.WARNING,
                    (text, _NARROWED),
                    "TS_NARROWED",
                )
            return Level.INFO, (text,), ""
        case Closed(reason=Reason.REKEYED) | ChildClosed(reason=Reason.REKEYED):
            return Level.INFO, (), ""  # its successor's line told it
        case Closed():
            level = Level.INFO if report.reason in _QUIET else Level.WARNING
            return level, (f"IKE SA closed: {report.reason.value}",), ""
        case ChildClosed():
            why = "" if report.reason is Reason.DELETED else f": {report.reason.value}"
            return Level.INFO, (f"CHILD_SA {report.inbound_spi:08x} closed{why}",), ""
        case Moved():
            old, new = map(_way, (report.old, report.new))
            return Level.INFO, (f"moved: {old} -> {new}: {report.why}, {report.took:.1f} s",), ""
        case Noted():
            return Level.INFO, (report.text,), ""
        case Failed() | ReauthWanted():
            return Level.INFO, (), ""  # the connection tells it, with what it does about it
    assert_never(report)


def is_change(report: Report) -> bool:
    """Tell whether one thing took the place of another: a rekey or a move."""
    match report:
        case Moved():
            return True
        case Established() | ChildEstablished():
            return bool(report.replaces)
        case _:
            return False


def _how(report: Established | ChildEstablished) -> str:
    return f": {report.why}, {report.took:.2f} s"


def _way(path: Path) -> str:
    return f"{path.local[0]} to {path.remote[0]}:{path.remote[1]}"


def _nat(report: Established) -> str:
    ends = [
        name for name, behind in (("us", report.nat_here), ("them", report.nat_there)) if behind
    ]
    return f", NAT before {' and '.join(ends)}" if ends else ""


def _peer(report: Established) -> str:
    vendor = f", peer: {report.vendor}" if report.vendor else ""
    return f"{vendor}, user {report.user}" if report.user else vendor


def tell_record(record: Record) -> str:
    """Return a debug line for a trace record."""
    match record:
        case MessageTraced():
            way = "to" if record.sent else "from"
            kind = "response" if record.response else "request"
            told = f"{kind} {number(record.version, record.message_id)}".rstrip()
            address, port = record.path.remote
            return (
                f"{record.exchange} {told} {way} {address}:{port} "
                f"[{' '.join(record.labels)}], {len(record.raw)} octets"
            )
        case Retransmitted():
            return "no answer yet: sent the request again"
        case KeysDerived():
            return f"keys derived: {record.suite}"
        case StateChanged():
            return f"{record.old} -> {record.new}: {record.why}"
    assert_never(record)
