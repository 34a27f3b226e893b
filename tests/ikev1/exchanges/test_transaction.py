"""The transaction exchange: IDs, IVs, repeats, bounds, and who is heard when."""

import pytest

from ikecore.actions import Action, AskLease, Dropped, Send
from ikecore.profile import ConfigMode, Role
from ikev1.exchanges.transaction import FAIL, Await, RespondTransaction, Stage, enter, wait
from ikev1.message import Exchange
from ikev1.payloads.attributes import Attribute
from ikev1.payloads.attrs import ConfigAttributes, ConfigType
from ikev1.sa import IkeSa
from ikev1.state import State
from tests.ikev1.access import (
    ACK,
    LEASE,
    REPLY,
    REQUEST,
    SET,
    Kind,
    OneEnd,
    asking_end,
    client,
    named,
    network,
    only,
    server,
    status,
    terms,
    who,
)

ASKED = named(Kind.INTERNAL_IP4_ADDRESS)


class Late(Stage):
    """A stage that takes note when its time is over."""

    was_told = False

    def on_silence(self, _sa: IkeSa, _now: float) -> list[Action]:
        self.was_told = True
        return []


def pushed() -> OneEnd:
    """Return a client that waits to be told its address."""
    return OneEnd(client(terms(Role.CLIENT, ConfigMode.PUSH, xauth=False), children=()))


def in_use() -> OneEnd:
    """Return a client's SA that has an address and no children."""
    end = pushed()
    end.peer(SET, Attribute(Kind.INTERNAL_IP4_ADDRESS, bytes((10, 9, 0, 5))))
    assert end.stands(State.ESTABLISHED)
    return end


def calm() -> OneEnd:
    """Return a server's SA that is in use, and gives no addresses."""
    end = asking_end()
    end.answers(*who())
    end.carry_out(end.sa.waiting.accepted(end.sa, end.now))
    end.answers(status(1))
    assert end.stands(State.ESTABLISHED)
    return end


def reasons(actions: list[Action]) -> list[str]:
    return [action.reason for action in actions if isinstance(action, Dropped)]


def test_a_transaction_before_phase_1_is_over_is_dropped() -> None:
    end = pushed()
    end.sa.become(State.NEGOTIATING, "a test wants it")
    assert reasons(end.peer(SET, *ASKED)) == ["unexpected"]
    assert end.said() == []


def test_a_transaction_under_a_wrong_hash_is_dropped() -> None:
    end = pushed()
    data = bytearray(end.sealed(ConfigAttributes(SET, 0, ASKED)))
    data[-1] ^= 1
    assert set(reasons(end.hear(bytes(data)))) <= {"integrity", "malformed"}
    assert end.said() == []


def test_forged_octets_do_not_put_the_ends_out_of_step() -> None:
    end = pushed()
    said = ConfigAttributes(REQUEST, 0, named(Kind.APPLICATION_VERSION))
    whole = end.sealed(said, message_id=0x55)
    end.hear(whole[:-16] + bytes(16))
    end.hear(whole)
    end.peer(REQUEST, *named(Kind.APPLICATION_VERSION), message_id=0x55)
    assert [message_id for message_id, _ in end.said()] == [0x55, 0x55]


@pytest.mark.parametrize("kind", [REPLY, ACK])
def test_an_answer_to_nothing_is_dropped(kind: ConfigType) -> None:
    end = pushed()
    assert reasons(end.peer(kind, *ASKED)) == ["unexpected"]


def test_types_that_nobody_knows_are_dropped() -> None:
    end = pushed()
    for kind in (0, 5, 127, 255):
        found = end.hear(end.sealed(ConfigAttributes(kind, 0, ASKED)))
        assert reasons(found) == ["unexpected"]


def test_the_identifier_comes_back() -> None:
    end = in_use()
    end.peer(REQUEST, *ASKED, identifier=0xBEEF)
    end.peer(SET, *ASKED, identifier=0xCAFE)
    assert [(one.type, one.identifier) for _, one in end.said()[-2:]] == [
        (REPLY, 0xBEEF),
        (ACK, 0xCAFE),
    ]


