"""The command line: ``ikebana VERB``.  Every verb imports only what it needs."""

import contextlib
import json
import shutil
import sys
import time
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final, NoReturn

import typer

from ikebana.cli.out import Exit, complain, reporting, say
from ikebana.cli.paint import CLEAR, paint_for
from ikebana.control.client import Client
from ikebana.control.view import DEFAULT_PATH, Outcome, StatusView, StepResult

app = typer.Typer(
    name="ikebana",
    help="A userspace IPsec gateway.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # importing rich would take longer than the whole of `status`
)
policies = typer.Typer(help="The security policies.", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(policies, name="policy")
_PERIOD: Final = 1.0  # seconds between two screens of `status -w`
_WIDEST: Final = 120


class Output(StrEnum):
    """How ``-o`` prints."""

    TEXT = "text"
    JSON = "json"


Control = Annotated[str, typer.Option("--control", metavar="SOCKET", help="The control socket.")]
Format = Annotated[Output, typer.Option("-o", "--output", help="For people, or stable JSON.")]
Name = Annotated[str, typer.Argument(metavar="NAME", help="A connection.")]
MaybeName = Annotated[str | None, typer.Argument(metavar="[NAME]", help="A connection.")]
Timeout = Annotated[float, typer.Option(min=1, max=600, help="Seconds to wait for the result.")]
ConfigFile = Annotated[Path, typer.Option("-c", "--config", metavar="FILE", help="TOML file.")]


@app.command()
def run(
    config: ConfigFile,
    control: Control = DEFAULT_PATH,
    keylog: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Write keys for Wireshark there: SECRET.")
    ] = None,
) -> None:
    """Run the daemon in the foreground; SIGTERM deletes its SAs, SIGHUP reloads."""
    from ikebana.daemon.main import run as run_daemon

    raise typer.Exit(run_daemon(config, control, keylog))


@app.command()
def check(file: Annotated[Path, typer.Argument(metavar="FILE", help="TOML file.")]) -> None:
    """Check a configuration: every problem with its line and what to do."""
    from ikebana.cli.check import check_file

    raise typer.Exit(check_file(file))


@app.command()
def doctor(output: Format = Output.TEXT, control: Control = DEFAULT_PATH) -> None:
    """Look at this host: whether a gateway can run here, how fast, and what would help."""
    from ikebana.cli.doctor import can_run, findings, lines, to_json
    from ikebana.cli.host import look

    found = findings(look(control))
    if output is Output.JSON:
        say([json.dumps(to_json(found), indent=2)])
    else:
        say(lines(found, paint_for(sys.stdout), _size()[0]))
    raise typer.Exit(Exit.OK if can_run(found) else Exit.FAILED)


@app.command("psk-fingerprint")
def psk_fingerprint(name: Name, config: ConfigFile) -> None:
    """Print a PSK's length and 16 bits of its scrypt, to compare by telephone."""
    from ikebana.cli.check import fingerprint_of

    raise typer.Exit(fingerprint_of(config, name))


@app.command("explain-proposal")
def explain_proposal(
    keywords: Annotated[str, typer.Argument(metavar="KEYWORDS")],
    ikev1: Annotated[
        bool, typer.Option("--ikev1", help="Tell also what IKEv1 can say of it.")
    ] = False,
) -> None:
    """Tell what each keyword of a proposal is (aes128-sha256-modp2048), for IKE and ESP."""
    from ikebana.cli.explain import explain

    found = explain(keywords, ikev1=ikev1)
    say(found.lines)
    raise typer.Exit(Exit.OK if found.usable else Exit.FAILED)


@app.command()
def up(
    name: Name,
    timeout: Timeout = 30.0,
    control: Control = DEFAULT_PATH,
) -> None:
    """Bring a connection up and show the exchange as it happens."""
    from ikebana.cli.steps import step_lines

    paint = paint_for(sys.stdout)
    width = _size()[0]
    result: StepResult | None = None
    with reporting():
        for step in Client(control).up(name, timeout):
            say(step_lines(name, step, paint, width))
            if isinstance(step, StepResult):
                result = step
    if result is None:
        complain("the daemon ended before the result", f"ikebana status {name}")
        raise typer.Exit(Exit.FAILED)
    if not result.ok:
        raise typer.Exit(Exit.TIMEOUT if result.timed_out else Exit.FAILED)


@app.command()
def down(name: Name, control: Control = DEFAULT_PATH) -> None:
    """Take a connection down and hold it there until `up`."""
    with reporting():
        Client(control).down(name)
    say([f"Down: {name}"])


