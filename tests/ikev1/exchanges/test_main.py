"""Main mode as its initiator: six messages, and what goes wrong on the way."""

from dataclasses import replace

import pytest

from ikecore.actions import Established, Noted, Traced
from ikecore.diagnosis import Code
from ikecore.identities import Identity
from ikecore.trace import KeysDerived
from ikev1.message import Exchange, Message
from ikev1.payloads.sa import SecurityAssociation
from ikev1.payloads.vendor import VendorId
from ikev1.vendors import DPD, UNITY
from tests.ikev1.network import Network, profile, quiet, said

MAIN = Exchange.MAIN


def test_six_messages_make_an_sa_that_both_ends_know() -> None:
    net = Network(quiet("moon"), quiet("sun"))
    net.initiate("moon")
    assert net.up("moon")
    assert net.up("sun")
    assert net.pairs("moon") == net.pairs("sun")
    labels = [one.labels for one in net.messages("moon") if one.exchange == "MAIN"]
    assert [("SA" in one, "KE" in one, "ID" in one) for one in labels] == [
        (True, False, False),
        (True, False, False),
        (False, True, False),
        (False, True, False),
        (False, False, True),
        (False, False, True),
    ]


def test_both_ends_tell_version_identity_and_suite() -> None:
    net = Network(quiet("moon"), quiet("sun"))
    net.initiate("moon")
    (up,) = net.seen(Established, "moon")
    assert (up.version, str(up.remote_id), str(up.suite)) == (
        1,
        "sun.lab",
        "aes128-sha256-prfsha256-modp2048",
    )
    assert (up.nat_here, up.nat_there) == (False, False)


@pytest.mark.parametrize("number", [1, 2, 3])
@pytest.mark.parametrize("who", ["moon", "sun"])
def test_any_of_the_six_may_be_lost(who: str, number: int) -> None:
    net = Network(quiet("moon"), quiet("sun"))
    net.lose_when(said(who, MAIN, number))
    net.initiate("moon")
    net.sleep(5)
    assert len(net.up("moon")) == len(net.up("sun")) == 1


def test_a_wrong_key_is_told_by_both_ends() -> None:
    net = Network(quiet("moon"), quiet("sun"))
    net.hosts["sun"].psk = b"another key"
    net.initiate("moon")
    net.sleep(40)
    assert net.codes("sun") == [Code.PSK_MISMATCH]
    assert net.codes("moon") == [Code.PSK_MISMATCH]
    assert not net.failures("moon")[0].certain


def test_a_responder_with_another_identity_is_refused_and_told_so() -> None:
    net = Network(quiet("moon", remote_id=Identity.parse("mars.lab")), quiet("sun"))
    net.initiate("moon")
    net.sleep(1)
    assert net.codes("moon") == [Code.PEER_IDENTITY_MISMATCH]
    assert net.codes("sun") == [Code.AUTH_REFUSED_BY_PEER]
    assert not net.up("sun")


def test_a_silent_peer_is_given_up_after_the_time_for_a_try() -> None:
    net = Network(quiet("moon", try_timeout=10.0), quiet("sun"))
    net.lose_when(lambda letter: letter.sender == "moon", times=99)
    net.initiate("moon")
    net.sleep(11)
    assert net.codes("moon") == [Code.PEER_NO_RESPONSE]


@pytest.mark.parametrize("words", ["3des-md5-modp1024", "des-sha1-modp768", "aes256-sha512-ecp384"])
def test_old_and_new_algorithms_work_alike(words: str) -> None:
    net = Network(quiet("moon", ike=(words,)), quiet("sun", ike=(words,)))
    net.initiate("moon")
    assert len(net.up("moon")) == len(net.up("sun")) == 1


def test_its_first_message_sent_back_is_no_answer() -> None:
    net = Network(quiet("moon"), quiet("sun"))
    net.initiate("moon", settle=False)
    net.inject("moon", net.wire[0].data)
    assert net.drops("moon") == ["malformed"]
    net.settle()
    net.assert_connected()


def test_nonsense_is_remembered_but_not_all_of_it() -> None:
    net = Network(quiet("moon"), quiet("sun"))
    net.lose = lambda _: True
    net.initiate("moon")
    first = net.wire[0].data
    for _ in range(100):
        net.inject("moon", first)
    net.sleep(20)
    (told,) = net.failures("moon")
    assert not told.certain


@pytest.mark.parametrize(("who", "victim"), [("moon", "sun"), ("sun", "moon")])
def test_what_a_peer_says_of_itself_later_counts_as_well(who: str, victim: str) -> None:
    def change(message: Message) -> Message:
        others = tuple(one for one in message.payloads if not isinstance(one, VendorId))
        late = () if message.one(SecurityAssociation) else (VendorId(DPD), VendorId(UNITY))
        return replace(message, payloads=(*others, *late))

    net = Network(profile("moon"), profile("sun"))
    net.change_when(said(who, MAIN, 1), change)
    net.change_when(said(who, MAIN, 2), change)
    net.initiate("moon")
    net.sleep(20)
    (up,) = net.seen(Established, victim)
    assert up.vendor == "Cisco Unity"
    assert net.seen(Noted, victim) == []  # such as that it knows no dead peer detection


def test_no_common_proposal_is_a_rumour_to_the_initiator() -> None:
    net = Network(quiet("moon"), quiet("sun", ike=("aes256-sha256-modp2048",)))
    net.initiate("moon")
    net.sleep(3)
    assert set(net.codes("sun")) == {Code.ENCRYPTION_MISMATCH}
    (told,) = net.failures("moon")
    assert told.code is Code.PROPOSAL_REFUSED_BY_PEER
    assert not told.certain


def test_keys_are_traced_by_their_names() -> None:
    net = Network(quiet("moon"), quiet("sun"))
    net.initiate("moon")
    traced = (a.record for a in net.hosts["moon"].log if isinstance(a, Traced))
    record = next(one for one in traced if isinstance(one, KeysDerived))
    assert [name for name, _ in record.keys] == ["SKEYID", "SKEYID_d", "SKEYID_a", "SKEYID_e", "Ka"]


def test_an_identity_may_be_of_any_kind() -> None:
    for text in ("192.0.2.1", "2001:db8::7", "user@lab.example", "keyid:branch-7"):
        mine = Identity.parse(text)
        net = Network(quiet("moon", local_id=mine), replace(quiet("sun"), remote_id=mine))
        net.initiate("moon")
        assert len(net.up("sun")) == 1, text


def test_the_lifetime_is_the_shorter_one_of_both_ends() -> None:
    net = Network(profile("moon", ike_lifetime=7200.0), profile("sun", ike_lifetime=3600.0))
    net.initiate("moon")
    (here,), (there,) = (net.seen(Established, name) for name in ("moon", "sun"))
    assert 3600 < here.reauth_at <= 7200
    assert there.reauth_at <= 3600
