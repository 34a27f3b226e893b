"""Render the reference of the counters from their table.

``python -m ikebana.render.counters > docs/reference/counters.md``
"""

import sys
from collections.abc import Iterator
from typing import Final

from esp.counters import COUNTERS, Kind

_HEAD: Final = """\
# Counters

What the packet worker counts, since the daemon began: a count never goes down, neither when keys
are renewed nor when the worker is started again. `GET /v1/counters` of the
[control socket](control.md) has them all, those that are 0 included; `ikebana status` shows what
was dropped, `ikebana status NAME` what was dropped on that connection's SAs. The worker tells the
daemon once a second in one message, of the SAs that changed only: looking costs no packet.

Counts that are kept for each pair of SAs are summed over those a connection has had. A packet that
belongs to no SA is counted for the gateway alone. Names that begin with `ike_` count datagrams of
IKE that the daemon dropped, by its reasons.

This page is generated: `python -m ikebana.render.counters > docs/reference/counters.md`.
"""
_TITLES: Final = {
    Kind.TRAFFIC: "Traffic",
    Kind.DROP: "Packets dropped",
    Kind.EVENT: "Events: nothing was lost",
}


def render() -> str:
    """Return the page, in Markdown."""
    return "\n".join([_HEAD, *(line for kind in Kind for line in _table(kind))])


def _table(kind: Kind) -> Iterator[str]:
    yield from (f"## {_TITLES[kind]}", "", "| name | meaning | for each SA |", "|---|---|---|")
    for one in COUNTERS:
        if one.kind is kind:
            yield f"| `{one.name}` | {one.meaning} | {'yes' if one.per_sa else 'no'} |"
    yield ""


if __name__ == "__main__":
    sys.stdout.write(render())
