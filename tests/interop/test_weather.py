"""Loss, cookies, a wrong guess at the group, death and return, and both starting at once."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.interop.duo import (
    PATIENT,
    Duo,
    connection_toml,
    deaf,
    hosts_talk,
    swan_sas,
    wait_for_ping,
)
from tests.lab.strongswan import COOKIES
from tests.lab.topology import Lab, wait_for

pytestmark = pytest.mark.lab
Start = Callable[..., Duo]
ALWAYS = {"cookie_threshold": 0, "cookie_threshold_per_address": 0}


@pytest.mark.parametrize("starter", ["we", "peer"])
def test_a_fifth_of_all_packets_is_lost(lab: Lab, duo: Start, starter: str) -> None:
    dpd = {"interval_s": 1, "timeout_s": 30}
    pair = duo(
        connection_toml(lab, retry=PATIENT, dpd=dpd),
        options=("retransmit_timeout = 0.2", "retransmit_base = 1.5", "retransmit_tries = 9"),
    )
    pair.peer()
    lab.loss(20)  # each way
    pair.up(patience=60) if starter == "we" else pair.peer_up()
    first = pair.wait_connected()
    wait_for(lambda: (pair.see().age_s or 0) > 6, 15, "some probes")  # five of them
    assert 0 < lab.ping("ca", "10.2.0.2", 100, 0.01) < 65  # 36 of them, more or less
    last = pair.see()
    assert (last.state, last.initiator_spi) == ("connected", first.initiator_spi)
    lab.loss(0)
    hosts_talk(lab)


def test_the_peer_asks_for_a_cookie(lab: Lab, duo: Start) -> None:
    pair = duo(connection_toml(lab), options=(COOKIES,))
    pair.peer()
    pair.swan.demand_cookies()
    labels = [label for message in pair.up() if not message.sent for label in message.labels]
    assert "N(COOKIE)" in labels
    hosts_talk(lab)


def test_we_ask_for_a_cookie(lab: Lab, duo: Start) -> None:
    pair = duo(connection_toml(lab), limits=ALWAYS)
    pair.peer()
    assert "N(COOKIE)" in pair.peer_up()
    hosts_talk(lab)


def test_the_peer_wants_another_group(lab: Lab, duo: Start) -> None:
    pair = duo(connection_toml(lab, ike="aes128-sha256-x25519-ecp256"))
    pair.peer(ike="aes128-sha256-ecp256")
    labels = [label for message in pair.up() if not message.sent for label in message.labels]
    assert "N(INVALID_KE_PAYLOAD)" in labels
    assert pair.see().ike.endswith("-ecp256")
    hosts_talk(lab)


def test_we_want_another_group(lab: Lab, duo: Start) -> None:
    pair = duo(connection_toml(lab, ike="aes128-sha256-ecp384"))
    pair.peer(ike="aes128-sha256-modp2048-ecp384")
    account = pair.peer_up()
    assert "peer didn't accept DH group MODP_2048, it requested ECP_384" in account
    hosts_talk(lab)


def test_cookie_and_another_group_together(lab: Lab, duo: Start) -> None:
    pair = duo(connection_toml(lab, ike="aes128-sha256-ecp384"), limits=ALWAYS)
    pair.peer(ike="aes128-sha256-modp2048-ecp384")
    account = pair.peer_up()
    assert "N(COOKIE)" in account
    assert "it requested ECP_384" in account
    hosts_talk(lab)


def test_the_peer_restarts_and_finds_us_with_an_old_sa(lab: Lab, duo: Start) -> None:
    pair = duo(connection_toml(lab))
    pair.peer()
    pair.peer_up()
    first = pair.see()
    pair.swan.kill()
    pair.swan.restart()
    pair.peer_up()  # its INITIAL_CONTACT ends the old one at once
    wait_for(lambda: len(pair.see().children) == 1, 5, "the old SA's end")
    assert pair.see().initiator_spi != first.initiator_spi
    hosts_talk(lab)


@pytest.mark.parametrize("way", ["killed", "stopped"])
def test_we_restart(lab: Lab, duo: Start, way: str) -> None:
    pair = duo(connection_toml(lab, initiation="active"))
    pair.peer()
    first = pair.wait_connected()
    if way == "killed":
        pair.ours.kill()
        assert pair.swan.established()  # it has heard nothing
    else:
        assert pair.ours.stop() == 0
        assert swan_sas(pair.swan) == 0
    pair.ours.restart()
    second = pair.wait_connected()
    assert second.initiator_spi != first.initiator_spi
    wait_for(lambda: swan_sas(pair.swan) == 1, 5, "the old SA's end at the peer")
    wait_for_ping(lab, 5)
    hosts_talk(lab)


def test_both_start_at_once_and_keep_one(lab: Lab, duo: Start) -> None:
    pair = duo(connection_toml(lab, retry=PATIENT), options=("retransmit_timeout = 0.3",))
    pair.peer()
    with deaf(lab, "ga", "iifname wan udp dport 4500 drop") as listen, ThreadPoolExecutor() as pool:
        ours = pool.submit(pair.up)
        theirs = pool.submit(pair.swan.initiate)
        halves = "IKE_SA_INIT response 0 to", "IKE_SA_INIT response 0 from"
        wait_for(lambda: all(one in log_of(pair) for one in halves), 10, "two halves")
        listen()  # both wait for their IKE_AUTH now
        ours.result()
        theirs.result()
    wait_for(lambda: swan_sas(pair.swan) == 1, 30, "one SA at the peer")
    wait_for(lambda: len(pair.see().children) == 1, 30, "one child of ours")
    wait_for_ping(lab, 5)
    hosts_talk(lab)
    assert f"{pair.see().initiator_spi}_i" in pair.swan.list_sas().replace("*", "")


def log_of(pair: Duo) -> str:
    return "\n".join(line.text for line in pair.client.log())
