"""Wireshark's own word on the key table of IKEv1."""

from pathlib import Path

import pytest
from scapy.layers.inet import IP, UDP
from scapy.packet import Packet

from ikebana.render.keylog import IKEV1_TABLE, ikev1_lines, is_ikev1
from ikecore.actions import Traced
from ikecore.profile import LegacyTerms
from ikecore.trace import KeysDerived, MessageTraced
from tests.ikev1.network import AGGRESSIVE, Network, profile

from .test_keylog import needs_tshark, tshark


@needs_tshark
@pytest.mark.parametrize("legacy", [LegacyTerms(), AGGRESSIVE], ids=["main", "aggressive"])
@pytest.mark.parametrize(
    "proposal",
    [
        "aes128-sha1-modp1024",
        "aes192-md5-modp1536",
        "aes256-sha256-modp2048",
        "aes256-sha384-ecp256",
        "aes128-sha512-ecp384",
        "3des-sha1-modp1024",
        "des-md5-modp768",
    ],
)
def test_wireshark_opens_main_aggressive_and_quick_mode(
    tmp_path: Path, proposal: str, legacy: LegacyTerms
) -> None:
    moon, sun = (profile(name, (proposal,), legacy=legacy) for name in ("moon", "sun"))
    net = Network(moon, sun)
    net.initiate("moon")
    records = [action.record for action in net.seen(Traced, "moon")]
    packets: list[Packet] = []
    for record in records:
        if isinstance(record, MessageTraced):
            path = record.path if record.sent else record.path.reversed
            head = IP(src=path.local[0], dst=path.remote[0])
            packets.append(head / UDP(sport=500, dport=500) / record.raw)
    (keys,) = (record for record in records if isinstance(record, KeysDerived))
    assert is_ikev1(keys)
    (tmp_path / IKEV1_TABLE).write_text("\n".join(ikev1_lines(keys)) + "\n")
    output, errors = tshark(
        tmp_path, packets, "-T", "fields", "-e", "isakmp.id.data.fqdn", "-e",
        "isakmp.id.data.ipv4_addr",
    )  # fmt: skip
    assert "Error loading" not in errors
    words = output.replace(",", " ").split()
    assert words[:2] == ["moon.lab", "sun.lab"]
    assert words[2:] == ["10.1.0.0", "10.2.0.0"] * 2  # both of quick mode's messages that tell
