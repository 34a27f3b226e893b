"""``ikebana doctor``: whether a gateway can run on this host, how fast, and what would help."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from textwrap import wrap
from typing import Any, Final

from ikebana.cli.host import SIZE, Facts, Port
from ikebana.cli.paint import Paint
from ikebana.render.text import clean
from tundev.probe import NEEDED
from tundev.sockets import BUFFER

PLAIN: Final = Paint()
_ALL_OFFLOADS: Final = ("csum", "tso4", "tso6", "ecn", "uso4", "uso6")
_TITLE: Final = 11
_SLOW: Final = 5.0  # microseconds for 1400 octets: about 200 MB/s, and no hurry


class Mark(StrEnum):
    """How a finding is meant."""

    OK = "ok"
    NOTE = "note"
    BAD = "bad"


_SIGNS: Final = {Mark.OK: ("✔", "green"), Mark.NOTE: ("•", "yellow"), Mark.BAD: ("✘", "red")}


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the screen: what was looked at, what was found, what to do."""

    name: str
    mark: Mark
    what: str
    advice: str = ""


def findings(facts: Facts) -> list[Finding]:
    """Return what there is to say of a host, in the order of the screen."""
    return [
        Finding("kernel", Mark.OK, facts.kernel),
        _privileges(facts),
        _tun(facts),
        _udp("udp send", facts.gso, "UDP_SEGMENT: many datagrams in one call", "4.18"),
        _udp("udp receive", facts.gro, "UDP_GRO: many datagrams in one read", "5.0"),
        _numpy(facts),
        _aes(facts),
        _buffers(facts),
        _forwarding(facts),
        _rp_filter(facts),
        *(_port(port, facts) for port in facts.ports),
        _daemon(facts),
    ]


def can_run(found: Sequence[Finding]) -> bool:
    """Tell whether a gateway can run: nothing is bad."""
    return all(one.mark is not Mark.BAD for one in found)


def to_json(found: Sequence[Finding]) -> dict[str, Any]:
    """Return the findings as :func:`json.dumps` takes them."""
    rows = [
        {"name": one.name, "state": str(one.mark), "found": one.what, "advice": one.advice}
        for one in found
    ]
    return {"can_run": can_run(found), "findings": rows}


def lines(found: Sequence[Finding], paint: Paint = PLAIN, width: int = 80) -> Iterator[str]:
    """Yield the screen: a line for each finding, and below it what to do."""
    room = max(width - _TITLE - 3, 20)
    for one in found:
        sign, colour = _SIGNS[one.mark]
        first, *more = wrap(clean(one.what), room) or [""]
        yield f"{paint(sign, colour)} {one.name:<{_TITLE}} {first}"
        for text in (*more, *wrap(clean(one.advice), room)):
            yield f"{'':{_TITLE + 3}}{text}"
    if can_run(found):
        yield paint("A gateway can run here.", "bold")
    else:
        yield paint("No gateway can run here: see ✘.", "bold")


def _privileges(facts: Facts) -> Finding:
    lacking = [name for name in NEEDED if name not in facts.capabilities]
    if not lacking:
        return Finding("privileges", Mark.OK, ", ".join(NEEDED))
    advice = "run as root, or give the service these capabilities(7)"
    return Finding("privileges", Mark.BAD, f"no {', '.join(lacking)}", advice)


def _tun(facts: Facts) -> Finding:
    if facts.tun_error:
        if "CAP_NET_ADMIN" not in facts.capabilities:
            return Finding("tun", Mark.NOTE, "not looked at: needs CAP_NET_ADMIN")
        return Finding("tun", Mark.BAD, "no TUN device can be opened", facts.tun_advice)
    if facts.offloads is None:
        return Finding(
            "tun",
            Mark.NOTE,
            "one packet in a call: this kernel has no virtio header on it",
            "it works, slower; Linux itself has had it since 2.6.27",
        )
    there = [name for name in _ALL_OFFLOADS if name in facts.offloads]
    lacking = [name for name in _ALL_OFFLOADS if name not in facts.offloads]
    what = f"virtio header; {' '.join(there) or 'no offloads'}"
    if not lacking:
        return Finding("tun", Mark.OK, what)
    advice = "Linux 6.2 hands over UDP in large pieces, too" if there else "it works, slower"
    return Finding("tun", Mark.NOTE, f"{what}; not {' '.join(lacking)}", advice)


