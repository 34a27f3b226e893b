"""An IKE SA renewed by the peer: what is taken, what is refused, and what nobody may ask."""

import pytest

from ikecore.actions import Closed, Established, Reason, Send
from ikecore.diagnosis import Code
from ikev2.message import Exchange
from ikev2.payloads.chain import Payload
from ikev2.payloads.ke import KeyExchangeData
from ikev2.payloads.nonce import Nonce
from ikev2.payloads.notify import Notify
from ikev2.payloads.sa import SecurityAssociation
from ikev2.payloads.types import NotifyType
from suites.kex import GROUP_BY_NAME
from suites.modp import oakley_prime
from tests.ikev2.asking import child_request, ike_request, instead, key, kinds, tunnel
from tests.ikev2.forger import Forger
from tests.ikev2.network import OTHER, Network, only
from tests.ikev2.races.scene import ask, close_child, quiet, rekey, rekey_ike
from tests.ikev2.wire import request

BOTH = pytest.mark.parametrize("who", ["moon", "sun"])
CREATE = Exchange.CREATE_CHILD_SA
PRIME = oakley_prime(2048)


def heirs(net: Network, name: str) -> list[Established]:
    """Return the IKE SAs of one end that came of renewing another."""
    return [up for up in net.seen(Established, name) if up.replaces]


@BOTH
def test_the_heir_is_there_when_the_answer_leaves(who: str) -> None:
    net = tunnel()
    (old,) = net.up(OTHER[who])
    answer = ask(net, who, CREATE, *ike_request())
    assert kinds(answer) == ["SecurityAssociation", "Nonce", "KeyExchangeData"]
    (heir,) = heirs(net, OTHER[who])
    assert (heir.replaces, heir.initiator, heir.initiator_spi) == (old, False, b"newspi!!")
    (chosen,) = [p for p in answer if isinstance(p, SecurityAssociation)]
    assert [p.spi for p in chosen.proposals] == [heir.responder_spi]


def test_the_old_sa_still_answers_and_makes_nothing_more() -> None:
    net = tunnel()
    net.lose_when(request("moon", Exchange.INFORMATIONAL), 100)  # its Delete
    moon = Forger(net, "moon", initiator=True)
    rekey_ike(net, "moon")
    net.settle()
    for number, payloads in enumerate((ike_request(), ike_request(spi=b"another!")), 3):
        (sent,) = only(Send, net.inject("sun", moon.say(number, *payloads, exchange=CREATE)))
        assert moon.hear(sent.data).payloads == (Notify(NotifyType.TEMPORARY_FAILURE),)
    (sent,) = only(Send, net.inject("sun", moon.say(5)))
    assert moon.hear(sent.data).payloads == ()
    assert len(heirs(net, "sun")) == 1


def test_an_old_sa_that_its_renewer_does_not_delete_is_deleted_after_a_while() -> None:
    net = tunnel()
    moon = Forger(net, "moon", initiator=True)
    said = moon.say(2, *ike_request(), exchange=CREATE)
    net.inject("sun", said)  # a moon that never says D(IKE)
    net.sleep(39)  # its request may have to be repeated for dpd_timeout, 30 s
    assert net.seen(Closed, "sun") == []
    net.sleep(5)
    assert net.seen(Closed, "sun")[0].reason is Reason.REKEYED


# -- what is refused ------------------------------------------------------------------------------
@BOTH
def test_while_children_change_it_does_not_suit(who: str) -> None:
    # section 2.25.2: we have a CREATE_CHILD_SA, or a Delete of a child, under way
    for begin in (rekey, close_child):
        net = tunnel()
        net.lose_when(request(OTHER[who], CREATE), 1)
        net.lose_when(request(OTHER[who], Exchange.INFORMATIONAL), 1)
        begin(net, OTHER[who])
        assert ask(net, who, CREATE, *ike_request()) == (Notify(NotifyType.TEMPORARY_FAILURE),)
        assert heirs(net, OTHER[who]) == []


