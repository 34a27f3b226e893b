"""Read a configuration file: a :class:`Config`, or every problem at once, never anything else."""

import os
import re
import stat
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, TypeVar

from pydantic import ValidationError

from ikebana.config.access import Directory, Pool, User, access_refusals
from ikebana.config.connection import Connection
from ikebana.config.cross import cross_refusals
from ikebana.config.fields import Model
from ikebana.config.gateway import Gateway
from ikebana.config.lint import lint
from ikebana.config.model import LATER, Config
from ikebana.config.places import Places, TooDeep, find_places
from ikebana.config.problems import (
    ConfigErrors,
    ConfigProblem,
    Loc,
    Refusal,
    clean,
    shown_path,
)
from ikebana.config.psk import Sources, Unreadable, read_bounded
from ikebana.config.wording import refusals, unknown_key

LARGEST: Final = 1 << 20
"""Octets of a configuration file."""
_MOST: Final = 100  # problems told at once
_ROOT: Final = ("gateway", "user", "pool", "connection")
_MOST_USERS: Final = 10_000
_MOST_POOLS: Final = 64
_LINE: Final = re.compile(r" \(at line (\d+), column (\d+)\)$")

M = TypeVar("M", bound=Model)


def load(path: str | os.PathLike[str], environ: Mapping[str, str] | None = None) -> Config:
    """Return the configuration in a file.

    ``environ`` is what ``psk = { env = … }`` looks into; the process's own by default.  Raises
    :exc:`ConfigErrors`, also when the file cannot be read.
    """
    place = Path(path)
    try:
        content, mode = read_bounded(place, LARGEST)
    except Unreadable as why:
        raise ConfigErrors(
            [ConfigProblem("", 0, f"{clean(str(path))}: {why}", clean(why.hint))]
        ) from None
    sources = Sources(place.parent, os.environ if environ is None else environ)
    return parse(content, sources, is_exposed=bool(mode & stat.S_IROTH))


def parse(content: bytes, sources: Sources | None = None, *, is_exposed: bool = False) -> Config:
    """Return the configuration in a file's octets.  Raises :exc:`ConfigErrors`.

    ``is_exposed`` says that every user of the host can read the file (a warning for keys in it).
    """
    tree, places = _parse_toml(content)
    return _Reading(places, sources or Sources()).config(tree, is_exposed=is_exposed)


def _parse_toml(content: bytes) -> tuple[dict[str, Any], Places]:
    if len(content) > LARGEST:
        raise _one(0, f"longer than {LARGEST} octets", "is it the right file?")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as why:
        line = content.count(b"\n", 0, why.start) + 1
        raise _one(line, "not UTF-8", "save the file in UTF-8") from None
    try:
        places = find_places(text)
        return tomllib.loads(text), places
    except TooDeep as why:
        raise _one(why.line, str(why), "write tables: [connection.ike]") from None
    except RecursionError:
        raise _one(0, "nested too deeply", "write tables: [connection.ike]") from None
    except tomllib.TOMLDecodeError as why:
        raise _syntax(str(why), text) from None
    except ValueError:  # a number of thousands of digits
        raise _one(0, "a value that is no TOML value", "look for a very long number") from None


def _one(line: int, message: str, hint: str) -> ConfigErrors:
    return ConfigErrors([ConfigProblem("", line, clean(message), hint)])


def _syntax(why: str, text: str) -> ConfigErrors:
    found = _LINE.search(why)
    line, column = (int(found[1]), int(found[2])) if found else (text.count("\n") + 1, 0)
    place = f" at column {column}" if column else " at the end of the file"
    message = why[: found.start()] if found else why.replace(" (at end of document)", "")
    return _one(line, f"not TOML{place}: {message}", "text needs quotes, a list brackets")


class _Reading:
    """One reading of one file: what is wrong gathers here."""

    def __init__(self, places: Places, sources: Sources) -> None:
        self._places = places
        self._sources = sources
        self._problems: list[ConfigProblem] = []

    def config(self, tree: dict[str, Any], *, is_exposed: bool) -> Config:
        unknown = (key for key in tree if key not in _ROOT)
        self._add_all(unknown_key((key,), LATER[None], _ROOT) for key in unknown)
        gateway = self._gateway(tree.get("gateway", {}))
        if gateway.lab.allow_short_lifetimes:
            self._sources = replace(self._sources, is_lab=True)
        directory = Directory(
            tuple(self._tables(User, tree, "user", _MOST_USERS)),
            tuple(self._tables(Pool, tree, "pool", _MOST_POOLS)),
        )
        pools = {pool.name: str(pool.network) for pool in directory.pools}
        self._sources = replace(self._sources, pools=pools)
        numbered = tuple(self._connections(tree.get("connection", []), gateway))
        self._add_all(cross_refusals(gateway, numbered))
        self._add_all(access_refusals(directory, numbered))
        if self._problems:
            raise ConfigErrors(self._ordered(self._problems))
        unwise = lint(gateway, numbered, directory.users, is_exposed=is_exposed)
        noted = [self._problem(one) for one in unwise]
        connections = tuple(one for _, one in numbered)
        return Config(gateway, connections, self._ordered(noted), directory)

    def _tables(
        self, kind: type[M], tree: Mapping[str, object], name: str, most: int
    ) -> Iterator[M]:
        raw = tree.get(name, [])
        if not isinstance(raw, list):
            self._add(Refusal((name,), "must be a list of tables", f"[[{name}]]"))
            return
        if len(raw) > most:
            self._add(Refusal((name, most), f"{len(raw)} of them, more than {most}", "fewer"))
        for at, one in enumerate(raw[:most]):
            found = self._model(kind, one, (name, at))
            if found is not None:
                yield found

    def _gateway(self, raw: object) -> Gateway:
        if isinstance(raw, list):
            hint = "write one [gateway]"
            self._add(
                Refusal(
                    ("gateway",), "several gateways are not yet supported by this version", hint
                )
            )
            return Gateway()
        return self._model(Gateway, raw, ("gateway",)) or Gateway()

    def _connections(self, raw: object, gateway: Gateway) -> Iterator[tuple[int, Connection]]:
        if not isinstance(raw, list):
            self._add(Refusal(("connection",), "must be a list of tables", "[[connection]]"))
            return
        most = gateway.quotas.tunnels_per_gateway
        if len(raw) > most:
            self._add(
                Refusal(
                    ("connection", most),
                    f"{len(raw)} connections, more than {most}",
                    "raise gateway.quotas.tunnels_per_gateway",
                )
            )
        for at, one in enumerate(raw[:most]):
            found = self._model(Connection, one, ("connection", at))
            if found is not None:
                yield at, found

    def _model(self, kind: type[M], raw: object, root: Loc) -> M | None:
        try:
            return kind.model_validate(raw, context=self._sources)
        except ValidationError as why:
            self._add_all(refusals(kind, why, root))
            return None

    def _add(self, refusal: Refusal) -> None:
        self._problems.append(self._problem(refusal))

    def _add_all(self, refusals: Iterable[Refusal]) -> None:
        for one in refusals:
            if len(self._problems) > _MOST:
                return
            self._add(one)

    def _problem(self, one: Refusal) -> ConfigProblem:
        line = self._places.line(one.loc)
        return ConfigProblem(shown_path(one.loc), line, one.message, one.hint)

    def _ordered(self, problems: Iterable[ConfigProblem]) -> tuple[ConfigProblem, ...]:
        found = sorted(problems, key=lambda one: one.line)
        if len(found) > _MOST:
            more = ConfigProblem("", 0, "and more", "repair these first")
            return (*found[:_MOST], more)
        return tuple(found)
