"""Render the reference of IKEv1's state machine from the code itself.

``python -m tests.ikev1.machine > docs/reference/ikev1.md``

It stands among the tests since nothing else may know ``ikev1``: who takes that package away takes
this one along.
"""

import inspect
import sys
from collections.abc import Iterable, Iterator
from typing import Final

import ikev1
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
from ikev1 import exchanges
from ikev1.child import ChildState
from ikev1.exchange import Waiting
from ikev1.handlers import HANDLERS
from ikev1.message import Exchange
from ikev1.payloads.types import NotifyType, PayloadType, is_error
from ikev1.rules import RULES
from ikev1.state import State

_HEAD: Final = """\
# IKEv1: the state machine

RFC 9395 calls IKEv1 historic. It is a package of its own, `ikev1`, which is only loaded when a
connection says `version = "ikev1"`.

An `IkeSa` (`ikev1/sa.py`) is one ISAKMP SA. It knows how messages come and go: cookies, IVs,
HASHes, repeats, fragments. Every exchange under way is found by its message ID, phase 1 by 0, and
what its messages mean stands in `ikev1/exchanges/`, a class for each role. An exchange that the
peer begins goes through one table of state and exchange, and what is not in the table is dropped.
Message 1 of phase 1 has no SA yet: `ikev1/entrance.py` answers it, and what fits becomes an SA.
Once phase 1 is over, no class there sees a message whose HASH was not verified.

This page is generated: `python -m tests.ikev1.machine > docs/reference/ikev1.md`.
"""
_SENDERS: Final = frozenset({"Notify", "refusal", "_no", "_notify", "_refuse", "_refusal"})


def render() -> str:
    """Return the page, in Markdown."""
    sources = sources_of(ikev1)
    lines = [_HEAD, "## States of an ISAKMP SA", "", *states(State, sources)]
    lines += ["## Exchanges that the peer begins", "", *requests(State, Exchange, HANDLERS)]
    lines += ["## All exchanges", "", *_negotiations()]
    lines += ["## What an SA waits for besides", ""]
    lines += ["Keys, users and addresses come from outside, and take their time.", ""]
    lines += waiting(Waiting, classes(exchanges))
    lines += ["## Payloads of each message", ""]
    lines += ["What is not here may not be in it, but for payloads of unknown numbers, which are"]
    lines += ["passed over. Before there are keys an informational message has notifies alone, and"]
    lines += ["what it says is a hint.", "", *_payloads()]
    lines += ["## States of a child", "", *states(ChildState, sources)]
    lines += ["## Notifies", ""]
    lines += ["Any other error refuses what is being negotiated; any other status is passed over."]
    lines += ["", *notifies(NotifyType, is_error, sources, _SENDERS)]
    return "\n".join(lines)


def _negotiations() -> Iterator[str]:
    rows = (
        (code(kind), "us" if hasattr(kind, "begin") else "the peer", module_of(kind), summary(kind))
        for kind in classes(exchanges)
        if kind.__name__[0] != "_" and inspect.isfunction(getattr(kind, "on_message", None))
    )
    return table(("class", "begun by", "module", "what it does"), rows)


def _payloads() -> Iterator[str]:
    rows = (
        (place.value, *(_names(kinds) for kinds in (rule.once, rule.optional, rule.many)))
        for place, rule in RULES.items()
    )
    return table(("message", "once", "once at most", "any number"), rows)


def _names(kinds: Iterable[int]) -> str:
    return " ".join(PayloadType(kind).name for kind in sorted(kinds))


if __name__ == "__main__":
    sys.stdout.write(render())
