"""Every kind of identity, with us as initiator and as responder."""

from collections.abc import Iterator

import pytest

from tests.interop.duo import Duo, connection_toml, hosts_talk
from tests.lab.needs import require
from tests.lab.topology import Lab

pytestmark = pytest.mark.lab

KINDS = {
    "addresses": ("10.99.0.1", "10.99.0.2"),
    "IPv6 addresses": ("fd99::1", "fd99::2"),
    "host names": ("ga.lab", "gb.lab"),
    "mail addresses": ("moon@ga.lab", "sun@gb.lab"),
    "key ids": ("keyid:moon-1", "keyid:sun-2"),
    "distinguished names": ("CN=moon, O=Lab, C=CH", "CN=sun, O=Lab, C=CH"),
}


@pytest.fixture(scope="module")
def pair() -> Iterator[Duo]:
    """Yield one pair of daemons for all kinds."""
    require("nft", "tcpdump", "ping", "charon-systemd", "swanctl")
    with Lab() as lab:
        yield Duo(lab)


@pytest.mark.parametrize("kind", KINDS)
def test_both_ends_are_known_by(pair: Duo, kind: str) -> None:
    ours, theirs = KINDS[kind]
    name = kind.replace(" ", "-")
    pair.configure(connection_toml(pair.lab, name, local_id=ours, remote_id=theirs))
    pair.peer(local_id=f'"{theirs}"', remote_id=f'"{ours}"')
    pair.up(name)
    hosts_talk(pair.lab)
    pair.client.down(name)
    pair.configure(connection_toml(pair.lab, f"{name}-2", local_id=ours, remote_id=theirs))
    pair.peer_up()
    assert pair.see(f"{name}-2").state == "connected"
    hosts_talk(pair.lab)
    pair.swan.terminate()


def test_without_identities_each_end_is_its_address(pair: Duo) -> None:
    text = connection_toml(pair.lab, "plain")
    lines = [line for line in text.splitlines() if not line.startswith(("local_id", "remote_id"))]
    pair.configure("\n".join(lines))
    pair.peer(local_id="10.99.0.2", remote_id="10.99.0.1")
    pair.up("plain")
    hosts_talk(pair.lab)
    assert pair.see("plain").peer_id == "10.99.0.2"
