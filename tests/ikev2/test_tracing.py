"""What the trace hears of every message, of both ends and both ways."""

from ikecore.trace import MessageTraced

from .asking import tunnel
from .network import Network, selectors
from .races.scene import quiet, rekey


def test_both_ends_trace_the_same_messages_with_opposite_signs() -> None:
    net = tunnel()
    rekey(net, "moon")
    net.sleep(1)
    mine, theirs = net.messages("moon"), net.messages("sun")
    assert len(mine) == len(theirs) == 8

    def seen(message: MessageTraced) -> tuple[object, ...]:
        return (
            message.exchange,
            message.response,
            message.message_id,
            message.labels,
            message.raw,
        )

    assert [seen(one) for one in mine] == [seen(one) for one in theirs]
    assert [one.sent for one in mine] == [not one.sent for one in theirs]


def test_a_message_is_told_with_its_sa_connection_and_way() -> None:
    net = tunnel()
    first, last = net.messages("moon")[0], net.messages("moon")[-1]
    assert (first.connection, first.exchange, first.message_id) == ("net", "IKE_SA_INIT", 0)
    assert first.sa == net.up("moon")[0]
    assert first.raw == net.wire[0].data
    assert last.path.remote[0] == net.address_of("sun")


def test_a_fragmented_message_is_told_once_with_its_first_piece() -> None:
    nets = selectors(*(f"10.1.{n}.0/24" for n in range(100)))
    net = Network(quiet("moon", local_ts=nets), quiet("sun", remote_ts=nets))
    net.initiate("moon")
    (sent,) = [m for m in net.messages("moon") if m.exchange == "IKE_AUTH" and m.sent]
    pieces = [
        s.data for s in net.wire if s.data[18] == 35 and s.data[:8] == sent.sa and s.data[19] == 8
    ]
    assert len(pieces) > 1
    assert sent.raw == pieces[0]
