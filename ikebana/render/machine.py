"""Render the reference of IKEv2's state machine from the code itself.

``python -m ikebana.render.machine > docs/reference/ikev2.md``
"""

import inspect
import sys
from collections.abc import Iterator
from functools import partial
from typing import Final

import ikev2
from ikebana.render.parts import (
    classes,
    code,
    module_of,
    notifies,
    requests,
    sources_of,
    states,
    summary,
    table,
    waiting,
)
from ikev2 import exchanges
from ikev2.child import ChildState
from ikev2.exchange import Waiting
from ikev2.handlers import HANDLERS
from ikev2.message import Exchange
from ikev2.payloads.types import NotifyType, is_error
from ikev2.sa import State

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
    sources = sources_of(ikev2)
    lines = [_HEAD, "## States of an IKE SA", ""]
    lines += states(State, sources)
    lines += ["## Requests of the peer", "", *requests(State, Exchange, HANDLERS)]
    lines += ["## What an SA waits for besides", ""]
    lines += ["The key comes from outside (`Authorize`), and takes its time.", ""]
    lines += waiting(Waiting, classes(exchanges))
    lines += ["## Requests of our own", ""]
    lines += ["One that goes alone waits until no other is under way, and the others for it.", ""]
    lines += _own()
    lines += ["## States of a child", "", *states(ChildState, sources)]
    lines += ["## Notifies", ""]
    lines += ["Any other error refuses; any other status is passed over.", ""]
    lines += notifies(NotifyType, is_error, sources, _SENDERS)
    return "\n".join(lines)


def _own() -> Iterator[str]:
    found = [kind for kind in classes(exchanges) if _is_own(kind)]
    rows = (
        (
            code(kind),
            inspect.getattr_static(kind, "kind").name,
            "yes" if inspect.getattr_static(kind, "alone") else "no",
            module_of(kind),
            summary(kind),
        )
        for kind in found
    )
    return table(("class", "exchange", "alone", "module", "what it does"), rows)


def _is_own(kind: type) -> bool:
    """Tell whether objects of a class are requests of ours: it leaves nothing to a subclass."""
    members = [inspect.getattr_static(kind, name, None) for name in _OWN]
    if None in members:
        return False
    return not any(_is_left_open(one) for one in map(partial(getattr, kind), dir(kind)))


def _is_left_open(member: object) -> bool:
    return inspect.isfunction(member) and "NotImplementedError" in member.__code__.co_names


if __name__ == "__main__":
    sys.stdout.write(render())
