"""Quick mode as its responder: what it takes, what it refuses, and when the child is in use."""

from dataclasses import replace

import pytest

from ikecore.actions import (
    ChildEstablished,
    Dropped,
    Failed,
    InstallChild,
    RemoveChild,
    Send,
    UseChild,
)
from ikecore.events import ChildrenHeard, RekeyWanted
from ikecore.profile import ChildProfile
from ikecore.wire import Reader
from ikev1.child import ChildState
from ikev1.payloads.attributes import parse_attributes
from ikev1.payloads.ident import Identification
from ikev1.payloads.ke import KeyExchangeData
from ikev1.payloads.nonce import Nonce
from ikev1.payloads.notify import Notify
from ikev1.payloads.sa import SecurityAssociation
from tests.ikev1.hosts import quiet
from tests.ikev1.network import MOON, SUN, Network, only, said, selectors
from tests.ikev1.quick import NETS, Asking, ready, sent
from tests.ikev1.told import add_child, receive
from tests.ikev1.told import said as told_of
from tests.ikev1.tunnel import QUICK, connect

PFS = ("aes128-sha256-modp2048",)
OTHER_PFS = ("aes128-sha256-ecp256",)


def network(moon: tuple[str, ...], sun: tuple[str, ...]) -> Network:
    net = Network(quiet("moon", esp=moon), quiet("sun", esp=sun))
    net.initiate("moon")
    net.sleep(1)
    return net


# -- order ----------------------------------------------------------------------------------------
def test_the_child_is_installed_before_message_2_and_used_after_message_3() -> None:
    asking = Asking(ready())
    installed, qm2 = asking.ask()
    assert isinstance(installed, InstallChild)
    assert installed.spec.standby
    assert isinstance(qm2, Send)
    use, up = asking.confirm(1.0)
    assert use == UseChild(installed.spec.inbound_spi)
    assert isinstance(up, ChildEstablished)
    assert (up.outbound_spi, up.took) == (asking.spi, 1.0)


def test_a_packet_says_what_message_3_says() -> None:
    net = Network(quiet("moon"), quiet("sun"))
    net.lose_when(said("moon", QUICK, 2), 99)
    net.initiate("moon")
    (spi,) = net.hosts["sun"].children
    assert net.seen(ChildEstablished, "sun") == []
    net.tell("sun", ChildrenHeard(frozenset((spi,))))
    assert net.seen(UseChild, "sun") == [UseChild(spi)]
    before = len([one for one, _ in net.letters if one.sender == "sun"])
    net.sleep(20)
    net.assert_connected()
    assert len([one for one, _ in net.letters if one.sender == "sun"]) == before


def test_without_message_3_the_child_goes_again() -> None:
    asking = Asking(ready())
    asking.ask()
    assert asking.sa.retransmit(1.0) != []  # QM2 once more
    actions = asking.sa.retransmit(asking.sa.patience)
    assert [type(p).__name__ for p in told_of(only(Send, actions)[-1:])[0]] == ["Delete"]
    (failed,) = only(Failed, actions)
    assert (failed.diagnosis.stage, failed.diagnosis.code) == (2, "PEER_NO_RESPONSE")
    assert only(RemoveChild, actions)
    assert asking.sa.children == {}


def test_a_renewal_that_is_not_confirmed_leaves_the_old_child_in_use() -> None:
    net = connect(every=0)
    net.lose_when(said("moon", QUICK, 4), 99)
    (spi,) = net.hosts["moon"].children
    net.tell("moon", RekeyWanted(spi, "a test"))
    net.sleep(0.5)
    assert len(net.hosts["sun"].children) == 2
    assert net.seen(Failed, "sun") == []
    net.sleep(30)
    assert net.codes("sun") == []
    net.assert_mirrored()
    assert len(net.hosts["sun"].children) == 1


def test_message_3_that_comes_twice_is_not_answered() -> None:
    asking = Asking(ready())
    asking.ask()
    asking.confirm()
    assert only(Send, asking.confirm(1.0)) == []
    assert only(Send, receive(asking.sa, asking.qm1, 2.0)) == []


def test_message_1_that_comes_twice_gets_the_same_answer() -> None:
    asking = Asking(ready())
    asking.ask()
    assert sent(receive(asking.sa, asking.qm1)) == [asking.qm2]
    assert len(asking.sa.children) == 1


def test_a_replayed_message_1_makes_no_child() -> None:
    asking = Asking(ready())
    asking.ask()
    asking.confirm()
    asking.sa.retransmit(1000.0)  # the flight is forgotten
    actions = receive(asking.sa, asking.qm1, 1001.0)
    assert [one.reason for one in only(Dropped, actions)] == ["message_id"]
    assert len(asking.sa.children) == 1


