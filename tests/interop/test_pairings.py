"""Every transform the peer has, in IKE and in ESP, with us as initiator and as responder."""

from collections.abc import Iterator

import pytest

from tests.interop.duo import Duo, connection_toml, hosts_talk, only_tunnelled, swan_sas
from tests.lab.needs import require
from tests.lab.topology import Lab, wait_for

pytestmark = pytest.mark.lab

PAIRINGS = [
    ("aes128-sha256-x25519", "aes128gcm16"),
    ("aes256-sha384-ecp384", "aes192gcm16"),
    ("aes192-sha512-ecp521", "aes256gcm16"),
    ("aes128-sha1-modp1024", "chacha20poly1305"),
    ("aes128gcm16-prfsha256-ecp256", "aes128-sha1"),
    ("aes256gcm16-prfsha384-modp3072", "aes256-sha256"),
    ("chacha20poly1305-prfsha256-x448", "aes192-sha384"),
    ("3des-md5-modp1536", "aes256-sha512"),
    ("aes256-sha256-modp2048", "3des-sha1"),
    ("aes128-sha256-modp4096", "aes128-md5"),
    ("aes128-sha1-modp2048s256", "des-md5"),
    ("des-sha1-modp768", "aes128-sha256"),
    ("aes192gcm16-prfsha512-modp6144", "3des-md5"),
    ("aes256-sha512-modp8192", "aes256gcm16"),
    # the peer's own ESP has no AES-GMAC: that is the Linux kernel's to judge (tests/esp/vectors)
    ("aes128-sha256-x25519", "null-sha256"),
    ("aes128ctr-aesxcbc-x25519", "aes128ctr-aesxcbc"),
    ("aes192ctr-sha384-x25519", "aes192ctr-sha512"),
    ("aes256-aescmac-x25519", "aes192-aescmac"),
    ("aes128gcm8-prfsha256-x25519", "aes192gcm8"),
    ("aes128gcm12-prfaesxcbc-x25519", "aes256gcm12"),
    ("aes256ccm8-prfsha256-x25519", "aes256ccm16"),
    ("aes192ccm12-prfsha1-x25519", "aes192ccm12"),
    ("aes256ccm16-prfaescmac-x25519", "aes128ccm8"),
]


@pytest.fixture(scope="module")
def pair() -> Iterator[Duo]:
    """Yield one pair of daemons for all: a pairing is a change of both configurations."""
    require("nft", "tcpdump", "ping", "charon-systemd", "swanctl")
    with Lab() as lab:
        yield Duo(lab)


@pytest.mark.parametrize(("ike", "esp"), PAIRINGS)
def test_we_start(pair: Duo, ike: str, esp: str) -> None:
    pair.configure(connection_toml(pair.lab, "we-start", ike=ike, esp=esp))
    pair.peer(ike=ike, esp=esp)
    pair.up("we-start")
    it_works(pair, "we-start", ike, esp)
    pair.client.down("we-start")
    assert pair.see("we-start").state == "down"
    wait_for(lambda: swan_sas(pair.swan) == 0, 5, "the deletion at the peer")


@pytest.mark.parametrize(("ike", "esp"), PAIRINGS)
def test_the_peer_starts(pair: Duo, ike: str, esp: str) -> None:
    pair.configure(connection_toml(pair.lab, "peer-starts", ike=ike, esp=esp))
    pair.peer(ike=ike, esp=esp)
    pair.peer_up()
    it_works(pair, "peer-starts", ike, esp)
    done, account = pair.swan.terminate()
    assert done, account
    assert pair.wait_reason("PEER_DELETED", "peer-starts").state == "down"


def it_works(pair: Duo, name: str, ike: str, esp: str) -> None:
    with only_tunnelled(pair.lab):
        hosts_talk(pair.lab)
    view = pair.see(name)
    assert view.state == "connected"
    assert set(ike.split("-")) <= set(view.ike.split("-"))  # ours names the PRF, too
    assert view.esp == esp
    assert view.encapsulation == "udp"
