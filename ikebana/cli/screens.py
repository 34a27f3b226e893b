"""What ``status`` and ``log`` print: pure functions of views, lines of at most the width given."""

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from ikebana.cli.paint import Paint, state_colour, state_mark
from ikebana.control.view import ChildView, ConnectionView, GatewayView, Level, LogLine, StatusView
from ikebana.render.text import clean, fit
from suites.keywords import non_standard
from suites.status import NON_STANDARD

PLAIN: Final = Paint()
_COLUMNS: Final = (
    ("NAME", 14),
    ("STATE", 19),
    ("PEER", 15),
    ("AGE", 6),
    ("REKEY", 6),
    ("IN b/s", 6),
    ("OUT", 6),
)
_FRAMINGS: Final = {
    "udp": "ESP in UDP",
    "esp": "ESP (protocol 50)",
    "ah": "AH (protocol 51)",
}
_MAPPINGS: Final = 16  # on one screen
_LEVELS: Final = {Level.ERROR: "red", Level.WARNING: "yellow", Level.DEBUG: "dim"}


def overview(
    status: StatusView,
    now: float,
    paint: Paint = PLAIN,
    width: int = 80,
    height: int | None = None,
) -> list[str]:
    """Return the gateway, then a line a connection, and one more where there is a reason.

    ``now`` in seconds of the Unix epoch.  With ``height`` at most that many lines: what needs
    attention comes first then.
    """
    columns = _columns(status, width)
    titles = "  " + " ".join(f"{title:<{room}}" for title, room in columns)
    lines = [fit(line, width) for line in _gateway(status.gateway, now)]
    lines += [paint(titles[:width].rstrip(), "bold")]
    lines += [paint(fit(f"! {text}", width), "yellow") for text in status.gateway.warnings[:3]]
    entries = [_entry(one, columns, paint, width) for one in status.connections]
    if height is not None and len(lines) + sum(map(len, entries)) > height:
        return lines + _cut(status.connections, entries, height - len(lines))
    return lines + [line for entry in entries for line in entry] + _none(status)


def _columns(status: StatusView, width: int) -> tuple[tuple[str, int], ...]:
    """Return the columns, that of the state as wide as it needs and the screen allows."""
    spare = width - 1 - sum(room + 1 for _, room in _COLUMNS)
    longest = max((len(_state(one)) for one in status.connections), default=0)
    name, (state, room), *rest = _COLUMNS
    return (name, (state, max(room, min(longest, room + spare))), *rest)


def _cut(connections: Sequence[ConnectionView], entries: list[list[str]], room: int) -> list[str]:
    order = sorted(range(len(entries)), key=lambda i: connections[i].state.is_up)
    lines: list[str] = []
    shown = 0
    for i in order:
        if len(lines) + len(entries[i]) > room - 1:
            break
        lines += entries[i]
        shown += 1
    return [*lines, f"  … and {len(entries) - shown} more: ikebana status NAME"]


def _none(status: StatusView) -> list[str]:
    return [] if status.connections else ["  no connections"]


def _gateway(gateway: GatewayView, now: float) -> Iterator[str]:
    """Tell of daemon and worker: a line, and one more when there were packets."""
    worker = gateway.worker
    parts = [
        f"{gateway.name}: ikebana {gateway.version}, pid {gateway.pid}",
        f"up {span(now - gateway.started)}" if gateway.started else "",
        f"{gateway.half_open} half-open" if gateway.half_open else "",
        f"worker restarted {worker.restarts}x" if worker.restarts else "",
    ]
    yield ", ".join(part for part in parts if part)
    drops = _drops(gateway.drops)
    counts = (
        f"{amount(worker.packets_in)} packets in, {amount(worker.packets_out)} out",
        f"dropped: {drops}" if drops else "",
    )
    if drops or worker.packets_in or worker.packets_out:
        yield "; ".join(part for part in counts if part)


def _drops(counts: Mapping[str, int]) -> str:
    """Tell what was dropped, the most frequent first; empty when nothing was."""
    found = sorted(((count, name) for name, count in counts.items() if count), reverse=True)
    return ", ".join(f"{name} {count}" for count, name in found)


