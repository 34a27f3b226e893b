"""The random lives of a tunnel that IKEv1 keeps up.

Nobody answers a Delete here: the wire may keep one for a while or bring it twice, but one for a
child that is lost leaves the other end with it until its lifetime is over, so that none is.
"""

from dataclasses import replace

from ikecore.profile import LegacyTerms
from ikev1.message import Exchange
from ikev1.payloads.delete import Delete
from tests.ikev1.network import AGGRESSIVE, Network, quiet
from tests.pair import plan, scene
from tests.pair.plan import ENDS, Plan, wanted
from tests.pair.wire import DELAY, Letter

MODES = (LegacyTerms(), AGGRESSIVE)
REST = 80.0  # who may have to delete an old child leaves that to the other end for a minute
IKE = ("aes128-sha256-ecp256",)


def draw(seed: int) -> Plan:
    """Return the plan of a seed; its window says which mode phase 1 has."""
    return replace(plan.draw(seed), window=seed % 2)


def make(life: Plan) -> Network:
    """Return the two ends of a plan."""
    esp = ("aes128gcm16-ecp256",) if life.pfs else ("aes128gcm16",)
    moon, sun = (
        quiet(
            name,
            ike=IKE,
            esp=esp,
            legacy=MODES[life.window],
            children=wanted(name, life),
            **life.probes,
        )
        for name in ENDS
    )
    return DeletesArrive(moon, sun, seed=life.seed)


class DeletesArrive(Network):
    """A network in which no Delete is lost."""

    def _delays(self, letter: Letter | None, send: object) -> list[float]:
        delays = super()._delays(letter, send)  # type: ignore[arg-type]
        if delays or letter is None or letter.exchange != Exchange.INFORMATIONAL:
            return delays
        message = self._read(letter.data)
        return [DELAY] if message is not None and message.all(Delete) else []


def failure(life: Plan) -> tuple[str, scene.Network | None]:
    """Return why a plan's life ends badly, "" if it does not, and what there was on the wire."""
    return plan.failure(life, make, REST)
