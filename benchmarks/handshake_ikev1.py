"""IKEv1's handshakes beside IKEv2's, in memory, and what an SA of either costs in memory.

Main mode and quick mode are nine messages, aggressive and quick mode six, IKEv2's exchanges four.
"""

import gc
import tracemalloc
from collections import defaultdict
from dataclasses import replace
from typing import Final

from benchmarks.negotiation import MOON, SUN, Side, Version, handshakes, legacy, profile, talk
from benchmarks.table import Cell, Table, Tell
from ikecore.identities import Identity
from ikecore.profile import IkeVersion, Phase1Mode, Profile
from ikev1.endpoint import Endpoint as Ikev1
from ikev2.endpoint import Endpoint as Ikev2
from policy.path import Path

_PROPOSALS: Final = ("aes128-sha256-ecp256", "aes128-sha256-modp1024", "aes128-sha256-modp2048")
_ESP: Final = "aes128-sha256"
_SAS: Final = 32  # main mode tries the keys of so many connections behind one address
_PAUSE: Final = 2.0  # seconds between two of them
_REST: Final = 300.0  # seconds, after which nothing is kept for repeats


def run(rounds: int, tell: Tell) -> Table:
    """Measure each kind and proposal once a round, in turns."""
    rates = defaultdict[str, list[float]](list)
    sizes = defaultdict[str, list[float]](list)
    for number in range(rounds):
        for words in _PROPOSALS:
            for kind, sides in _kinds(words).items():
                row = f"{kind}, {words}"
                tell(f"round {number + 1} of {rounds}, {row}")
                rates[row].append(handshakes(*sides, _version(sides[0])))
                sizes[row].append(_octets(*sides) / 1024)
    return Table(
        "handshake_ikev1",
        "IKEv1 beside IKEv2, both sides on one core",
        ("handshakes/s·core", "ms each", "KiB an SA, one side"),
        {
            row: (
                Cell(tuple(rates[row]), 0),
                Cell(tuple(1e3 / rate for rate in rates[row]), 2),
                Cell(tuple(sizes[row]), 1),
            )
            for row in rates
        },
        (
            "One handshake: all messages until the child has its keys at both ends, with a PSK; "
            "CPU of initiator and responder together.",
            f"Memory: Python's own count of {_SAS} SAs with one child each, "
            "five minutes after they came up; both ends' memory halved.",
        ),
    )


def _kinds(words: str) -> dict[str, tuple[Profile, Profile]]:
    sides = profile("moon", "sun", words, _ESP), profile("sun", "moon", words, _ESP)
    main, aggressive = (tuple(legacy(one, mode) for one in sides) for mode in Phase1Mode)
    return {
        "IKEv2": sides,
        "main + quick": (main[0], main[1]),
        "aggressive + quick": (aggressive[0], aggressive[1]),
    }


def _version(profile: Profile) -> Version:
    return Ikev1 if profile.version is IkeVersion.IKEV1 else Ikev2


def _octets(ours: Profile, theirs: Profile) -> float:
    """Return how many octets an SA with a child costs an end, once it is at rest."""
    version = _version(ours)
    pairs = [_named(ours, theirs, number) for number in range(_SAS)]
    moon, sun = Side([one for one, _ in pairs], version), Side([one for _, one in pairs], version)
    path = Path((MOON, 500), (SUN, 500))
    gc.collect()
    tracemalloc.start()
    try:
        for number, (one, _) in enumerate(pairs):  # one address gets so many answers a second
            now = number * _PAUSE
            talk(moon, sun, moon.initiate(one, path, now), now)
        rest = _SAS * _PAUSE + _REST
        for side in (moon, sun):
            side.carry_out(side.endpoint.handle_timeout(rest), rest)
            side.children.clear()
        gc.collect()
        return tracemalloc.get_traced_memory()[0] / (2 * _SAS)
    finally:
        tracemalloc.stop()


def _named(ours: Profile, theirs: Profile, number: int) -> tuple[Profile, Profile]:
    """Return the two sides of one connection of many, each with identities of its own."""
    moon, sun = (Identity.parse(f"{number}.{one}.lab") for one in ("moon", "sun"))
    name = f"net{number}"
    return (
        replace(ours, name=name, local_id=moon, remote_id=sun),
        replace(theirs, name=name, local_id=sun, remote_id=moon),
    )
