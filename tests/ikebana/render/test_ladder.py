"""The diagram, character for character."""

from hypothesis import given, settings
from hypothesis import strategies as st

from ikebana.render.ladder import ladder
from ikecore.trace import MessageTraced, Record, Retransmitted, StateChanged
from policy.path import Path

SA = b"12345678"
PATH = Path(("10.99.0.1", 500), ("10.99.0.2", 500))


def traced(sent: bool, exchange: str, number: int, labels: str) -> MessageTraced:
    raw = f"{sent} {exchange} {number} {labels}".encode()
    words = tuple(labels.split())
    return MessageTraced("net", SA, sent, exchange, not sent, number, words, raw, PATH)


def test_exchange_is_drawn_one_line_a_message() -> None:
    records = [
        traced(True, "IKE_SA_INIT", 0, "SA KE No"),
        traced(False, "IKE_SA_INIT", 0, "N(COOKIE)"),
        traced(True, "IKE_AUTH", 1, "IDi AUTH SA TSi TSr"),
    ]
    assert ladder(records, "moon", "sun", 60) == [
        "moon                                                     sun",
        "│ IKE_SA_INIT 0 [SA KE No] ───────────────────────────────▶│",
        "│◀────────────────────────────── IKE_SA_INIT 0 [N(COOKIE)] │",
        "│ IKE_AUTH 1 [IDi AUTH SA TSi TSr] ───────────────────────▶│",
    ]


def test_what_goes_by_again_is_marked() -> None:
    answer = traced(False, "IKE_AUTH", 1, "IDr")
    records: list[Record] = [
        Retransmitted("net", SA),  # of a request from before the first record
        traced(True, "IKE_AUTH", 1, "IDi"),
        StateChanged("net", SA, "a", "b", "why"),
        Retransmitted("net", SA),
        answer,
        answer,
        Retransmitted("net", b"another."),
    ]
    assert ladder(records, "moon", "sun", 40)[1:] == [
        "│ IKE_AUTH 1 [IDi] ───────────────────▶│",
        "│ IKE_AUTH 1 [IDi] (again) ───────────▶│",
        "│◀─────────────────── IKE_AUTH 1 [IDr] │",
        "│◀─────────── IKE_AUTH 1 [IDr] (again) │",
    ]


def test_ikev1_is_told_by_its_octets() -> None:
    raw = bytes(17) + b"\x10"
    words = ("HASH", "SA", "No")
    quick = MessageTraced("net", SA, True, "QUICK", False, 0xC0FFEE11, words, raw, PATH)
    assert ladder([quick], "moon", "sun", 44)[1:] == [
        "│ QUICK c0ffee11 [HASH SA No] ────────────▶│",
    ]


texts = st.text(max_size=40)
traces = st.builds(
    MessageTraced,
    connection=texts,
    sa=st.just(SA),
    sent=st.booleans(),
    exchange=texts,
    response=st.booleans(),
    message_id=st.integers(0, 2**32 - 1),
    labels=st.lists(texts, max_size=20).map(tuple),
    raw=st.binary(max_size=1),
    path=st.just(PATH),
)


@settings(max_examples=100)
@given(st.lists(traces, max_size=4), texts, st.integers(0, 200))
def test_every_line_is_printable_and_of_the_width(
    records: list[MessageTraced], name: str, width: int
) -> None:
    for line in ladder(records, name, name, width):
        assert line.isprintable()
        assert len(line) == max(width, 40)
