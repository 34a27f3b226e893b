"""Who reads along reads everything: otherwise the races would be judged by nothing."""

from dataclasses import replace

import pytest

from ikecore.actions import Traced
from ikecore.events import ProbeWanted
from ikecore.trace import KeysDerived
from ikev1.message import Exchange
from ikev1.payloads.delete import Delete
from ikev1.payloads.hash import Hash
from ikev1.payloads.notify import Notify
from tests.pair.scene import close, close_child, rekey, rekey_ike

from .eavesdropper import Deletes, Eavesdropper
from .network import only, quiet, said
from .tunnel import INFORM, MODES, connect, heard


@pytest.mark.parametrize("mode", MODES)
def test_every_message_of_a_long_life_is_read(mode: str) -> None:
    moon, sun = (quiet(name, legacy=MODES[mode]) for name in ("moon", "sun"))
    net = connect("moon", moon, sun)
    for name in ("moon", "sun"):
        net.tell(name, ProbeWanted(net.up(name)[0]))
        rekey(net, name)
        net.sleep(20)
        rekey_ike(net, name)
        net.sleep(20)
    close_child(net, "sun")
    net.sleep(1)
    close(net, "moon")
    net.settle()
    for letter, _ in net.letters:
        message = net.ear.read(letter.data)
        assert message is not None
        if message.header.encrypted and message.header.message_id:
            assert isinstance(message.payloads[0], Hash)
    told = {spi for name in ("moon", "sun") for spi in net.deletes.told[name]}
    obeyed = {spi for name in ("moon", "sun") for spi in net.deletes.obeyed[name]}
    assert len(told) >= 3
    assert obeyed <= told
    assert net.deletes.misuse == []


def test_other_words_are_taken_for_the_sender_s() -> None:
    net = connect("moon", every=0.0)

    def change(message: object) -> object:
        return replace(message, payloads=(Notify(40961, b"hello"),))  # type: ignore[type-var]

    net.change_when(said("moon", INFORM), change)  # type: ignore[arg-type]
    net.tell("moon", ProbeWanted(net.up("moon")[0]))
    net.settle()
    assert heard(net, "moon", INFORM)[0][1:] == (Notify(40961, b"hello"),)
    assert net.drops("sun") == []
    assert len([m for m in net.messages("sun") if m.labels == ("HASH", "N(40961)")]) == 1


def test_without_the_keys_nothing_is_read() -> None:
    net = connect("moon", every=0.0)
    ear = Eavesdropper()
    for letter, _ in net.letters:
        ear.outside(letter.data)
        if letter.exchange == Exchange.QUICK:
            with pytest.raises(KeyError):
                ear.read(letter.data)
    (record, *_) = [
        t.record for t in only(Traced, net.hosts["moon"].log) if isinstance(t.record, KeysDerived)
    ]
    ear.learn(record)
    assert all(ear.read(letter.data) is not None for letter, _ in net.letters)


def test_who_uses_what_was_deleted_is_found_out() -> None:
    net = connect("moon", every=0.0)
    (cookies,) = net.pairs("moon")
    spi = next(iter(net.hosts["moon"].children))
    close_child(net, "moon")
    close(net, "moon")
    sent = [m for x, _ in net.letters if x.exchange == INFORM and (m := net.ear.read(x.data))]
    assert [type(m.payloads[1]) for m in sent] == [Delete, Delete]
    deletes = Deletes()
    for message in sent:
        deletes.leaves("moon", message, 1.0)
    deletes.judge("moon", spi, 1, 2.0)
    deletes.judge("sun", 1, spi, 2.0)
    assert len(deletes.misuse) == 1  # sun does not know yet
    for message in sent:
        deletes.arrives("sun", message)
    deletes.judge("sun", 1, spi, 3.0)
    assert len(deletes.misuse) == 2
    header = replace(sent[0].header, initiator_cookie=cookies[0], exchange=Exchange.QUICK)
    deletes.leaves("moon", replace(sent[0], header=header, payloads=()), 4.0)
    assert deletes.misuse[-1] == "4.000 moon says QUICK under a deleted ISAKMP SA"
