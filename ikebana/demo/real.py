"""The demonstration for real: gateways as processes, the kernel's hosts, a watched wire."""

import secrets
import subprocess
from collections.abc import Iterator
from typing import Final

from ikebana.control.client import Client, ClientError
from ikebana.control.view import StepDone, StepMessage, StepResult
from ikebana.demo.capture import Capture
from ikebana.demo.config import CONNECTION, MOON, PICTURE, SUN, Side
from ikebana.demo.interrupts import Interrupts
from ikebana.demo.ping import open_ping, ping
from ikebana.demo.report import show_pings, show_proof, show_sas, show_speed
from ikebana.demo.show import WIDTH, Screen
from ikebana.demo.site import Site, SiteError
from ikebana.demo.speed import Interval
from ikebana.render.rung import rung

_UP_PATIENCE: Final = 10.0
_PINGS: Final = 5
_SOON: Final = 0.3  # seconds in which nothing may come back


def demonstrate(screen: Screen, interrupts: Interrupts, seconds: float) -> bool:
    """Run it all and tell whether all of it worked; what was made is gone on return.

    ``seconds`` of throughput.  Passes on what interrupts it, after the removal.
    """
    worked = removed = False
    site = Site()
    with interrupts.shielded():
        try:
            with interrupts.exposed():
                worked = _show(screen, interrupts, site, seconds)
        except (SiteError, ClientError, OSError, ValueError) as error:
            _complain(screen, error)
            screen.lines(site.logs().splitlines())
        finally:
            removed = _remove(screen, site)
    return worked and removed


def _show(screen: Screen, interrupts: Interrupts, site: Site, seconds: float) -> bool:
    screen.heading("Two gateways in network namespaces of their own, a host behind each")
    screen.lines(PICTURE)
    psk = secrets.token_hex(32)
    with interrupts.shielded():
        site.build()
    with site.enter(MOON.name):
        capture = Capture("wan")
    with capture:
        for here, there in ((SUN, MOON), (MOON, SUN)):
            with interrupts.shielded():
                site.start(here, there, psk)
        moon, sun = site.client(MOON), site.client(SUN)
        screen.good("both listen; every packet between them is counted from here on")
        worked = _is_closed(screen, site) and _connect(screen, moon)
        if not worked:
            screen.lines(site.logs().splitlines())
            return False
        for side, client in ((MOON, moon), (SUN, sun)):
            for view in client.status(CONNECTION).connections:
                show_sas(screen, side.name, view)
        worked = _ping(screen, site) and _measure(screen, interrupts, site, seconds)
        screen.heading("What the wire between the gateways carried")
        return show_proof(screen, capture.stop()) and worked


def _is_closed(screen: Screen, site: Site) -> bool:
    """Show that without the tunnel nothing passes, not even in clear."""
    screen.heading("Before the tunnel is up")
    with site.enter(MOON.host_name):
        sock = open_ping()
    with sock:
        (echo,) = ping(sock, SUN.host, 1, patience=_SOON)
    if echo.ms is not None:
        screen.bad(f"{MOON.host_name} reached {SUN.host} without a tunnel")
        return False
    screen.good(f"{MOON.host_name} does not reach {SUN.host}: nothing leaves in clear")
    return True


def _connect(screen: Screen, moon: Client) -> bool:
    screen.heading(f"The IKE exchange: ikebana up {CONNECTION}")
    screen.line(f"  {MOON.name:<{WIDTH - 2 - len(SUN.name)}}{SUN.name}")
    done: list[StepDone] = []
    for step in moon.up(CONNECTION, _UP_PATIENCE):
        match step:
            case StepMessage():
                screen.line(f"  {rung(step, WIDTH - 2)}")
            case StepDone():
                done.append(step)
            case StepResult():
                for one in done:
                    show = screen.good if one.ok else screen.bad
                    show(f"{one.text} after {one.ms:.0f} ms, {one.detail}")
                if not step.ok:
                    screen.bad(f"not connected: {step.state}")
                    screen.lines(step.lines)
                return step.ok
    screen.bad("the daemon ended before the result")
    return False


def _ping(screen: Screen, site: Site) -> bool:
    screen.heading("Pings through the tunnel, both ways")
    worked = True
    for origin, target in ((MOON, SUN), (SUN, MOON)):
        with site.enter(origin.host_name):
            sock = open_ping()
        with sock:
            echoes = ping(sock, target.host, _PINGS)
            worked = show_pings(screen, origin.host_name, echoes) and worked
    return worked


def _measure(screen: Screen, interrupts: Interrupts, site: Site, seconds: float) -> bool:
    screen.heading(f"{seconds:g} s of TCP through the tunnel, one stream")
    rate = show_speed(screen, _intervals(interrupts, site, MOON, SUN, seconds))
    if rate:
        screen.good(f"mean {rate:.0f} Mbit/s")
    return bool(rate)


def _intervals(
    interrupts: Interrupts, site: Site, origin: Side, target: Side, seconds: float
) -> Iterator[Interval]:
    speed = "ikebana.demo.speed"
    with interrupts.shielded():
        receiver = site.run(
            target.host_name, [speed, "receive", target.host], stdout=subprocess.PIPE
        )
    if receiver.stdout is None:
        return
    with receiver.stdout as told:
        ready = told.readline().decode().split()
        if ready[:1] != ["ready"]:
            raise SiteError("the receiver did not start")
        with interrupts.shielded():
            sender = site.run(
                origin.host_name, [speed, "send", target.host, ready[1], f"{seconds:g}"]
            )
        for line in told:
            yield Interval.parse(line.decode())
    if receiver.wait() or sender.wait():
        raise SiteError("the stream broke off")


def _remove(screen: Screen, site: Site) -> bool:
    try:
        gone = site.close()  # before anything is printed: nobody may be reading any more
    except (SiteError, OSError) as error:
        _complain(screen, error)
        return False
    screen.heading("All that was made is removed")
    screen.good(gone)
    return True


def _complain(screen: Screen, error: Exception) -> None:
    first, *others = str(error).splitlines() or [type(error).__name__]
    screen.bad(first)
    screen.lines(others, "    ")