def test_an_offer_that_does_not_fit_is_refused_and_told() -> None:
    net = tunnel()
    said = ike_request(("aes256gcm16-prfsha384-x25519",))
    assert ask(net, "moon", CREATE, *said) == (Notify(NotifyType.NO_PROPOSAL_CHOSEN),)
    assert net.codes("sun") == [Code.ENCRYPTION_MISMATCH]
    assert heirs(net, "sun") == []
    net.assert_connected()


def test_an_esp_offer_without_selectors_renews_nothing() -> None:
    net = tunnel()
    (esp,) = [p for p in child_request() if isinstance(p, SecurityAssociation)]
    said = instead(ike_request(), esp)
    assert ask(net, "moon", CREATE, *said) == (Notify(NotifyType.NO_PROPOSAL_CHOSEN),)
    net.assert_connected()


def test_an_offer_without_a_new_spi_is_refused() -> None:
    net = tunnel()
    said = ike_request(spi=b"")
    assert ask(net, "moon", CREATE, *said) == (Notify(NotifyType.NO_PROPOSAL_CHOSEN),)
    assert heirs(net, "sun") == []
    net.assert_connected()


def test_our_group_is_asked_for_when_the_peer_sent_none_of_ours() -> None:
    net = tunnel()
    said = ike_request(key=key("ecp256"))
    wanted = Notify(NotifyType.INVALID_KE_PAYLOAD, (31).to_bytes(2, "big"))
    assert ask(net, "moon", CREATE, *said) == (wanted,)
    net.assert_connected()


def test_a_suite_in_use_is_kept_against_our_order() -> None:
    both = ("aes256gcm16-prfsha384-x25519", "aes128gcm16-prfsha256-x25519")
    net = Network(quiet("moon"), quiet("sun", ike=both))
    net.initiate("moon")
    ask(net, "moon", CREATE, *ike_request(both))
    (heir,) = heirs(net, "sun")
    assert str(heir.suite) == str(net.seen(Established, "sun")[0].suite)


BAD = {
    "0": ("x25519", bytes(32)),
    "1": ("x25519", b"\1" + bytes(31)),
    "short": ("x25519", bytes(31)),
    "nothing": ("x25519", b""),
    "off the curve": ("ecp256", b"\1" * 64),
    "modp 0": ("modp2048", bytes(256)),
    "modp 1": ("modp2048", bytes(255) + b"\1"),
    "modp p-1": ("modp2048", (PRIME - 1).to_bytes(256, "big")),
    "modp p": ("modp2048", PRIME.to_bytes(256, "big")),
}


@pytest.mark.parametrize(("group", "public"), BAD.values(), ids=BAD.keys())
def test_a_bad_public_value_makes_no_sa(group: str, public: bytes) -> None:
    text = f"aes128gcm16-prfsha256-{group}"
    net = tunnel(ike=(text,))
    said = ike_request((text,), key=(GROUP_BY_NAME[group].iana, public))
    assert ask(net, "moon", CREATE, *said) == (Notify(NotifyType.INVALID_SYNTAX),)
    assert heirs(net, "sun") == []
    net.assert_connected()


@pytest.mark.parametrize("missing", [SecurityAssociation, Nonce, KeyExchangeData])
def test_a_request_without_its_parts_breaks_the_rules(missing: type[Payload]) -> None:
    net = tunnel()
    said = [p for p in ike_request() if not isinstance(p, missing)]
    moon = Forger(net, "moon", initiator=True)
    (sent,) = only(Send, net.inject("sun", moon.say(2, *said, exchange=CREATE)))
    assert moon.hear(sent.data).payloads == (Notify(NotifyType.INVALID_SYNTAX),)
    assert heirs(net, "sun") == []


def test_what_was_not_authenticated_is_never_renewed() -> None:
    """strongSwan CVE-2014-2338: a rekey made an authenticated SA of a half-open one."""
    net = Network()
    net.lose = lambda _: len(net.wire) > 2
    net.initiate("moon")
    net.lose = lambda _: False
    moon = Forger(net, "moon", initiator=True)
    for exchange in (CREATE, Exchange.INFORMATIONAL):
        assert only(Send, net.inject("sun", moon.say(1, *ike_request(), exchange=exchange))) == []
    assert net.seen(Established, "sun") == []
    assert net.drops("sun") == ["unexpected_request"] * 2
    assert net.hosts["sun"].endpoint.half_open == 1
