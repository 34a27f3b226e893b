from dataclasses import replace

import pytest

from ikebana.worker.children import child_of
from ikebana.worker.messages import Install, Ipsec, Move, Remove, Retire, Use
from ikecore.actions import (
    Action,
    AskLease,
    Assigned,
    Authorize,
    Broken,
    CheckUser,
    ChildClosed,
    ChildEstablished,
    Closed,
    Dropped,
    Established,
    InstallChild,
    Keepalive,
    MoveChild,
    Reason,
    RemoveChild,
    RetireChild,
    Send,
    Traced,
    UseChild,
)
from ikecore.child import ChildLimits, ChildSpec, Keys, Mode
from ikecore.events import (
    Authorized,
    CloseWanted,
    InstallFailed,
    ProbeWanted,
    Refused,
    UserAccepted,
)
from ikecore.lease import Lease
from ikecore.proposals import Protocol
from ikecore.trace import Retransmitted
from policy.treatment import DontFragment, Treatment
from suites.encr import NULL
from suites.integ import INTEG_BY_NAME
from suites.secret import Secret
from tests.ikebana.daemon.lives import ESP, IKE, LOCAL, PATH, PEER, REMOTE
from tests.ikebana.daemon.stage import KEY, ONE, TWO, Stage


def spec(spi: int, sa: bytes = ONE) -> ChildSpec:
    keys = Keys(Secret(bytes(20)), Secret(b""))
    return ChildSpec("net", sa, spi, spi + 1, ESP, keys, keys, LOCAL, REMOTE, PATH)


def up(sa: bytes = ONE) -> Established:
    return Established(sa, "net", True, sa, sa, PEER, IKE, PATH, False, False, 0.0)


def child_up(spi: int, sa: bytes = ONE) -> ChildEstablished:
    return ChildEstablished(sa, "net", spi, spi + 1, ESP, LOCAL, REMOTE, False, 0.0)


def closed(sa: bytes = ONE) -> Closed:
    return Closed(sa, "net", True, Reason.DELETED)


def traced(sa: bytes) -> Traced:
    return Traced(Retransmitted("net", sa))


@pytest.fixture
def stage() -> Stage:
    return Stage()


def test_actions_are_done_in_their_order(stage: Stage) -> None:
    broken = Broken(ONE, "net", "Traceback")
    stage.take(
        Send(b"a", PATH), Keepalive(PATH), up(), Dropped("no_sa"), traced(ONE), broken, closed()
    )
    assert stage.done == [
        b"a", "keepalive", up(), ("dropped", "no_sa"), traced(ONE).record, broken, closed(),
    ]  # fmt: skip


def test_what_follows_an_install_waits_until_the_worker_has_it(stage: Stage) -> None:
    stage.take(Send(b"before", PATH), InstallChild(spec(300)), up(), child_up(300))
    assert stage.done == [b"before"]
    (install,) = stage.outside.worker
    assert isinstance(install, Install)
    assert (install.inbound_spi, install.path_mtu, install.encr) == (300, 1400, ESP.encr.name)
    stage.acknowledge()
    assert stage.done == [("installed", 300, 1300), up(), child_up(300)]


def test_later_lists_of_the_same_sa_queue_up_behind_and_keep_their_order(stage: Stage) -> None:
    stage.take(InstallChild(spec(300)), up())
    stage.take(Send(b"1", PATH), traced(ONE))
    stage.take(Send(b"2", PATH), traced(ONE))
    assert stage.done == []
    stage.acknowledge()
    assert [one for one in stage.done if isinstance(one, bytes)] == [b"1", b"2"]


def test_two_waits_in_one_list_and_one_in_the_next_are_done_one_after_another(
    stage: Stage,
) -> None:
    stage.take(InstallChild(spec(300)), up(), RemoveChild(200), ChildClosed(ONE, "net", 200))
    stage.take(RemoveChild(300), ChildClosed(ONE, "net", 300), closed())
    assert len(stage.outside.worker) == 1
    stage.acknowledge()
    assert stage.done == [("installed", 300, 1300), up()]
    stage.acknowledge()
    assert stage.done == [ChildClosed(ONE, "net", 200)]
    stage.acknowledge()
    assert stage.done == [ChildClosed(ONE, "net", 300), closed()]
    assert [type(message) for message in stage.outside.worker] == [Install, Remove, Remove]


def test_other_sas_do_not_wait(stage: Stage) -> None:
    stage.take(InstallChild(spec(300)), up())
    stage.take(Send(b"other", PATH), traced(TWO), closed(TWO))
    assert stage.done == [b"other", traced(TWO).record, closed(TWO)]


