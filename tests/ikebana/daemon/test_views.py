"""What ``status`` shows of a connection in each of its states."""

from dataclasses import replace

from ikebana.config.compile import compile_config
from ikebana.daemon.tally import Counts
from ikebana.daemon.tunnels import Tunnel, make_tunnel
from ikebana.daemon.views import connection_view
from ikecore.actions import Failed
from ikecore.diagnosis import Code, diagnose
from ikecore.lease import Lease
from ikecore.profile import IkeVersion
from policy.path import Path
from tests.ikebana.config.sample import CONNECTION, config
from tests.ikebana.daemon.test_tell import SA, child, established
from tests.ikev2.network import Dice


def tunnel() -> Tunnel:
    text = CONNECTION + 'local_subnets = ["10.1.0.0/24"]\nremote_subnets = ["10.2.0.0/24"]\n'
    return make_tunnel(compile_config(config(text)).tunnels[0], Dice(1))


def test_a_connection_without_an_sa_shows_its_plan() -> None:
    made = tunnel()
    made.local = "192.0.2.1"
    view = connection_view(made, 5.0)
    assert (view.state, view.peer, view.local_id) == ("idle", "10.99.0.2", "192.0.2.1")
    assert (view.ike, view.age_s, view.children, view.mappings_up) == ("", None, (), 0)


def test_a_connected_one_shows_its_sas_ages_and_counts() -> None:
    made = tunnel()
    made.core.start()
    made.core.handle(established(there=True), 10.0)
    made.core.handle(replace(child(narrowed=False), rekey_at=110.0), 10.0)
    made.established_at[SA] = 10.0
    made.counts[0x1000] = Counts(since=10.0, at=19.5, packets_in=3, octets_in=300, rate_in=80.0)
    view = connection_view(made, 20.0)
    assert (view.state, view.peer_id, view.nat, view.encapsulation) == (
        "connected",
        "sun.lab",
        "there",
        "esp",
    )
    assert (view.age_s, view.rekey_in_s, view.packets_in, view.rate_in_bps) == (10.0, 90.0, 3, 80.0)
    (shown,) = view.children
    assert (shown.inbound_spi, shown.local_ts, shown.age_s) == (0x1000, ("10.1.0.0/24",), 10.0)


def test_ikev1_wears_its_badge_with_and_without_an_sa() -> None:
    made = tunnel()
    view = connection_view(made, 5.0)
    assert (view.version, view.badges) == ("ikev2", ())
    made.plan = replace(made.plan, version=IkeVersion.IKEV1)
    view = connection_view(made, 5.0)
    assert (view.version, view.badges) == ("ikev1", ("legacy",))
    made.plan = replace(made.plan, version=IkeVersion.ANY)
    assert connection_view(made, 5.0).badges == ()
    made.core.start()
    made.core.handle(replace(established(), version=1, vendor="Cisco Unity", user="alice"), 10.0)
    made.lease = Lease("10.9.0.7")
    view = connection_view(made, 20.0)
    assert (view.version, view.badges) == ("ikev1", ("legacy",))
    assert (view.vendor, view.user, view.inner_address) == ("Cisco Unity", "alice", "10.9.0.7")


def test_a_failed_one_shows_code_lines_and_the_next_try() -> None:
    made = tunnel()
    made.core.start()
    made.core.handle(Failed("net", SA, True, diagnose(1, Code.PSK_MISMATCH, "ours")), 10.0)
    view = connection_view(made, 11.0)
    assert (view.reason_code, view.tries, view.next_try_in_s) == ("PSK_MISMATCH", 1, 1.0)
    assert view.reason[0].startswith("Stage 1 failure: PSK_MISMATCH")


def test_totals_go_on_when_a_child_is_gone_and_the_last_change_is_shown() -> None:
    made = tunnel()
    made.core.start()
    made.core.handle(established(), 10.0)
    made.core.handle(child(narrowed=True), 10.0)
    made.past.add(Counts(packets_in=3, octets_in=300, packets_out=4, octets_out=400))
    made.counts[0x1000] = Counts(packets_in=2, octets_in=20)
    made.counts[0x0FFF] = Counts(packets_in=7, octets_in=70)  # replaced a moment ago
    made.last_change, made.last_change_at = "CHILD_SA rekeyed", 1_700_000_000.0
    view = connection_view(made, 20.0)
    assert (view.packets_in, view.octets_in, view.packets_out) == (12, 390, 4)
    assert (view.last_change, view.last_change_at) == ("CHILD_SA rekeyed", 1_700_000_000.0)
    assert (view.mappings_up, view.mappings_total, view.narrowed) == (1, 1, True)
    assert (view.mode, view.children[0].mode, view.children[0].protocol) == (
        "tunnel", "tunnel", "esp",
    )  # fmt: skip


def test_drops_are_summed_over_the_sas_that_a_connection_has_had() -> None:
    made = tunnel()
    made.core.start()
    made.core.handle(established(), 10.0)
    made.core.handle(child(narrowed=False), 10.0)
    made.past.add(Counts(seen={"replay": 3, "dummy": 9}))
    made.counts[0x1000] = Counts(seen={"replay": 2, "integrity": 1})
    view = connection_view(made, 20.0)
    assert view.drops == {"replay": 5, "integrity": 1}
    assert view.children[0].drops == {"replay": 2, "integrity": 1}


def test_a_peer_that_moved_is_shown_where_it_is() -> None:
    made = tunnel()
    made.core.start()
    made.core.handle(established(), 10.0)
    moved = Path(("192.0.2.1", 4500), ("198.51.100.7", 1024), encapsulated=True)
    view = connection_view(made, 20.0, moved)
    assert (view.peer, view.encapsulation) == ("198.51.100.7", "udp")
