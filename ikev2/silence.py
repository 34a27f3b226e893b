"""Why a peer may have fallen silent, as far as this end can tell."""

from typing import TYPE_CHECKING

from ikecore.diagnosis import Code, Diagnosis, Finding, diagnose
from ikev2.mobike import home
from ikev2.ways import ways

if TYPE_CHECKING:
    from ikev2.sa import IkeSa


def silent(sa: "IkeSa", waited: float) -> Diagnosis:
    """Return what is to be said of a peer that has not answered for ``waited`` seconds.

    Two ends that move at once find each other by the addresses they told before (RFC 4555 section
    3.6).  Without any they cannot, and neither knows of the other's move: it is a possible cause.
    """
    evidence = f"no answer for {waited:.0f} s"
    mobility = sa.mobility
    if not mobility.in_use or not (mobility.moves or mobility.stranded):
        return diagnose(1, Code.DPD_TIMEOUT, evidence=evidence)
    there = home(sa).remote[0]
    tried = dict.fromkeys((there, *(way.remote[0] for way in ways(sa))))
    evidence += f" at {', '.join(tried)}"
    if not _is_lost(sa):
        return diagnose(1, Code.DPD_TIMEOUT, evidence=evidence)
    ours = f"at {sa.path.local[0]} now, which the peer has not heard"
    both = Finding(Code.BOTH_MOVED, ours, f"last heard at {there}")
    return Diagnosis(1, Code.DPD_TIMEOUT, (both, Finding(Code.DPD_TIMEOUT)), evidence)


def _is_lost(sa: "IkeSa") -> bool:
    """Return whether we left the address that the peer knows, and it has not answered since."""
    mobility = sa.mobility
    left = any(move.old.local[0] != sa.path.local[0] for move in mobility.moves)
    return mobility.stranded or (mobility.decides and left)