def _udp(name: str, there: bool, what: str, since: str) -> Finding:
    if there:
        return Finding(name, Mark.OK, what)
    return Finding(name, Mark.NOTE, f"no {what}", f"it works, slower; Linux {since} has it")


def _numpy(facts: Facts) -> Finding:
    if facts.numpy:
        return Finding("numpy", Mark.OK, "installed: packets are worked on as rows")
    return Finding(
        "numpy", Mark.NOTE, "not installed", "about twice the speed: pip install 'ikebana[fast]'"
    )


def _aes(facts: Facts) -> Finding:
    speed = f"; AES-128-GCM takes {facts.seal_us:.1f} µs for {SIZE} octets"
    measured = speed if facts.seal_us else ""
    if facts.aes:
        slow = facts.seal_us > _SLOW
        advice = "slow for such a processor: is the machine busy, or OPENSSL_ia32cap set?"
        mark = Mark.NOTE if slow else Mark.OK
        return Finding("aes", mark, f"in the processor{measured}", advice if slow else "")
    return Finding(
        "aes",
        Mark.NOTE,
        f"no instructions for it in the processor{measured}",
        "chacha20poly1305 is faster here, if the peer can do it",
    )


def _buffers(facts: Facts) -> Finding:
    known = [("rmem_max", facts.rmem_max), ("wmem_max", facts.wmem_max)]
    shown = ", ".join(f"{name} {_size(value)}" for name, value in known if value is not None)
    small = [name for name, value in known if value is not None and value < BUFFER]
    if not small or "CAP_NET_ADMIN" in facts.capabilities:
        forced = ", gone beyond with CAP_NET_ADMIN" if small else ""
        return Finding("buffers", Mark.OK, f"{_size(BUFFER)} each way ({shown}{forced})")
    advice = "sysctl -w " + " ".join(f"net.core.{name}={BUFFER}" for name in small)
    what = f"less than {_size(BUFFER)} ({shown}): bursts may be lost"
    return Finding("buffers", Mark.NOTE, what, advice)


def _size(octets: int) -> str:
    if octets >= 1 << 20:
        return f"{octets / (1 << 20):.3g} MiB"
    return f"{octets / 1024:.4g} KiB"


def _forwarding(facts: Facts) -> Finding:
    settings = ("net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1")
    states = []
    off = []
    for name, value, setting in zip(("IPv4", "IPv6"), facts.forwarding, settings, strict=True):
        if value is not None:
            states.append(f"{name} {'on' if value else 'off'}")
            if not value:
                off.append(setting)
    what = ", ".join(states) or "not told by this kernel"
    if not off:
        return Finding("forwarding", Mark.OK, what)
    advice = f"for hosts behind this one: sysctl -w {' '.join(off)}"
    return Finding("forwarding", Mark.NOTE, what, advice)


def _rp_filter(facts: Facts) -> Finding:
    if not facts.strict:
        return Finding("rp_filter", Mark.OK, "not strict")
    return Finding(
        "rp_filter",
        Mark.NOTE,
        f"strict on {', '.join(facts.strict)}",
        "where a tunnel's networks contain the peer's own address (0.0.0.0/0 does), its packets "
        "are dropped: sysctl -w net.ipv4.conf.all.rp_filter=2",
    )


def _port(port: Port, facts: Facts) -> Finding:
    name = f"port {port.number}"
    if not port.is_known:
        return Finding(name, Mark.NOTE, "not looked at: needs CAP_NET_BIND_SERVICE")
    if not port.holder:
        return Finding(name, Mark.OK, "free")
    listening = facts.daemon.listening if facts.daemon is not None else ()
    if any(one.endswith(f":{port.number}") for one in listening):
        return Finding(name, Mark.OK, "held by the daemon that runs")
    advice = "stop it, or choose others: gateway.port, gateway.nat_port, for tests only"
    return Finding(name, Mark.BAD, f"taken by {port.holder}", advice)


def _daemon(facts: Facts) -> Finding:
    gateway = facts.daemon
    if gateway is None:
        return Finding("daemon", Mark.OK, "none runs, or not at this control socket")
    means = " ".join(gateway.worker.means) or "one packet in a call"
    what = f"{gateway.name} runs (pid {gateway.pid}); its worker: {means}"
    if gateway.worker.pid:
        return Finding("daemon", Mark.OK, what)
    what = f"{gateway.name} runs (pid {gateway.pid}) without a worker"
    return Finding("daemon", Mark.NOTE, what, "it is being started again: ikebana log")
