"""--keylog lets Wireshark read IKE and ESP; without it no key is written anywhere."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.interop.duo import Duo, connection_toml, hosts_talk
from tests.lab.needs import find, require
from tests.lab.topology import Lab

pytestmark = pytest.mark.lab
TABLES = ("ikev2_decryption_table", "esp_sa")


def tshark(keys: Path, pcap: Path, *options: str) -> str:
    """Return tshark's output for a capture, with the tables in folder ``keys``."""
    argv = [find("tshark") or "tshark", "-n", "-r", str(pcap), *options]
    esp = ("-o", "esp.enable_encryption_decode:TRUE", "-o", "esp.enable_authentication_check:TRUE")
    environment = os.environ | {"WIRESHARK_CONFIG_DIR": str(keys)}
    done = subprocess.run(  # noqa: S603 - no shell
        [*argv, *esp], env=environment, capture_output=True, text=True, check=True
    )
    assert "Error" not in done.stderr
    return done.stdout


@pytest.mark.parametrize("starter", ["we", "peer"])
@pytest.mark.parametrize(
    ("ike", "esp"),
    [("aes128-sha256-x25519", "aes256gcm16"), ("aes256gcm16-prfsha384-ecp384", "aes128-sha256")],
)
def test_tshark_reads_what_was_recorded(lab: Lab, ike: str, esp: str, starter: str) -> None:
    require("tshark")
    keys = lab.folder / "keys"
    # what the kernel joins for UDP_GRO stands in a capture as one packet, which tshark cannot open
    connection = connection_toml(lab, ike=ike, esp=esp)
    pair = Duo(lab, connection, offload="off", argv=("--keylog", str(keys)))
    pair.peer(ike=ike, esp=esp)
    wire = lab.capture("ga", "wan", "udp")
    pair.up() if starter == "we" else pair.peer_up()
    hosts_talk(lab)
    pair.client.down("net")
    pcap = wire.stop()
    names = tshark(keys, pcap, "-T", "fields", "-e", "isakmp.id.data.fqdn", "-Y", "isakmp")
    assert {"ga.lab", "gb.lab"} <= {name for line in names.split() for name in line.split(",")}
    pings = tshark(
        keys, pcap, "-Y", "icmp", "-T", "fields", "-e", "icmp.type", "-e", "esp.icv_good"
    )
    assert sorted(line.split()[0] for line in pings.splitlines()) == ["0"] * 10 + ["8"] * 10
    details = tshark(keys, pcap, "-V", "-Y", "esp")
    assert details.count("[Good: True]") == 20
    assert "[Bad: True]" not in details
    assert keys.stat().st_mode & 0o777 == 0o700
    assert all((keys / table).stat().st_mode & 0o777 == 0o600 for table in TABLES)
    empty = lab.folder / "no-keys"
    empty.mkdir()
    assert tshark(empty, pcap, "-Y", "icmp") == ""  # it is the keys that do it


def test_no_key_is_written_by_default(lab: Lab) -> None:
    pair = Duo(lab, connection_toml(lab))
    pair.peer()
    pair.up()
    hosts_talk(lab)
    pair.client.down("net")
    assert not [path for path in lab.folder.rglob("*") if path.name in TABLES]
    assert sorted(path.name for path in pair.ours.folder.iterdir()) == [
        "control.sock",
        "gateway.toml",
        "ikebana.log",
    ]
    lines = pair.ours.cli("log")[1] + pair.ours.log
    assert "labsecret" not in lines
    assert "SK_" not in lines