def test_an_sa_in_use_learns_and_tells_nothing_more() -> None:
    end = in_use()
    before = end.sa.profile
    end.peer(SET, Attribute(Kind.INTERNAL_IP4_ADDRESS, bytes((10, 9, 0, 66))))
    end.peer(REQUEST, *named(*Kind))
    told, asked = (one.attributes for _, one in end.said()[-2:])
    assert told == ()
    assert asked == (FAIL,)
    assert end.sa.profile == before


def test_who_has_no_part_in_it_answers_with_nothing() -> None:
    """Neither client nor server: no configuration is asked for, none is accepted."""
    end = in_use()
    end.sa.waiting = Stage()
    end.peer(SET, Attribute(Kind.INTERNAL_IP4_ADDRESS, bytes((10, 9, 0, 66))))
    end.peer(REQUEST, *ASKED)
    assert [one.attributes for _, one in end.said()[-2:]] == [(), ()]


def test_a_peer_has_few_transactions_under_way_at_once() -> None:
    """Each of them is kept for a while, so that what it repeats is answered."""
    end = calm()
    found = [end.peer(REQUEST, *ASKED) for _ in range(300)]
    assert sum("transaction_limit" in reasons(one) for one in found) > 290
    assert len(end.sa.flights.under_way(RespondTransaction)) <= 5
    end.sleep(end.sa.patience + 1)
    assert len(only(Send, end.peer(REQUEST, *ASKED))) == 1  # time heals
    for _ in range(30):
        end.sleep(end.sa.patience + 1)
        end.peer(REQUEST, *ASKED)
    assert len(list(end.sa.flights)) < 70


def test_what_is_not_answered_is_not_kept_for_ever() -> None:
    end = pushed()
    for _ in range(5):
        end.peer(REPLY, *ASKED)
    end.sleep(2)  # longer, and the client would ask
    assert len(end.sa.flights.under_way(RespondTransaction)) == 5
    end.sleep(20)
    assert end.sa.flights.under_way(RespondTransaction) == []


def test_a_message_under_the_id_of_a_wait_does_not_stop_the_clock() -> None:
    """No peer knows the ID, but it might guess."""
    end = pushed()
    (flight,) = (f for f in end.sa.flights if isinstance(f.negotiation, Await))
    deadline = flight.deadline
    found = end.peer(SET, *ASKED, message_id=flight.message_id)
    assert reasons(found) == ["unexpected"]
    assert flight.deadline == deadline


def test_a_stage_that_is_over_hears_nothing_of_its_wait() -> None:
    end = calm()
    late = Late()
    end.carry_out(wait(end.sa, late, end.now, 1.0))
    end.sleep(5)
    assert not late.was_told
    end.carry_out(enter(end.sa, late, end.now))
    end.carry_out(wait(end.sa, late, end.now, 1.0))
    end.sleep(5)
    assert late.was_told


def test_requests_go_out_again_until_they_are_answered() -> None:
    end = OneEnd(server(terms(Role.SERVER, ConfigMode.PUSH, xauth=False), children=()))
    assert [a.holder for a in end.begun if isinstance(a, AskLease)] == ["peer.lab"]
    (first,) = only(Send, end.carry_out(end.sa.waiting.leased(end.sa, LEASE, 0.0)))
    assert set(end.sleep(4)) >= {first}
    end.answers(*ASKED)
    assert end.stands(State.ESTABLISHED)
    assert only(Send, end.sleep(30)) == []


def test_the_ids_of_all_transactions_differ() -> None:
    net = network()
    net.initiate("moon")
    net.assert_connected()
    ids = [m.message_id for m in net.messages("moon") if m.exchange == Exchange.TRANSACTION.name]
    assert len(ids) == 6
    assert len(set(ids)) == 3
