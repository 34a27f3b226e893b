"""The random lives of a tunnel that IKEv2 keeps up."""

from tests.ikev2.network import Network
from tests.pair import plan, scene
from tests.pair.plan import ENDS, Plan, wanted

from .scene import quiet


def make(life: Plan) -> Network:
    """Return the two ends of a plan."""
    esp = ("aes128gcm16-x25519",) if life.pfs else ("aes128gcm16",)
    moon, sun = (
        quiet(name, esp=esp, window=life.window, children=wanted(name, life), **life.probes)
        for name in ENDS
    )
    return Network(moon, sun, seed=life.seed)


def failure(life: Plan) -> tuple[str, scene.Network | None]:
    """Return why a plan's life ends badly, "" if it does not, and what there was on the wire."""
    return plan.failure(life, make)
