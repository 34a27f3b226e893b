"""A failing plan, made as small as it can be and drawn for a person to read."""

from collections.abc import Callable

from ikev1.labels import labels
from ikev1.message import Exchange
from ikev1.payloads.chain import Payload
from ikev1.payloads.delete import Delete
from ikev1.payloads.sa import SecurityAssociation
from tests.pair import reading
from tests.pair.plan import Plan
from tests.pair.scene import Network
from tests.pair.wire import Letter

from .plan import failure


def shrink(plan: Plan, fails: Callable[[Plan], bool] = lambda plan: failure(plan)[0] != "") -> Plan:
    """Return a plan that still fails, and of which nothing can be left out."""
    return reading.shrink(plan, fails)


def report(plan: Plan) -> str:
    """Return what a person wants to read of a failing plan."""
    return reading.report(plan, *failure(plan), words)


def words(net: Network, letter: Letter) -> tuple[str, tuple[str, ...]]:
    """Return a letter's exchange and what it says."""
    message = net.ear.read(letter.data)
    payloads: tuple[Payload, ...] = message.payloads if message is not None else ()
    names = labels(payloads)
    told = tuple(name + _spis(payload) for name, payload in zip(names, payloads, strict=True))
    return Exchange(letter.exchange).name, told


def _spis(payload: Payload) -> str:
    """Return the SPIs that tell children apart."""
    match payload:
        case SecurityAssociation(proposals) if proposals and proposals[0].spi:
            return f" {proposals[0].spi.hex()[:4]}"
        case Delete(_, spis):
            return "".join(f" {spi.hex()[:4]}" for spi in spis)
        case _:
            return ""
