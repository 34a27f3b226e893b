"""A failing plan, made as small as it can be and drawn for a person to read."""

from collections.abc import Callable

from ikev2.labels import label
from ikev2.message import Exchange, parse_header, parse_init
from ikev2.payloads.chain import Payload
from ikev2.payloads.delete import Delete
from ikev2.payloads.notify import Notify
from ikev2.payloads.sa import SecurityAssociation
from tests.ikev2.wire import Letter
from tests.pair import reading
from tests.pair.plan import Plan
from tests.pair.scene import Network

from .plan import failure


def shrink(plan: Plan, fails: Callable[[Plan], bool] = lambda plan: failure(plan)[0] != "") -> Plan:
    """Return a plan that still fails, and of which nothing can be left out."""
    return reading.shrink(plan, fails)


def report(plan: Plan) -> str:
    """Return what a person wants to read of a failing plan."""
    return reading.report(plan, *failure(plan), words)


def words(net: Network, letter: Letter) -> tuple[str, tuple[str, ...]]:
    """Return a letter's exchange and what it says."""
    if letter.exchange == Exchange.IKE_SA_INIT:
        payloads = parse_init(letter.data, parse_header(letter.data)).payloads
    else:
        message = net.ear.read(letter.data)
        payloads = message.payloads if message is not None else ()
    return Exchange(letter.exchange).name, tuple(map(_told, payloads))


def _told(payload: Payload) -> str:
    """Return a payload's label, with the SPIs that tell children apart."""
    match payload:
        case SecurityAssociation(proposals) if proposals and proposals[0].spi:
            return f"SA({proposals[0].spi.hex()[:4]})"
        case Delete(_, spis) if spis:
            return f"D({' '.join(f'{spi:08x}'[:4] for spi in spis)})"
        case Notify(spi=spi) if spi:
            return f"{label(payload)[:-1]} {spi.hex()[:4]})"
        case _:
            return label(payload)
