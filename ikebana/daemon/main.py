"""Run the gateway in the foreground: start, signals, reload, stop."""

import asyncio
import contextlib
import gc
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from ikebana.cli.paint import paint_for
from ikebana.config.compile import Plan, compile_config, compile_gateway
from ikebana.config.gateway import Gateway as GatewaySettings
from ikebana.config.load import load
from ikebana.config.model import Config
from ikebana.config.problems import ConfigErrors, ConfigProblem
from ikebana.control.server import ControlError, ControlServer
from ikebana.control.view import Level
from ikebana.daemon import priority
from ikebana.daemon.gateway import Gateway
from ikebana.daemon.journal import Journal
from ikebana.daemon.kernel import Kernel
from ikebana.daemon.service import Service
from ikebana.render.keylog_files import KeyLogError

_GARBAGE: Final = 20_000  # objects between collections: a handshake makes thousands, no cycles


def run(config_path: Path, control_path: str, keylog_dir: Path | None = None) -> int:
    """Run until SIGTERM or SIGINT; return the exit code.  Problems go to standard error."""
    try:
        config = load(config_path)
    except ConfigErrors as errors:
        for problem in errors.problems:
            print(problem_line(config_path, problem), file=sys.stderr)
        return 1
    warnings = [problem_line(config_path, one) for one in config.warnings()]
    plan, settings = compile_config(config), config.gateway
    del config  # it is three times as large as the plan, and not needed any more
    try:
        return asyncio.run(
            _serve(config_path, plan, settings, warnings, control_path, str(keylog_dir or ""))
        )
    except (OSError, ControlError, KeyLogError) as error:
        print(f"ikebana: {error}", file=sys.stderr)
        return 1


def problem_line(path: Path, problem: ConfigProblem) -> str:
    """Return a problem as one line: where, what, and what to do."""
    hint = f" ({problem.hint})" if problem.hint else ""
    return f"{path}:{problem.line}: {problem.path}: {problem.message}{hint}"


def reloaded(config: Config, running: GatewaySettings) -> Plan:
    """Return the plan of a configuration whose connections and policies come into force.

    The rest of [gateway] does not.  Connections draw on it (the addresses they use): on that
    which is open.
    """
    gateway = running.model_copy(update={"policies": config.gateway.policies})
    return compile_config(replace(config, gateway=gateway))


async def _serve(
    path: Path,
    plan: Plan,
    settings: GatewaySettings,
    warnings: Sequence[str],
    control_path: str,
    keylog_dir: str,
) -> int:
    loop = asyncio.get_running_loop()
    journal = Journal(time.time, sys.stderr, paint_for(sys.stderr))
    kernel = Kernel(
        plan.gateway, keylog_dir, lambda name, text: journal.write(Level.ERROR, (text,), name)
    )
    priority.step_back()  # from here on: what is above has the priority we were started with
    gateway = Gateway(plan, kernel, journal, loop)

    def worker_gone() -> None:
        journal.write(Level.ERROR, ("the packet worker ended; a new one gets new keys",))
        gateway.on_worker_restarted()

    kernel.watch(
        loop,
        gateway.on_datagram,
        gateway.on_unreachable,
        gateway.on_worker,
        worker_gone,
        gateway.on_changes,
    )
    for line in warnings:
        journal.write(Level.WARNING, (line,))
    journal.write(Level.INFO, (f"listening on {', '.join(kernel.listening)}",))

    async def reload() -> Sequence[str]:
        try:
            config = load(path)
        except ConfigErrors as errors:
            problems = [problem_line(path, one) for one in errors.problems]
            journal.write(Level.ERROR, ("the new configuration is bad: nothing changed", *problems))
            return problems
        if compile_gateway(config.gateway) != gateway.plan.gateway:
            journal.write(Level.WARNING, ("[gateway] changed: that needs a restart",))
        changed = gateway.apply(reloaded(config, settings))
        service.warnings = tuple(problem_line(path, one) for one in config.warnings())
        told = ", ".join(changed) if changed else "no connection changed"
        journal.write(Level.INFO, (f"configuration reloaded: {told}",))
        return ()

    service = Service(gateway, time.time, reload, warnings)
    control = ControlServer(service, control_path)
    over = asyncio.Event()
    reloading: set[asyncio.Task[Sequence[str]]] = set()

    def hang_up() -> None:
        task = loop.create_task(reload())
        reloading.add(task)
        task.add_done_callback(reloading.discard)

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, over.set)
    loop.add_signal_handler(signal.SIGHUP, hang_up)
    try:
        control.open()
        gateway.start()
        kernel.started()
        await control.start()
        gc.collect()
        gc.freeze()  # what start-up made is there to stay
        gc.set_threshold(_GARBAGE)
        await over.wait()
        journal.write(Level.INFO, ("stopping: deleting the SAs",))
        await gateway.stop()
    finally:
        with contextlib.suppress(OSError):
            await control.stop()
        kernel.close()
    return 0