def test_the_peer_has_five_quick_modes_under_way_at_most() -> None:
    sa = ready()
    for number in range(1, 6):
        assert Asking(sa, number, 0x7000 + number).ask()
    actions = Asking(sa, 6, 0x7006).ask()
    assert [one.reason for one in only(Dropped, actions)] == ["quick_limit"]
    assert len(sa.children) == 5


# -- networks -------------------------------------------------------------------------------------
def test_networks_that_are_not_ours_are_refused() -> None:
    wide = quiet(
        "moon", children=(ChildProfile(selectors("10.1.0.0/16"), selectors("10.2.0.0/24")),)
    )
    net = Network(wide, quiet("sun"))
    net.initiate("moon")
    for name in ("moon", "sun"):
        (failed,) = net.seen(Failed, name)
        assert (failed.diagnosis.stage, failed.diagnosis.code) == (2, "TS_MISMATCH")
    (found,) = net.failures("sun")[0].findings
    assert (found.ours, found.theirs) == (
        "10.2.0.0/24 === 10.1.0.0/24",
        "10.2.0.0/24 === 10.1.0.0/16",
    )
    assert len(net.pairs("sun")) == 1
    assert net.hosts["sun"].spis.owed == set()


def test_a_part_of_ours_is_taken_as_a_part() -> None:
    part = quiet(
        "moon", children=(ChildProfile(selectors("10.1.0.8/29"), selectors("10.2.0.0/24")),)
    )
    net = Network(part, quiet("sun"))
    net.initiate("moon")
    net.assert_connected()
    assert [one.narrowed for one in net.seen(ChildEstablished, "sun")] == [True]
    assert [one.narrowed for one in net.seen(ChildEstablished, "moon")] == [False]


def test_the_kind_of_an_id_does_not_matter_and_is_said_back() -> None:
    asking = Asking(ready())
    span = Identification(7, 0, 0, bytes((10, 2, 0, 0, 10, 2, 0, 255)))
    mask = Identification(4, 0, 0, bytes((10, 1, 0, 77, 255, 255, 255, 0)))
    (installed,) = only(InstallChild, asking.ask(asking.offer(), Nonce(asking.nonce), span, mask))
    assert (installed.spec.local_ts, installed.spec.remote_ts) == (NETS.local_ts, NETS.remote_ts)
    assert asking.answer.all(Identification) == (span, mask)


@pytest.mark.parametrize(
    "nonsense",
    [
        Identification(2, 0, 0, b"sun.lab"),
        Identification(4, 0, 0, bytes((10, 2, 0, 0, 255, 0, 255, 0))),
        Identification(7, 0, 0, bytes((10, 2, 0, 9, 10, 2, 0, 1))),
        Identification(1, 0, 0, b"\x0a"),
        Identification(1, 0, 80, bytes((10, 2, 0, 1))),
    ],
    ids=["a name", "holes", "backwards", "short", "a port of nothing"],
)
def test_ids_that_are_no_networks_are_refused(nonsense: Identification) -> None:
    asking = Asking(ready())
    actions = asking.ask(asking.offer(), Nonce(asking.nonce), nonsense, asking.clients[1])
    assert [one.diagnosis.code for one in only(Failed, actions)] == ["INVALID_SYNTAX"]
    (notify,) = told_of(only(Send, actions))[0]
    assert isinstance(notify, Notify)
    assert notify.type == 18
    assert asking.sa.children == {}


def test_without_ids_it_is_about_the_two_ends() -> None:
    hosts = ChildProfile(selectors(f"{MOON}/32"), selectors(f"{SUN}/32"))
    asking = Asking(ready(children=(hosts,)))
    (installed,) = only(InstallChild, asking.ask(asking.offer(), Nonce(asking.nonce)))
    assert (installed.spec.local_ts, installed.spec.remote_ts) == (hosts.local_ts, hosts.remote_ts)
    assert asking.answer.all(Identification) == ()


def test_a_repeated_refusal_is_said_again() -> None:
    asking = Asking(ready())
    strange = Identification.of_selector(selectors("10.9.0.0/24")[0])
    actions = asking.ask(asking.offer(), Nonce(asking.nonce), strange, asking.clients[1])
    again = receive(asking.sa, asking.qm1, 1.0)
    assert sent(again) == sent(actions) != []
    assert only(Failed, again) == []