def _entry(
    view: ConnectionView, columns: Sequence[tuple[str, int]], paint: Paint, width: int
) -> list[str]:
    state = _state(view)
    is_short = len(state) > columns[1][1]
    cells = (
        view.name,
        view.state if is_short else state,
        view.peer,
        span(view.age_s),
        span(view.rekey_in_s),
        rate(view.rate_in_bps),
        rate(view.rate_out_bps),
    )
    shown = [f"{fit(cell, room):<{room}}" for cell, (_, room) in zip(cells, columns, strict=True)]
    colour = state_colour(view.state)
    shown[1] = paint(shown[1], colour)
    lines = [f"{paint(state_mark(view.state), colour)} {' '.join(shown).rstrip()}"]
    told = [f"{view.mappings_up} of {view.mappings_total} mappings up"] if is_short else []
    told += [_legacy(view)] if view.badges else []
    told += [_reason(view)] if view.reason_code else []
    if told:
        text = fit(f"    ↳ {' · '.join(told)}", width)
        lines.append(paint(text, "dim" if view.state.is_up else ""))
    return lines


def _state(view: ConnectionView) -> str:
    if view.state.is_up and view.mappings_up < view.mappings_total:
        return f"{view.state} ({view.mappings_up}/{view.mappings_total})"
    return str(view.state)


def _reason(view: ConnectionView) -> str:
    title = view.reason[0] if view.reason else ""
    _, found, after = title.partition(f"{view.reason_code}")
    told = after.removeprefix(" (likeliest)").removeprefix(" (unproven)").lstrip(": ")
    parts = [f"{view.reason_code}: {told if found else title}".rstrip(": ")]
    if not view.state.is_up:
        parts += [f"tried {view.tries}x"] if view.tries else []
        parts += [f"next in {span(view.next_try_in_s)}"] if view.next_try_in_s is not None else []
    return " · ".join(parts)


def details(status: StatusView, paint: Paint = PLAIN, width: int = 80) -> list[str]:
    """Return all that is known of the one connection in ``status``."""
    return [line for view in status.connections for line in _details(view, paint, width)]


def _details(view: ConnectionView, paint: Paint, width: int) -> Iterator[str]:
    colour = state_colour(view.state)
    yield (
        f"{paint(state_mark(view.state), colour)} {paint(fit(view.name, width - 30), 'bold')}: "
        + (paint(_state(view), colour))
    )
    spis = f"{view.initiator_spi}_i {view.responder_spi}_r" if view.initiator_spi else ""
    facts = (
        ("peer", f"{view.peer} ({view.peer_id})" if view.peer_id else view.peer),
        ("peer", view.vendor),
        ("user", view.user),
        ("local id", view.local_id),
        ("inner", view.inner_address),
        ("version", _legacy(view)),
        ("IKE SA", f"{view.ike}  {spis}".strip()),
        ("note", f"{_odd(view)} {NON_STANDARD}" if _odd(view) else ""),
        ("age", span(view.age_s) if view.age_s is not None else ""),
        ("rekey in", span(view.rekey_in_s) if view.rekey_in_s is not None else ""),
        ("path", _path(view)),
        ("mode", view.mode if view.mode != "tunnel" else ""),
        ("mappings", f"{view.mappings_up} of {view.mappings_total} up" + _narrowed(view)),
        ("in", _traffic(view.packets_in, view.octets_in, view.rate_in_bps)),
        ("out", _traffic(view.packets_out, view.octets_out, view.rate_out_bps)),
        ("drops", _drops(view.drops)),
        ("tries", _tries(view)),
    )
    for label, text in facts:
        if text:
            yield fit(f"  {label + ':':<10}{text}", width)
    if view.last_change:
        at = f" {moment(view.last_change_at)}" if view.last_change_at is not None else ""
        yield f"  last change{at}:"
        yield fit(f"    {view.last_change}", width)
    lines = _child(*view.children) if len(view.children) == 1 else _children(view.children)
    yield from (fit(line, width) for line in lines)
    yield from (fit(line, width) for line in _mappings(view))
    if view.reason_code:
        since = f" since {moment(view.reason_since)}" if view.reason_since is not None else ""
        yield fit(f"  last reason{since}: {view.reason_code}", width)
        for line in view.reason:
            yield "    " + clean(line)


def _legacy(view: ConnectionView) -> str:
    """Return an old version with its badges; nothing of what is as it should be."""
    version = view.version.replace("ikev", "IKEv")
    return " ".join([version, *view.badges]) if view.badges else ""


def _odd(view: ConnectionView) -> str:
    """Name what of both suites IANA has not numbered."""
    found = dict.fromkeys((*non_standard(view.ike), *non_standard(view.esp)))
    return ", ".join(found) + (":" if found else "")


def _path(view: ConnectionView) -> str:
    framing = _FRAMINGS.get(view.encapsulation, "")
    nat = f"NAT: {view.nat}" if view.nat else ""
    return ", ".join(part for part in (framing, nat) if part)


