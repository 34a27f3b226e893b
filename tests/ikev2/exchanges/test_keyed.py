from ikecore.actions import Traced
from ikecore.trace import KeysDerived
from tests.ikev2.network import Network


def test_both_ends_trace_the_same_keys_by_their_names() -> None:
    net = Network()
    net.initiate("moon")
    told = {}
    for name in ("moon", "sun"):
        records = [traced.record for traced in net.seen(Traced, name)]
        (told[name],) = [record for record in records if isinstance(record, KeysDerived)]
    assert told["moon"].keys == told["sun"].keys
    assert [name for name, _ in told["moon"].keys] == [
        "SK_d", "SK_ai", "SK_ar", "SK_ei", "SK_er", "SK_pi", "SK_pr",
    ]  # fmt: skip
    assert told["moon"].initiator_spi == told["sun"].initiator_spi
    assert told["moon"].responder_spi == told["sun"].responder_spi


def test_no_key_shows_in_what_a_log_would_print() -> None:
    net = Network()
    net.initiate("moon")
    text = repr(net.hosts["moon"].log)
    for traced in net.seen(Traced, "moon"):
        if isinstance(traced.record, KeysDerived):
            for _, key in traced.record.keys:
                assert not key.reveal() or repr(key.reveal()) not in text
    assert "<32 octets>" in text
    assert repr(net.hosts["moon"].psk) not in text
