"""Every message between phase 1 and quick mode lost, doubled, late: users get in all the same."""

import pytest

from ikecore.actions import CheckUser
from ikecore.profile import ConfigMode, Role
from ikev1.message import Exchange

from .access import LEASE, client, server, terms
from .network import Network, quiet, said

TRANSACTION = Exchange.TRANSACTION
KINDS = {
    "XAUTH alone": {"addresses": False},
    "pull": {"xauth": False},
    "push": {"xauth": False, "mode": ConfigMode.PUSH},
    "XAUTH and pull": {},
    "XAUTH and push": {"mode": ConfigMode.PUSH},
    "XAUTH and pull, aggressive": {"aggressive": True},
}
KIND = pytest.mark.parametrize("kind", KINDS)
WHICH = pytest.mark.parametrize(
    ("speaker", "number"), [(name, number) for name in ("moon", "sun") for number in (1, 2, 3)]
)


def network(kind: str) -> Network:
    fields = KINDS[kind]
    mine = terms(Role.CLIENT, **fields)  # type: ignore[arg-type]  # fields by name
    theirs = terms(Role.SERVER, **fields)  # type: ignore[arg-type]
    net = Network(client(mine), server(theirs))
    if kind == "XAUTH alone":  # then each has a network of its own
        net = Network(quiet("moon", legacy=mine), quiet("sun", legacy=theirs))
    net.hosts["sun"].lease = LEASE
    return net


def conclude(net: Network) -> None:
    net.sleep(30)
    net.assert_connected()
    assert net.codes("moon") == net.codes("sun") == []
    assert len(net.seen(CheckUser, "sun")) <= 1
    assert net.deletes.misuse == []


@KIND
@WHICH
@pytest.mark.parametrize("times", [1, 3])
def test_a_message_is_lost(kind: str, speaker: str, number: int, times: int) -> None:
    net = network(kind)
    net.lose_when(said(speaker, TRANSACTION, number), times)
    net.initiate("moon", settle=False)
    conclude(net)


@KIND
@WHICH
@pytest.mark.parametrize("later", [0.03, 5.0])
def test_a_message_comes_twice(kind: str, speaker: str, number: int, later: float) -> None:
    net = network(kind)
    net.double_when(said(speaker, TRANSACTION, number), later)
    net.initiate("moon", settle=False)
    conclude(net)


@KIND
@WHICH
def test_a_message_is_overtaken_by_its_repeat(kind: str, speaker: str, number: int) -> None:
    net = network(kind)
    net.delay_when(said(speaker, TRANSACTION, number, copy=0), 0.7)
    net.initiate("moon", settle=False)
    conclude(net)


@KIND
@pytest.mark.parametrize("seed", range(12))
def test_the_wire_is_bad_all_the_time(kind: str, seed: int) -> None:
    net = network(kind)
    net.random.seed(seed)
    net.lose = lambda _: net.random.random() < 0.15
    net.delay = lambda _: net.random.random() * 0.3
    net.copies = lambda _: net.random.choice((1, 1, 2))
    net.initiate("moon", settle=False)
    net.sleep(40)
    net.lose = lambda _: False
    net.copies = lambda _: 1
    net.delay = lambda _: 0.01
    if not net.up("moon"):
        net.initiate("moon")
    net.sleep(60)
    assert net.pairs("moon") == net.pairs("sun")
    net.assert_mirrored()


@pytest.mark.parametrize("kind", [kind for kind in KINDS if "XAUTH" in kind])
def test_a_wrong_password_is_refused_on_a_bad_wire_too(kind: str) -> None:
    for seed in range(8):
        net = network(kind)
        net.hosts["moon"].password = b"guessed"
        net.random.seed(seed)
        net.lose = lambda _, net=net: net.random.random() < 0.2  # type: ignore[misc]
        net.initiate("moon", settle=False)
        net.sleep(90)
        assert net.up("moon") == net.up("sun") == []
        assert net.codes("sun") != []
        assert net.hosts["sun"].endpoint.half_open == 0
        assert net.hosts["sun"].children == {}
