"""What is said of a host, by what was found there."""

from dataclasses import replace

import pytest

from ikebana.cli.doctor import Finding, Mark, can_run, findings, lines, to_json
from ikebana.cli.host import Facts, Port
from ikebana.control.view import GatewayView, WorkerView
from tundev.probe import NEEDED

ALL = frozenset({"csum", "tso4", "tso6", "ecn", "uso4", "uso6"})
GOOD = Facts(
    kernel="6.18.1",
    capabilities=frozenset(NEEDED),
    offloads=ALL,
    seal_us=0.9,
    rmem_max=4 << 20,
    wmem_max=4 << 20,
    forwarding=(1, 1),
    ports=(Port(500), Port(4500)),
)
MOON = GatewayView(
    "moon",
    pid=7,
    listening=("10.99.0.1:500", "[fd00::1]:4500"),
    worker=WorkerView(8, means=("vnet", "gso", "numpy")),
)


def of(facts: Facts, name: str) -> Finding:
    (found,) = (one for one in findings(facts) if one.name == name)
    return found


def test_a_good_host_needs_nothing() -> None:
    found = findings(GOOD)
    assert {one.mark for one in found} == {Mark.OK}
    assert not any(one.advice for one in found)
    assert can_run(found)
    assert len(list(lines(found))) == len(found) + 1


@pytest.mark.parametrize(
    ("facts", "name", "what", "advice"),
    [
        (replace(GOOD, offloads=None), "tun", "no virtio header", "slower"),
        (replace(GOOD, offloads=frozenset()), "tun", "no offloads", "slower"),
        (replace(GOOD, offloads=ALL - {"uso4", "uso6"}), "tun", "not uso4 uso6", "Linux 6.2"),
        (replace(GOOD, gso=False), "udp send", "no UDP_SEGMENT", "slower"),
        (replace(GOOD, gro=False), "udp receive", "no UDP_GRO", "slower"),
        (replace(GOOD, numpy=False), "numpy", "not installed", "pip install 'ikebana[fast]'"),
        (replace(GOOD, aes=False), "aes", "no instructions", "chacha20poly1305"),
        (replace(GOOD, seal_us=9.0), "aes", "9.0 µs", "slow"),
        (replace(GOOD, forwarding=(0, None)), "forwarding", "IPv4 off", "ip_forward=1"),
        (replace(GOOD, strict=("wan",)), "rp_filter", "strict on wan", "rp_filter=2"),
        (replace(GOOD, daemon=GatewayView("moon")), "daemon", "without a worker", "ikebana log"),
        (replace(GOOD, ports=(Port(500, "", False),)), "port 500", "not looked at", ""),
    ],
)
def test_what_only_slows_it_down_is_noted(facts: Facts, name: str, what: str, advice: str) -> None:
    found = of(facts, name)
    assert found.mark is Mark.NOTE
    assert what in found.what
    assert advice in found.advice
    assert can_run(findings(facts))


@pytest.mark.parametrize(
    ("facts", "name", "what", "advice"),
    [
        (
            replace(GOOD, capabilities=frozenset(NEEDED) - {"CAP_NET_RAW"}),
            "privileges",
            "no CAP_NET_RAW",
            "run as root",
        ),
        (replace(GOOD, tun_error=2, tun_advice="mknod it"), "tun", "no TUN device", "mknod it"),
        (replace(GOOD, ports=(Port(4500, "charon (pid 3)"),)), "port 4500", "charon", "stop it"),
    ],
)
def test_what_stops_it_is_bad(facts: Facts, name: str, what: str, advice: str) -> None:
    found = of(facts, name)
    assert found.mark is Mark.BAD
    assert what in found.what
    assert advice in found.advice
    assert list(lines(findings(facts)))[-1] == "No gateway can run here: see ✘."


def test_without_privileges_it_says_what_it_did_not_look_at() -> None:
    facts = replace(GOOD, capabilities=frozenset(), tun_error=1, ports=(Port(500, "", False),))
    assert of(facts, "tun") == Finding("tun", Mark.NOTE, "not looked at: needs CAP_NET_ADMIN")
    assert not can_run(findings(facts))


def test_small_buffers_matter_only_to_who_may_not_force_them() -> None:
    facts = replace(GOOD, rmem_max=212992)
    assert of(facts, "buffers").mark is Mark.OK
    facts = replace(facts, capabilities=frozenset({"CAP_NET_RAW", "CAP_NET_BIND_SERVICE"}))
    found = of(facts, "buffers")
    assert (found.mark, found.advice) == (Mark.NOTE, "sysctl -w net.core.rmem_max=4194304")
    assert "rmem_max 208 KiB" in found.what


def test_a_running_daemons_ports_are_its_own() -> None:
    ports = (Port(500, "python (pid 7)"), Port(4500, "python (pid 8)"))
    facts = replace(GOOD, ports=ports, daemon=MOON)
    assert {of(facts, f"port {number}").what for number in (500, 4500)} == {
        "held by the daemon that runs"
    }
    assert of(facts, "daemon").what == "moon runs (pid 7); its worker: vnet gso numpy"
    plain = replace(MOON, worker=WorkerView(8))
    assert of(replace(facts, daemon=plain), "daemon").what.endswith("one packet in a call")


def test_json_has_a_row_for_each_finding() -> None:
    found = to_json(findings(replace(GOOD, numpy=False)))
    assert found["can_run"] is True
    assert [row["state"] for row in found["findings"] if row["name"] == "numpy"] == ["note"]
    assert {tuple(row) for row in found["findings"]} == {("name", "state", "found", "advice")}


@pytest.mark.parametrize("width", [40, 80, 120])
def test_the_screen_is_as_wide_as_it_is(width: int) -> None:
    hostile = replace(MOON, name="\x1b[2Jgone")
    facts = replace(GOOD, forwarding=(0, 0), strict=("wan", "lan"), numpy=False, daemon=hostile)
    screen = list(lines(findings(facts), width=width))
    assert all(len(line) <= width and line.isprintable() for line in screen)
