"""Render the reference of IKEv2's state machine from the code itself.

``python -m ikebana.render.machine > docs/reference/ikev2.md``
"""

import inspect
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import Enum
from functools import partial
from importlib import import_module
from pkgutil import iter_modules, walk_packages
from typing import Final

import ikev2
from ikebana.render.mentions import mentions
from ikev2 import exchanges
from ikev2.child import ChildState
from ikev2.exchange import Waiting
from ikev2.handlers import HANDLERS
from ikev2.message import Exchange
from ikev2.payloads.types import NotifyType, is_error
from ikev2.sa import Handler, State

_HEAD: Final = """\
# IKEv2: the state machine

An `IkeSa` (`ikev2/sa.py`) knows how messages come and go; what they mean stands in
`ikev2/exchanges/`, a class for each exchange. A request of the peer goes through one table of state
and exchange, and what is not in the table is dropped. A request of our own is an object; it waits
in a queue until the window is open. An IKE_SA_INIT request has no SA yet: `ikev2/entrance.py`
answers it, and what fits becomes an SA.

This page is generated: `python -m ikebana.render.machine > docs/reference/ikev2.md`. Why it is so
stands in ADR [7](../adr/0007-collisions-the-lowest-nonce-goes.md),
[8](../adr/0008-an-ike-sa-outlives-its-children.md) and
[9](../adr/0009-a-rekey-keeps-the-algorithms.md).
"""
_OWN: Final = "kind", "alone", "is_moot", "payloads", "on_response", "on_silence"
_SENDERS: Final = frozenset({"Notify", "Refusal", "_refuse"})


def render() -> str:
    """Return the page, in Markdown."""
    sources = _sources()
    lines = [_HEAD, "## States of an IKE SA", ""]
    lines += _states(State, sources)
    lines += ["## Requests of the peer", "", *_requests()]
    lines += ["## What an SA waits for besides", ""]
    lines += ["The key comes from outside (`Authorize`), and takes its time.", "", *_waiting()]
    lines += ["## Requests of our own", ""]
    lines += ["One that goes alone waits until no other is under way, and the others for it.", ""]
    lines += _own()
    lines += ["## States of a child", "", *_states(ChildState, sources)]
    lines += ["## Notifies", ""]
    lines += ["Any other error refuses; any other status is passed over.", ""]
    lines += _notifies(sources)
    return "\n".join(lines)


def _sources() -> Mapping[str, str]:
    """Return each module of the package, without ``ikev2.``, and its text."""
    found = sorted(info.name for info in walk_packages(ikev2.__path__, "ikev2."))
    return {name.partition(".")[2]: inspect.getsource(import_module(name)) for name in found}


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield "|---" * len(head) + "|"
    for row in rows:
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |"
    yield ""


def _states(kind: type[Enum], sources: Mapping[str, str]) -> Iterator[str]:
    places: dict[str, list[str]] = {}
    for one in mentions(sources, kind.__name__, frozenset({"become"}), "state"):
        if one.made:
            places.setdefault(one.member, []).append(f"`{one.module}: {one.place}`")
    rows = ((f"`{s.name}`", str(s.value), "<br>".join(places.get(s.name, ()))) for s in kind)
    return _table(("state", "meaning", "entered in"), rows)


def _requests() -> Iterator[str]:
    kinds = [kind for kind in Exchange if any(kind == given for _, given in HANDLERS)]

    def row(state: State) -> Sequence[str]:
        taken = (HANDLERS.get((state, kind)) for kind in kinds)
        return f"`{state.name}`", *("dropped" if one is None else _code(one) for one in taken)

    yield from _table(("state", *(kind.name for kind in kinds)), map(row, State))
    handlers = dict.fromkeys(HANDLERS.values())
    rows = ((_code(one), _module(one), _summary(one)) for one in handlers)
    yield from _table(("handler", "module", "what it does"), rows)


def _waiting() -> Iterator[str]:
    for kind in _classes():
        if issubclass(kind, Waiting):
            yield f"* {_code(kind)} ({_module(kind)}): {_summary(kind)}"
            taken = [name for name in vars(Waiting) if name in vars(kind) and name[0] != "_"]
            yield from (f"  * `{name}`: {_summary(vars(kind)[name])}" for name in taken)
    yield ""


def _own() -> Iterator[str]:
    found = [kind for kind in _classes() if _is_own(kind)]
    rows = (
        (
            _code(kind),
            inspect.getattr_static(kind, "kind").name,
            "yes" if inspect.getattr_static(kind, "alone") else "no",
            _module(kind),
            _summary(kind),
        )
        for kind in found
    )
    return _table(("class", "exchange", "alone", "module", "what it does"), rows)


def _notifies(sources: Mapping[str, str]) -> Iterator[str]:
    found = mentions(sources, "NotifyType", _SENDERS)
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
        for kind in NotifyType
        if kind.name in modules
    )
    return _table(("number", "notify", "kind", "sent", "heeded", "modules"), rows)


def _classes() -> list[type]:
    """Return the classes of all exchanges, each module's in the order of its source."""
    found = (import_module(f"ikev2.exchanges.{m.name}") for m in iter_modules(exchanges.__path__))
    return [
        one
        for module in found
        for one in vars(module).values()
        if isinstance(one, type) and one.__module__ == module.__name__
    ]


def _is_own(kind: type) -> bool:
    """Tell whether objects of a class are requests of ours: it leaves nothing to a subclass."""
    members = [inspect.getattr_static(kind, name, None) for name in _OWN]
    if None in members:
        return False
    return not any(_is_left_open(one) for one in map(partial(getattr, kind), dir(kind)))


def _is_left_open(member: object) -> bool:
    return inspect.isfunction(member) and "NotImplementedError" in member.__code__.co_names


def _summary(thing: object) -> str:
    return (inspect.getdoc(thing) or "").partition("\n")[0].replace("``", "`")


def _code(thing: type | Handler) -> str:
    return f"`{thing.__name__}`"


def _module(thing: type | Handler) -> str:
    return f"`{thing.__module__.partition('.')[2]}`"


if __name__ == "__main__":
    sys.stdout.write(render())