# -- algorithms -----------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("moon", "sun", "code"),
    [
        (("aes128-sha256",), ("aes256-sha256",), "ESP_PROPOSAL_MISMATCH"),
        (("aes128-sha256",), PFS, "PFS_MISMATCH"),
        (OTHER_PFS, PFS, "PFS_MISMATCH"),
    ],
)
def test_what_does_not_fit_is_refused_with_both_lists(
    moon: tuple[str, ...], sun: tuple[str, ...], code: str
) -> None:
    net = network(moon, sun)
    (failed,) = net.seen(Failed, "sun")
    assert (failed.diagnosis.stage, failed.diagnosis.code) == (2, code)
    (found,) = failed.diagnosis.findings
    assert moon[0] in found.theirs
    assert sun[0] in found.ours
    (failed,) = net.seen(Failed, "moon")
    assert (failed.diagnosis.stage, failed.diagnosis.code) == (2, "PROPOSAL_REFUSED_BY_PEER")
    assert code in [finding.code for finding in failed.diagnosis.findings]
    assert net.hosts["moon"].spis.owed == net.hosts["sun"].spis.owed == set()


def test_a_group_that_we_did_not_ask_for_is_taken() -> None:
    net = network(PFS, ("aes128-sha256",))
    net.assert_connected()
    assert str(net.seen(ChildEstablished, "sun")[0].suite) == PFS[0]


def test_tunnel_and_transport_do_not_fit() -> None:
    asking = Asking(ready())
    actions = asking.ask(asking.offer(encapsulation=2), Nonce(asking.nonce), *asking.clients)
    assert [one.diagnosis.code for one in only(Failed, actions)] == ["ENCAPSULATION_MISMATCH"]


@pytest.mark.parametrize("key", [(), (KeyExchangeData(b"short"),), (KeyExchangeData(bytes(256)),)])
def test_a_bad_public_value_is_refused(key: tuple[KeyExchangeData, ...]) -> None:
    asking = Asking(ready(esp_proposals=quiet("moon", esp=PFS).esp_proposals))
    asking.sun = quiet("sun", esp=PFS)
    actions = asking.ask(asking.offer(), Nonce(asking.nonce), *key, *asking.clients)
    (notify,) = told_of(only(Send, actions))[0]
    assert isinstance(notify, Notify)
    assert (notify.type, notify.spi) == (17, asking.spi.to_bytes(4, "big"))
    assert asking.sa.offered_spis == set()


def test_a_low_spi_is_refused() -> None:
    actions = Asking(ready(), spi=255).ask()
    assert only(InstallChild, actions) == []
    assert only(Failed, actions)


# -- lifetimes ------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("ours", "theirs", "agreed", "told"),
    [
        (600.0, 3600.0, 600, [1, 1, 2, 600]),
        (3600.0, 600.0, 600, []),
        (600.0, 0.0, 600, [1, 1, 2, 600]),
        (0.0, 900.0, 900, []),
    ],
)
def test_the_shorter_lifetime_counts_and_is_told(
    ours: float, theirs: float, agreed: int, told: list[int]
) -> None:
    asking = Asking(ready(child_lifetime=ours))
    asking.sun = quiet("sun", child_lifetime=theirs)
    asking.ask()
    asking.confirm()
    (child,) = asking.sa.children.values()
    assert child.ends_at == agreed
    assert child.rekey_at < agreed
    notifies = asking.answer.notifies()
    found = [
        one for n in notifies for a in parse_attributes(Reader(n.data)) for one in (a.type, a.value)
    ]
    assert found == told


# -- renewals -------------------------------------------------------------------------------------
def test_the_algorithms_in_use_are_kept() -> None:
    sa = ready(esp_proposals=quiet("moon", esp=("aes256-sha256", "aes128-sha256")).esp_proposals)
    old = add_child(sa)
    old.spec = replace(old.spec, local_ts=NETS.local_ts, remote_ts=NETS.remote_ts)
    asking = Asking(sa)
    asking.sun = quiet("sun", esp=("aes256-sha256", "aes128-sha256"))
    (installed,) = only(InstallChild, asking.ask())
    assert str(installed.spec.suite) == "aes128-sha256"
    (up,) = only(ChildEstablished, asking.confirm(1.1))
    assert (up.replaces, up.why) == (old.spi, "the peer renewed it")
    assert old.state is ChildState.RETIRED


def test_there_is_an_end_to_children() -> None:
    sa = ready()
    for number in range(512):
        add_child(sa, 0x10000 + number, 0x20000 + number)
    actions = Asking(sa).ask()
    assert [one.reason for one in only(Dropped, actions)] == ["child_limit"]


def test_what_asks_for_no_children_of_ours_finds_none() -> None:
    actions = Asking(ready(children=())).ask()
    assert [one.diagnosis.code for one in only(Failed, actions)] == ["TS_MISMATCH"]


def test_another_situation_is_refused() -> None:
    asking = Asking(ready())
    odd = SecurityAssociation((), 2, 1, b"")
    actions = asking.ask(odd, Nonce(asking.nonce), *asking.clients)
    assert only(InstallChild, actions) == []
    assert only(Failed, actions)
