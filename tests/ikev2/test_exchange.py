"""The defaults of what an SA waits for, and of an exchange that wants to be alone."""

from ikecore.actions import Dropped
from ikecore.profile import Limits
from ikecore.spipool import SpiPool
from ikev2.exchange import Alone, Waiting
from ikev2.handlers import HANDLERS
from ikev2.message import Exchange, Header, Message
from ikev2.sa import IkeSa, Resources
from policy.path import Path
from suites.secret import Secret

from .network import MOON, SUN, Dice, profile

PATH = Path((MOON, 500), (SUN, 500))
HEADER = Header(b"initspi!", bytes(8), Exchange.IKE_SA_INIT, 0, from_initiator=True, response=False)
MESSAGE = Message(HEADER, (), protected=False, raw=b"")


def lone() -> IkeSa:
    dice = Dice(1)
    resources = Resources(dice, SpiPool(dice), Limits(), HANDLERS, lambda _: [])
    return IkeSa(resources, (b"initspi!", bytes(8)), PATH, profile("moon"), 0.0, initiator=True)


def test_who_waits_for_nothing_takes_nothing() -> None:
    sa, nothing = lone(), Waiting()
    assert nothing.authorized(sa, Secret(b""), 0.0) == [Dropped("not_waiting")]
    assert nothing.refused(sa, 0.0) == [Dropped("not_waiting")]
    assert nothing.on_request(sa, MESSAGE, 0.0) == [Dropped("not_waiting")]
    assert nothing.configured(sa, (), 0.0) == []
    (dropped,) = nothing.on_cookie(sa, MESSAGE, PATH)
    assert isinstance(dropped, Dropped)
    assert dropped.reason == "message_id"


def test_an_exchange_alone_always_has_its_point() -> None:
    assert Alone().alone
    assert not Alone().is_moot(lone())
