"""The runner knows an IKE version by three calls."""

from ikecore.endpoint import Endpoint as Three
from ikecore.events import Configured
from ikecore.spipool import SpiPool
from ikev2.endpoint import Endpoint
from tests.ikev2.network import Dice


def test_ikev2s_endpoint_is_one() -> None:
    dice = Dice(1)
    endpoint: Three = Endpoint(dice, SpiPool(dice))
    assert endpoint.handle(Configured(()), 0.0) == []
    assert endpoint.handle_timeout(0.0) == []
    assert endpoint.next_timeout() is None