def _narrowed(view: ConnectionView) -> str:
    return " (narrowed by the peer)" if view.narrowed else ""


def _tries(view: ConnectionView) -> str:
    if view.state.is_up or not view.tries:
        return ""
    coming = f", next in {span(view.next_try_in_s)}" if view.next_try_in_s is not None else ""
    return f"{view.tries}{coming}"


def _traffic(packets: int, octets: int, bps: float) -> str:
    return f"{packets} packets, {amount(octets)}B, {rate(bps)}bit/s"


def _child(child: ChildView) -> Iterator[str]:
    local, remote = (" ".join(side) for side in (child.local_ts, child.remote_ts))
    yield f"  child {child.inbound_spi:08x}_i {child.outbound_spi:08x}_o {child.esp}"
    yield f"    {local} === {remote}"
    rekey = f", rekey in {span(child.rekey_in_s)}" if child.rekey_in_s is not None else ""
    yield (
        f"    age {span(child.age_s)}{rekey}, in {amount(child.octets_in)}B, "
        f"out {amount(child.octets_out)}B"
    )


def _children(children: Sequence[ChildView]) -> Iterator[str]:
    """Tell of several children, a line each."""
    if children:
        yield "  child in out      rekey  in     out    networks"
    for child in children:
        local, remote = (" ".join(side) for side in (child.local_ts, child.remote_ts))
        yield (
            f"  {child.inbound_spi:08x} {child.outbound_spi:08x} {span(child.rekey_in_s):<6} "
            f"{amount(child.octets_in) + 'B':<6} {amount(child.octets_out) + 'B':<6} "
            f"{local} === {remote}"
        )


def _mappings(view: ConnectionView) -> Iterator[str]:
    """Tell where each mapping stands, unless it is one and up: those that are not come first."""
    if len(view.mappings) < 2 and all(one.state == "up" for one in view.mappings):
        return
    yield "  mapping      child in  in     out    networks"
    ordered = sorted(view.mappings, key=lambda one: one.state == "up")
    for one in ordered[:_MAPPINGS]:
        spi = f"{one.inbound_spi:08x}" if one.inbound_spi else "-"
        yield (
            f"  {one.state:<12} {spi:<8}  {amount(one.octets_in) + 'B':<6} "
            f"{amount(one.octets_out) + 'B':<6} {one.local} === {one.remote}"
        )
    if len(ordered) > _MAPPINGS:
        more = ordered[_MAPPINGS:]
        up = sum(one.state == "up" for one in more)
        yield f"  … and {len(more)} more, {up} of them up: ikebana status {view.name} -o json"


def log_line(line: LogLine, paint: Paint = PLAIN) -> str:
    """Return one line of the log, whatever its text contains."""
    code = f" [{clean(line.code)}]" if line.code else ""
    text = f"{line.level:<7} {clean(line.connection) or '-'}: {clean(line.text)}{code}"
    return f"{moment(line.at)} {paint(text, _LEVELS.get(line.level, ''))}"


def span(seconds: float | None) -> str:
    """Return a time in at most six characters: ``34s``, ``5m20s``, ``22h46m``, ``3d04h``, ``-``."""
    if seconds is None:
        return "-"
    whole = max(0, int(seconds))
    days, rest = divmod(whole, 86400)
    hours, rest = divmod(rest, 3600)
    minutes, rest = divmod(rest, 60)
    if days > 99:
        return f"{days}d"
    if days:
        return f"{days}d{hours:02}h"
    if hours:
        return f"{hours}h{minutes:02}m"
    return f"{minutes}m{rest:02}s" if minutes else f"{rest}s"


def amount(value: float) -> str:
    """Return a count with a decimal prefix, three digits: ``1.50M``, ``980``, ``12.0k``."""
    prefix = ""
    for larger in ("k", "M", "G", "T"):
        if value < 999.5:
            break
        value /= 1000
        prefix = larger
    if not prefix:
        return f"{value:.0f}"
    digits = 2 if value < 9.995 else 1 if value < 99.95 else 0
    return f"{value:.{digits}f}{prefix}"


def rate(bps: float) -> str:
    """Return bits per second as :func:`amount` does."""
    return amount(bps)


def moment(at: float) -> str:
    """Return a moment of the Unix epoch in local time, to the millisecond."""
    try:
        there = time.localtime(at)
    except (OverflowError, ValueError, OSError):
        return "?"
    return f"{time.strftime('%Y-%m-%d %H:%M:%S', there)}.{int(at % 1 * 1000):03}"
