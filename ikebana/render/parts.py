"""The parts of a page about a state machine, made of the code of one IKE version.

What they are given is the version's own: its enumerations, its table of handlers, its modules.
"""

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from enum import Enum, IntEnum
from importlib import import_module
from pkgutil import iter_modules, walk_packages
from types import ModuleType
from typing import TypeAlias, TypeVar

from ikebana.render.mentions import mentions

Thing: TypeAlias = type | Callable[..., object]
"""A class or a function."""
S = TypeVar("S", bound=Enum)


def sources_of(package: ModuleType) -> Mapping[str, str]:
    """Return each module of a package, without the package's name, and its text."""
    found = sorted(info.name for info in walk_packages(package.__path__, f"{package.__name__}."))
    return {name.partition(".")[2]: inspect.getsource(import_module(name)) for name in found}


def classes(package: ModuleType) -> list[type]:
    """Return the classes of a package's modules, each module's in the order of its source."""
    found = (import_module(f"{package.__name__}.{m.name}") for m in iter_modules(package.__path__))
    return [
        one
        for module in found
        for one in vars(module).values()
        if isinstance(one, type) and one.__module__ == module.__name__
    ]


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """Yield the lines of a table."""
    yield f"| {' | '.join(head)} |"
    yield "|---" * len(head) + "|"
    for row in rows:
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |"
    yield ""


def states(kind: type[Enum], sources: Mapping[str, str]) -> Iterator[str]:
    """Yield the states with what they mean, and where the code enters them."""
    places: dict[str, list[str]] = {}
    for one in mentions(sources, kind.__name__, frozenset({"become"}), "state"):
        if one.made:
            places.setdefault(one.member, []).append(f"`{one.module}: {one.place}`")
    rows = ((f"`{s.name}`", str(s.value), "<br>".join(places.get(s.name, ()))) for s in kind)
    return table(("state", "meaning", "entered in"), rows)


def requests(
    kind: type[S], exchanges: type[IntEnum], handlers: Mapping[tuple[S, int], Thing]
) -> Iterator[str]:
    """Yield the table of state and exchange, and what its handlers do."""
    kinds = [kind for kind in exchanges if any(kind == given for _, given in handlers)]

    def row(state: S) -> Sequence[str]:
        taken = (handlers.get((state, kind)) for kind in kinds)
        return f"`{state.name}`", *("dropped" if one is None else code(one) for one in taken)

    yield from table(("state", *(kind.name for kind in kinds)), map(row, kind))
    rows = ((code(one), module_of(one), summary(one)) for one in dict.fromkeys(handlers.values()))
    yield from table(("handler", "module", "what it does"), rows)


def waiting(base: type, found: Iterable[type]) -> Iterator[str]:
    """Yield what there is of ``base``, which waits for nothing, and what each of it waits for."""
    for kind in found:
        if issubclass(kind, base):
            yield f"* {code(kind)} ({module_of(kind)}): {summary(kind)}"
            taken = [name for name in vars(base) if name in vars(kind) and name[0] != "_"]
            yield from (f"  * `{name}`: {summary(vars(kind)[name])}" for name in taken)
    yield ""


def notifies(
    kinds: type[IntEnum],
    is_error: Callable[[int], bool],
    sources: Mapping[str, str],
    senders: frozenset[str],
) -> Iterator[str]:
    """Yield the notifies that the code names; ``senders`` are its functions that send one."""
    found = mentions(sources, kinds.__name__, senders)
    said = {one.member for one in found if one.made}
    heeded = {one.member for one in found if not one.made}
    modules: dict[str, dict[str, None]] = {}
    for one in found:
        modules.setdefault(one.member, {})[f"`{one.module}`"] = None
    rows = (
        (
            str(kind.value),
            kind.name,
            "error" if is_error(kind) else "status",
            "yes" if kind.name in said else "no",
            "yes" if kind.name in heeded else "no",
            " ".join(modules[kind.name]),
        )
        for kind in kinds
        if kind.name in modules
    )
    return table(("number", "notify", "kind", "sent", "heeded", "modules"), rows)


def summary(thing: object) -> str:
    """Return the first line of a docstring."""
    return (inspect.getdoc(thing) or "").partition("\n")[0].replace("``", "`")


def code(thing: Thing) -> str:
    """Return a name as code."""
    return f"`{thing.__name__}`"


def module_of(thing: Thing) -> str:
    """Return the module that a class or function is of, without the package's name."""
    return f"`{thing.__module__.partition('.')[2]}`"