def test_sas_whose_time_has_come_together_do_not_wait_for_each_other(stage: Stage) -> None:
    gone: list[Action] = [RemoveChild(300), ChildClosed(ONE, "net", 300), closed(ONE)]
    also: list[Action] = [RemoveChild(400), ChildClosed(TWO, "net", 400), closed(TWO)]
    stage.endpoint.due = [*gone, *also, Send(b"again", PATH), traced(b"\3" * 8), Keepalive(PATH)]
    stage.runner.handle_timeout()
    assert [message for message in stage.outside.worker if isinstance(message, Remove)] == [
        Remove(1, 300),
        Remove(2, 400),
    ]
    assert stage.done == [b"again", Retransmitted("net", b"\3" * 8), "keepalive"]
    stage.acknowledge(number=1)
    assert stage.done == [ChildClosed(TWO, "net", 400), closed(TWO)]
    stage.acknowledge(number=0)
    assert stage.done == [ChildClosed(ONE, "net", 300), closed(ONE)]


def test_an_install_without_an_answer_for_a_second_has_failed(stage: Stage) -> None:
    stage.take(InstallChild(spec(300)), up(), child_up(300))
    stage.take(Send(b"later", PATH), traced(ONE))
    assert stage.runner.next_timeout() == 101.0
    stage.sleep(0.999)
    assert stage.done == []
    stage.endpoint.lists.append([Send(b"delete", PATH), traced(ONE)])
    stage.sleep(0.001)
    assert stage.done == [up(), b"later", traced(ONE).record, b"delete", traced(ONE).record]
    assert stage.endpoint.events[-1] == InstallFailed(300)


def test_an_install_that_the_worker_refuses_has_failed_at_once(stage: Stage) -> None:
    stage.take(InstallChild(spec(300)), up(), child_up(300))
    stage.acknowledge(ok=False)
    assert stage.done == [up()]
    assert stage.endpoint.events[-1] == InstallFailed(300)


def test_a_late_acknowledgement_means_nothing(stage: Stage) -> None:
    stage.take(InstallChild(spec(300)), up())
    stage.sleep(1.0)
    stage.acknowledge()
    stage.acknowledge()
    assert stage.done == [up()]


def test_a_removal_without_an_answer_goes_on_after_a_second(stage: Stage) -> None:
    stage.take(RemoveChild(300), closed())
    stage.sleep(1.0)
    assert stage.done == [closed()]
    assert InstallFailed(300) not in stage.endpoint.events


def test_with_a_dead_worker_installs_fail_and_removals_are_done(stage: Stage) -> None:
    stage.take(InstallChild(spec(300)), up(), child_up(300))
    stage.take(RemoveChild(400), closed(TWO))
    stage.runner.acknowledgements.fail_all()
    assert stage.done == [up(), closed(TWO)]
    assert stage.endpoint.events[-1] == InstallFailed(300)
    assert stage.runner.next_timeout() is None


def test_what_waits_again_after_the_death_waits_for_the_next_worker(stage: Stage) -> None:
    stage.take(RemoveChild(300), RemoveChild(400), closed())
    stage.runner.acknowledgements.fail_all()
    assert stage.done == []
    stage.acknowledge()
    assert stage.done == [closed()]


def test_a_question_for_the_key_is_answered_after_the_list_it_stands_in(stage: Stage) -> None:
    stage.endpoint.lists.append([Authorize(ONE, "net", PEER, PEER), Send(b"first", PATH)])
    stage.endpoint.lists.append([Send(b"second", PATH)])
    stage.runner.handle(ProbeWanted(ONE))
    assert stage.endpoint.events[-1] == Authorized(ONE, KEY)
    assert stage.done == [b"first", b"second"]


def test_without_a_key_the_answer_is_no(stage: Stage) -> None:
    stage.outside.key = None
    stage.take(Authorize(ONE, "net", PEER, PEER))
    assert stage.endpoint.events[-1] == Refused(ONE)


def test_what_a_report_brings_about_does_not_overtake_the_rest_of_its_list(stage: Stage) -> None:
    stage.outside.on_report.append(CloseWanted(ONE))
    stage.endpoint.lists.append([up(), Send(b"first", PATH), traced(ONE)])
    stage.endpoint.lists.append([Send(b"second", PATH), traced(ONE)])
    stage.runner.handle(ProbeWanted(ONE))
    assert [one for one in stage.done if isinstance(one, bytes)] == [b"first", b"second"]


def test_a_moved_child_is_told_to_the_worker_without_waiting(stage: Stage) -> None:
    stage.take(MoveChild(300, PATH), Send(b"answer", PATH), traced(ONE))
    assert stage.outside.worker == [Move(300, PATH, 1400)]
    assert b"answer" in stage.done


