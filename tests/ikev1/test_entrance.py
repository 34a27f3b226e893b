"""Who gets in: the first message of phase 1."""

from ikecore.actions import Dropped, Failed, Send
from ikecore.diagnosis import Code
from ikecore.events import Configured, DatagramReceived
from ikecore.profile import IkeVersion, LegacyTerms, Limits, Role
from policy.path import Path

from .network import MOON, SUN, Network, quiet

PATH = Path((SUN, 500), (MOON, 500))


def first_message() -> bytes:
    net = Network(quiet("moon"), quiet("sun"))
    net.initiate("moon", settle=False)
    return net.seen(Send, "moon")[0].data


def cookie(number: int) -> bytes:
    return number.to_bytes(8, "big") + first_message()[8:]


def test_a_stranger_gets_nothing() -> None:
    net = Network(quiet("moon"), quiet("sun"))
    away = Path((SUN, 500), ("203.0.113.9", 500))
    assert [
        a.reason
        for a in net.tell("sun", DatagramReceived(first_message(), away))
        if isinstance(a, Dropped)
    ] == ["no_connection"]
    assert not net.seen(Send, "sun")


def test_a_connection_of_the_other_version_hears_of_it() -> None:
    net = Network(quiet("moon"), quiet("sun"))
    net.tell("sun", Configured((quiet("sun", version=IkeVersion.IKEV2),)))
    net.initiate("moon")
    failed = net.seen(Failed, "sun")[0]
    assert failed.diagnosis.code is Code.IKE_VERSION_MISMATCH
    (finding,) = failed.diagnosis.findings
    assert (finding.ours, finding.theirs) == ("ikev2", "ikev1")
    net.sleep(3)
    assert net.codes("moon") == [Code.IKE_VERSION_MISMATCH]


def test_any_version_takes_ikev1_too() -> None:
    net = Network(quiet("moon"), quiet("sun", version=IkeVersion.ANY))
    net.initiate("moon")
    assert len(net.up("sun")) == 1


def test_a_first_message_again_gets_the_first_answer_again() -> None:
    net = Network(quiet("moon"), quiet("sun"))
    one = first_message()
    answers = [
        [a.data for a in net.tell("sun", DatagramReceived(one, PATH)) if isinstance(a, Send)]
        for _ in range(3)
    ]
    assert answers[0] == answers[1] == answers[2]
    assert net.hosts["sun"].endpoint.half_open == 1


def test_a_repeat_is_not_answered_without_end() -> None:
    net = Network(quiet("moon"), quiet("sun"))
    one = first_message()
    for _ in range(100):
        net.tell("sun", DatagramReceived(one, PATH))
    assert len(net.seen(Send, "sun")) <= 21


def test_one_address_has_its_share_of_half_open_sas() -> None:
    limits = {"sun": Limits(half_open_per_address=3)}
    net = Network(quiet("moon"), quiet("sun"), limits=limits)
    for number in range(1, 10):
        net.tell("sun", DatagramReceived(cookie(number), PATH))
    assert net.hosts["sun"].endpoint.half_open == 3


def test_a_flood_from_forged_addresses_keeps_nobody_out() -> None:
    anybody = quiet("sun", remote=frozenset())
    net = Network(quiet("moon"), anybody, limits={"sun": Limits(half_open=10)})
    for number in range(1, 200):
        forged = Path((SUN, 500), (f"198.51.100.{number}", 500))
        net.tell("sun", DatagramReceived(cookie(number), forged))
    assert net.hosts["sun"].endpoint.half_open == 10
    net.initiate("moon")
    assert len(net.up("sun")) == 1


def test_another_domain_of_interpretation_is_dropped() -> None:
    net = Network(quiet("moon"), quiet("sun"))
    one = first_message()
    other = one[:35] + b"\x02" + one[36:]
    (dropped,) = net.tell("sun", DatagramReceived(other, PATH))
    assert isinstance(dropped, Dropped)
    assert dropped.reason == "doi"


def test_another_way_to_authenticate_is_told_as_that() -> None:
    xauth = LegacyTerms(xauth=Role.CLIENT)
    net = Network(quiet("moon", legacy=xauth), quiet("sun"))
    net.initiate("moon")
    net.sleep(3)
    failed = net.failures("sun")[0]
    assert failed.code is Code.AUTH_METHOD_MISMATCH
    (finding,) = failed.findings
    assert finding.ours == "pre-shared key"
    assert finding.theirs == "pre-shared key with XAUTH"
    (told,) = net.failures("moon")
    ours = {one.code: one.ours for one in told.findings}
    assert ours[Code.AUTH_METHOD_MISMATCH] == "pre-shared key with XAUTH"
