"""Transport mode through a NAT: each end has the child for the addresses it sees (2.23.1).

moon 10.0.0.2 ── NAT 198.51.100.1 ───────────── sun 192.0.2.2
moon says TSi = 10.0.0.2, TSr = 192.0.2.2; sun's packets go to 198.51.100.1
"""

from dataclasses import replace

import pytest

from ikecore.actions import ChildEstablished
from ikecore.child import ChildSpec, Mode
from ikecore.profile import Profile
from policy.selectors import TrafficSelector

from .asking import spec_of
from .network import ADDRESS, MOON, OTHER, SUN, Nat, Network, profile, selectors
from .races.scene import quiet, rekey

OUTSIDE = "198.51.100.1"
ANY = selectors("0.0.0.0/0")


def host(address: str) -> tuple[TrafficSelector, ...]:
    return selectors(f"{address}/32")


def end(name: str, local: str, remote: str, **changes: object) -> Profile:
    nets: dict[str, object] = {"local_ts": host(local), "remote_ts": host(remote)}
    fields: dict[str, object] = {"mode": Mode.TRANSPORT, "remote": frozenset(), "esp": ESP}
    return quiet(name, **{**fields, **nets, **changes})


ESP = ("aes128gcm16",)


def connected(behind: str, starts: str = "moon") -> Network:
    """Return a child in transport mode; one end is behind a NAT that lets all in."""
    seen = {**ADDRESS, behind: OUTSIDE}
    net = Network(*(end(name, ADDRESS[name], seen[OTHER[name]]) for name in ("moon", "sun")))  # type: ignore[arg-type]
    net.nats[behind] = Nat(OUTSIDE, {500: 500, 4500: 4500})
    net.initiate(starts)
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
def test_the_responder_knows_with_which_addresses_checksums_were_made(behind: str) -> None:
    net = connected(behind)
    seen = {**ADDRESS, behind: OUTSIDE}
    # our address and the peer's, as the peer sees them
    assert spec_of(net, "sun").original == (seen["sun"], ADDRESS["moon"])


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