def test_what_seals_is_told_to_the_worker_without_waiting(stage: Stage) -> None:
    stage.take(UseChild(302), RetireChild(300), Send(b"answer", PATH))
    assert stage.outside.worker == [Use(302), Retire(300)]
    assert stage.done == [b"answer"]


def test_an_order_for_the_worker_says_what_the_core_said(stage: Stage) -> None:
    stage.take(InstallChild(replace(spec(300), standby=True, limits=ChildLimits(1, 2, 3, 4))))
    (order,) = stage.outside.worker
    assert isinstance(order, Install)
    assert order.standby
    limits = (order.soft_octets, order.hard_octets, order.soft_packets, order.hard_packets)
    assert limits == (1, 2, 3, 4)


def test_ah_is_ordered_without_a_cipher(stage: Stage) -> None:
    keys = Keys(Secret(b""), Secret(bytes(32)))
    ah = replace(ESP, protocol=Protocol.AH, encr=NULL, integ=INTEG_BY_NAME["sha256"])
    stage.take(InstallChild(replace(spec(300), suite=ah, inbound=keys, outbound=keys)))
    stage.take(InstallChild(spec(400, TWO)))
    order, esp = stage.outside.worker
    assert isinstance(order, Install)
    assert isinstance(esp, Install)
    assert (order.protocol, order.encr, order.integ) == (Ipsec.AH, "", "sha256")
    assert child_of(replace(order, path=replace(PATH, encapsulated=False))).outbound.protocol == 51
    assert esp.protocol is Ipsec.ESP


def test_transport_mode_is_ordered_with_the_addresses_of_a_nat(stage: Stage) -> None:
    original = ("192.0.2.9", "10.0.0.2")
    host = replace(spec(300), mode=Mode.TRANSPORT, original=original, later_fragments=True)
    stage.take(InstallChild(host))
    (order,) = stage.outside.worker
    assert isinstance(order, Install)
    assert (order.mode, order.original) == (Mode.TRANSPORT, original)
    assert order.later_fragments


def test_an_order_says_how_the_connection_wraps_its_packets(stage: Stage) -> None:
    stage.outside.treatment = Treatment(46, DontFragment.COPY, 99, 64, tfc=128, dummy=5)
    for number, told in enumerate(({}, {"tfc": False}, {"mode": Mode.TRANSPORT}), 1):
        one = spec(number << 10, bytes((number,)) * 8)
        stage.take(InstallChild(replace(one, **told)))  # type: ignore[arg-type]
    orders = [order for order in stage.outside.worker if isinstance(order, Install)]
    plain = replace(stage.outside.treatment, tfc=0)  # RFC 7296 section 1.3.1
    assert [order.treatment for order in orders] == [stage.outside.treatment, plain, plain]


def test_it_wants_to_be_called_when_the_endpoint_does_or_the_worker_is_late(stage: Stage) -> None:
    assert stage.runner.next_timeout() is None
    stage.endpoint.at = 100.5
    stage.take(InstallChild(spec(300)), up())
    assert stage.runner.next_timeout() == 100.5
    stage.endpoint.at = 200.0
    assert stage.runner.next_timeout() == 101.0


@pytest.mark.parametrize("tells", [True, False])
def test_a_bug_on_the_outside_costs_one_action_and_not_what_follows(
    stage: Stage, tells: bool
) -> None:
    stage.outside.bugs += [up()] if tells else [up(), "broken"]
    stage.take(Send(b"before", PATH), up(), Send(b"after", PATH), closed())
    done = stage.done
    broken = [one for one in done if isinstance(one, Broken)]
    assert [one for one in done if one not in broken] == [b"before", b"after", closed()]
    assert ["ValueError: a bug" in one.traceback for one in broken] == [True] * tells
    stage.take(Send(b"later", PATH), traced(ONE))
    assert b"later" in stage.done


def test_a_bug_while_a_child_is_installed_keeps_nobody_waiting(stage: Stage) -> None:
    stage.outside.bugs += ["installed", "mtu"]
    stage.take(InstallChild(spec(300)), up(), child_up(300))
    (install,) = stage.outside.worker
    assert isinstance(install, Install)
    assert install.path_mtu == 1280
    stage.acknowledge()
    assert stage.done[1:] == [up(), child_up(300)]


def test_what_is_asked_of_clients_is_answered_and_an_inner_address_is_told(stage: Stage) -> None:
    user = CheckUser(ONE, "net", "alice", KEY)
    lease = AskLease(ONE, "net", "alice")
    given = Assigned(ONE, "net", Lease("10.9.0.1"))
    stage.take(user, lease, given)
    assert stage.done == [user, lease, given]
    assert stage.endpoint.events[1:] == [UserAccepted(ONE), Refused(ONE)]