@app.command()
def rekey(
    name: Name,
    ike: Annotated[bool, typer.Option("--ike", help="The IKE SA, too.")] = False,
    timeout: Timeout = 30.0,
    output: Format = Output.TEXT,
    control: Control = DEFAULT_PATH,
) -> None:
    """Replace the keys of a connection's children without a gap."""
    with reporting():
        outcome = Client(control).rekey(name, timeout, ike=ike)
    _end(name, outcome, output)


@app.command()
def reauth(
    name: Name,
    timeout: Timeout = 30.0,
    output: Format = Output.TEXT,
    control: Control = DEFAULT_PATH,
) -> None:
    """Authenticate both ends anew: the next IKE SA comes before the present one goes."""
    with reporting():
        outcome = Client(control).reauth(name, timeout)
    _end(name, outcome, output)


@app.command()
def renegotiate(
    name: Name,
    timeout: Timeout = 30.0,
    output: Format = Output.TEXT,
    control: Control = DEFAULT_PATH,
) -> None:
    """Delete a connection's SAs, then begin anew; traffic stops meanwhile."""
    with reporting():
        outcome = Client(control).renegotiate(name, timeout)
    _end(name, outcome, output)


def _end(name: str, outcome: Outcome, output: Output) -> NoReturn:
    from ikebana.cli.renew import outcome_code, outcome_lines

    if output is Output.JSON:
        say([json.dumps(outcome.to_json(), indent=2)])
    else:
        say(outcome_lines(name, outcome, paint_for(sys.stdout)))
    raise typer.Exit(outcome_code(outcome))


@app.command()
def status(
    name: MaybeName = None,
    output: Format = Output.TEXT,
    watch: Annotated[bool, typer.Option("-w", "--watch", help="Show it anew each second.")] = False,
    control: Control = DEFAULT_PATH,
) -> None:
    """Show the connections on one screen, or all about one."""
    client = Client(control)
    with contextlib.suppress(KeyboardInterrupt), reporting():
        say(_screen(client.status(name), name, output, watch=watch))
        while watch:
            time.sleep(_PERIOD)
            say(_screen(client.status(name), name, output, watch=True))


def _screen(view: StatusView, name: str | None, output: Output, *, watch: bool) -> list[str]:
    if output is Output.JSON:
        return [json.dumps(view.to_json(), indent=None if watch else 2)]
    from ikebana.cli.screens import details, overview

    paint = paint_for(sys.stdout)
    width, height = _size()
    terminal = sys.stdout.isatty()
    if name is not None:
        lines = details(view, paint, width)
    else:
        lines = overview(view, time.time(), paint, width, height - 1 if terminal else None)
    return [CLEAR + lines[0], *lines[1:]] if watch and terminal else lines


def _size() -> tuple[int, int]:
    found = shutil.get_terminal_size((80, 24))
    return max(40, min(found.columns, _WIDEST)), max(found.lines, 8)


@app.command()
def log(
    name: MaybeName = None,
    follow: Annotated[bool, typer.Option("-f", "--follow", help="Wait for more.")] = False,
    output: Format = Output.TEXT,
    control: Control = DEFAULT_PATH,
) -> None:
    """Show the log, or that of one connection."""
    from ikebana.cli.screens import log_line

    paint = paint_for(sys.stdout)
    with contextlib.suppress(KeyboardInterrupt), reporting():
        for line in Client(control).log(name, follow=follow):
            shown = output is Output.TEXT
            say([log_line(line, paint) if shown else json.dumps(line.to_json())])


@policies.command("explain")
def policy_explain(
    source: Annotated[str, typer.Argument(metavar="SRC", help="Where it comes from.")],
    target: Annotated[str, typer.Argument(metavar="DST", help="Where it goes to.")],
    protocol: Annotated[str, typer.Argument(metavar="[PROTO]", help="tcp, udp, icmp, 47.")] = "",
    port: Annotated[str, typer.Argument(metavar="[PORT]", help="443; of ICMP 8:0.")] = "",
    source_port: Annotated[str, typer.Option(metavar="PORT", help="The port it leaves.")] = "",
    output: Format = Output.TEXT,
    control: Control = DEFAULT_PATH,
) -> None:
    """Tell which policy a packet would hit and why, and what would come of it."""
    from ikebana.cli.policy import explained
    from ikebana.control.question import BadQuestion, read_flow

    words = (source, target, protocol, port, source_port)
    try:
        read_flow(*words)
    except BadQuestion as error:
        complain(str(error), error.hint)
        raise typer.Exit(Exit.USAGE) from error
    with reporting():
        view = Client(control).explain(*words)
    if output is Output.JSON:
        say([json.dumps(view.to_json(), indent=2)])
    else:
        say(explained(view, paint_for(sys.stdout), _size()[0]))


def main() -> None:
    """Run the command line and exit."""
    app()
