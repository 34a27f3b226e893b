"""Transport mode through a NAT: each end has the child for the addresses it sees (2.23.1).

moon 10.0.0.2 ── NAT 198.51.100.1 ───────────── sun 192.0.2.2
moon says TSi = 10.0.0.2, TSr = 192.0.2.2; sun's packets go to 198.51.100.1
"""

from dataclasses import replace

import pytest

from ikecore.actions import ChildEstablished
from ikecore.child import ChildSpec, Mode
from ikecore.profile import Profile
from ikev2.message import Exchange
from ikev2.payloads.ts import SelectorsInitiator, SelectorsResponder
from policy.selectors import TrafficSelector

from .asking import spec_of
from .network import ADDRESS, MOON, OTHER, SUN, Nat, Network, profile, selectors
from .races.scene import quiet, rekey, with_payload
from .wire import response

OUTSIDE = "198.51.100.1"
UNKNOWN = "0.0.0.0"  # noqa: S104 - an address, not a socket
ANY = selectors("0.0.0.0/0")


def host(address: str) -> tuple[TrafficSelector, ...]:
    return selectors(f"{address}/32")


def end(name: str, local: str, remote: str, **changes: object) -> Profile:
    nets: dict[str, object] = {"local_ts": host(local), "remote_ts": host(remote)}
    fields: dict[str, object] = {"mode": Mode.TRANSPORT, "remote": frozenset(), "esp": ESP}
    return quiet(name, **{**fields, **nets, **changes})


ESP = ("aes128gcm16",)


def ends(behind: str) -> Network:
    """Return two ends, one of them behind a NAT that lets all in."""
    seen = {**ADDRESS, behind: OUTSIDE}
    net = Network(*(end(name, ADDRESS[name], seen[OTHER[name]]) for name in ("moon", "sun")))  # type: ignore[arg-type]
    net.nats[behind] = Nat(OUTSIDE, {500: 500, 4500: 4500})
    return net


def connected(behind: str) -> Network:
    """Return ends with a child in transport mode."""
    net = ends(behind)
    net.initiate("moon")
    assert net.codes("moon") == net.codes("sun") == []
    return net


def sides(spec: ChildSpec) -> tuple[object, object]:
    return spec.local_ts, spec.remote_ts


@pytest.mark.parametrize("behind", ["moon", "sun"])
def test_each_end_has_the_addresses_that_its_packets_have(behind: str) -> None:
    net = connected(behind)
    other = OTHER[behind]
    assert sides(spec_of(net, behind)) == (host(ADDRESS[behind]), host(ADDRESS[other]))
    assert sides(spec_of(net, other)) == (host(ADDRESS[other]), host(OUTSIDE))
    for name in ("moon", "sun"):
        assert spec_of(net, name).mode is Mode.TRANSPORT
        assert spec_of(net, name).path.esp_in_udp
        assert not net.seen(ChildEstablished, name)[0].narrowed


@pytest.mark.parametrize("behind", ["moon", "sun"])
def test_each_end_knows_with_which_addresses_the_other_made_its_checksums(behind: str) -> None:
    net = connected(behind)
    seen = {**ADDRESS, behind: OUTSIDE}
    for name in ("moon", "sun"):  # our address as the peer sees it, and the peer's own
        assert spec_of(net, name).original == (seen[name], ADDRESS[OTHER[name]])


def test_the_answer_has_the_addresses_that_the_responder_sees() -> None:
    net = connected("moon")
    (answer,) = [one for one, _ in net.letters if response("sun", Exchange.IKE_AUTH)(one)]
    message = net.ear.read(answer.data)
    assert message is not None
    assert message.one(SelectorsInitiator) == SelectorsInitiator(host(OUTSIDE))
    assert message.one(SelectorsResponder) == SelectorsResponder(host(SUN))


def test_a_responder_that_says_our_own_words_back_has_not_told_how_it_sees_us() -> None:
    net = ends("moon")
    net.change_when(
        response("sun", Exchange.IKE_AUTH),
        with_payload(SelectorsInitiator, SelectorsInitiator(host(MOON))),
    )
    net.initiate("moon")
    assert net.codes("moon") == []
    assert sides(spec_of(net, "moon")) == (host(MOON), host(SUN))
    assert spec_of(net, "moon").original == (UNKNOWN, UNKNOWN)  # checksums are made anew


@pytest.mark.parametrize("who", ["moon", "sun"])
@pytest.mark.parametrize("behind", ["moon", "sun"])
def test_a_renewed_child_is_for_the_same_addresses(behind: str, who: str) -> None:
    net = connected(behind)
    before = {name: sides(spec_of(net, name)) for name in ("moon", "sun")}
    rekey(net, who)
    net.sleep(10)
    assert net.codes("moon") == net.codes("sun") == []
    assert {name: sides(spec_of(net, name)) for name in ("moon", "sun")} == before


def test_without_a_nat_nothing_is_changed() -> None:
    net = Network(end("moon", MOON, SUN), end("sun", SUN, MOON))
    net.initiate("moon")
    net.assert_connected()
    assert spec_of(net, "sun").original == ("", "")
    assert sides(spec_of(net, "sun")) == (host(SUN), host(MOON))


def test_tunnel_mode_is_left_alone_behind_a_nat() -> None:
    net = Network(profile("moon"), profile("sun", remote=frozenset()))
    net.nats["moon"] = Nat(OUTSIDE)
    net.initiate("moon")
    net.assert_connected()
    assert spec_of(net, "sun").original == ("", "")


def test_networks_are_no_hosts_and_are_compared_as_they_are() -> None:
    moon = end("moon", MOON, SUN, local_ts=selectors("10.0.0.0/24"))
    net = Network(moon, end("sun", SUN, OUTSIDE))
    net.nats["moon"] = Nat(OUTSIDE)
    net.initiate("moon")
    assert net.codes("sun") == ["TS_MISMATCH"]


def test_protocol_and_ports_stay() -> None:
    web = tuple(replace(ts, protocol=6, start_port=443, end_port=443) for ts in host(SUN))
    theirs = tuple(replace(ts, protocol=6) for ts in host(MOON))
    outside = tuple(replace(ts, protocol=6) for ts in host(OUTSIDE))
    moon = end("moon", MOON, SUN, local_ts=theirs, remote_ts=web)
    net = Network(moon, end("sun", SUN, OUTSIDE, local_ts=web, remote_ts=outside))
    net.nats["moon"] = Nat(OUTSIDE)
    net.initiate("moon")
    assert sides(spec_of(net, "sun")) == (web, outside)
    assert sides(spec_of(net, "moon")) == (theirs, web)
