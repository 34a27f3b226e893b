"""Full handshakes per second and core, in memory: IKE_SA_INIT, IKE_AUTH, the child's keys.

The CPU time of both sides is in it; the Delete that makes room for the next one is not.
"""

import time
from collections import defaultdict
from typing import Final

from benchmarks.negotiation import handshakes, profile
from benchmarks.table import Cell, Goal, Table, Tell
from suites.kex import GROUP_BY_NAME, Group

_ENOUGH: Final = 0.5  # seconds of CPU a sample takes
_PROPOSALS: Final = tuple(
    (f"{cipher}-{group}", esp)
    for group in ("x25519", "ecp256", "modp1024", "modp2048")
    for cipher, esp in (
        ("aes128gcm16", "aes128gcm16"),
        ("aes128-sha256", "aes128-sha256"),
    )
)
_GOAL: Final = Goal("≥ 500 /s·core with x25519", 500)


def run(rounds: int, tell: Tell) -> Table:
    """Measure each proposal once a round."""
    rates, alone = defaultdict[str, list[float]](list), defaultdict[str, list[float]](list)
    for number in range(rounds):
        for ike, esp in _PROPOSALS:
            tell(f"round {number + 1} of {rounds}, {ike}")
            group = ike.rpartition("-")[2]
            sides = (profile("moon", "sun", ike, esp), profile("sun", "moon", ike, esp))
            rates[ike].append(handshakes(*sides))
            alone[ike].append(_exchanges(GROUP_BY_NAME[group]))
    return Table(
        "handshake_memory",
        "IKEv2 handshakes in memory, both sides on one core",
        ("handshakes/s·core", "ms each", "key exchange alone, ms"),
        {
            ike: (
                Cell(tuple(rates[ike]), 0, _GOAL if "x25519" in ike else None),
                Cell(tuple(1e3 / rate for rate in rates[ike]), 2),
                Cell(tuple(alone[ike]), 2),
            )
            for ike, _ in _PROPOSALS
        },
        (
            "One handshake: IKE_SA_INIT and IKE_AUTH with PSK, keys of IKE SA and child, CPU of "
            "initiator and responder together.",
            "Key exchange alone: two public values and two shared secrets, nothing else.",
        ),
    )


def _exchanges(group: Group) -> float:
    """Return the CPU milliseconds of one key exchange, both sides."""
    began, count = time.process_time_ns(), 0
    while time.process_time_ns() - began < _ENOUGH * 1e8:
        one, other = group.generate(), group.generate()
        if one.shared(other.public) != other.shared(one.public):
            raise RuntimeError(f"{group.name}: two secrets")
        count += 1
    return (time.process_time_ns() - began) / 1e6 / count
