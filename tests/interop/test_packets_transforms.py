"""Every ESP transform that strongSwan's userspace ESP shares with us carries data of every size.

Not there: AES-GMAC, ESN alone and SHA2-256-96, which its own ESP does not carry; a kernel judges
those (test_packets_kernel.py).
"""

from collections.abc import Iterator

import pytest

from suites.encr import ENCR, Encr
from suites.integ import INTEG, Integ
from suites.status import is_standard
from tests.interop.duo import Duo, connection_toml, swan_sas
from tests.interop.flows import TO_A, TO_B, echo_datagrams
from tests.lab.needs import require
from tests.lab.topology import Lab, wait_for

pytestmark = pytest.mark.lab

SIZES = (1, 2, 3, 4, 5, 13, 14, 15, 16, 17, 255, 256, 257, 1317, 1318, 1319, 1371, 1372, 2001)
_NOT_CARRIED = {"aes128gmac", "aes192gmac", "aes256gmac"}


def keyword(encr: Encr, integ: Integ | None = None) -> str:
    return f"{encr.name}-{integ.name}" if integ else encr.name


CARRIED = [row for row in ENCR if row.name not in _NOT_CARRIED and is_standard(row.iana)]
CIPHERS = [row for row in CARRIED if not row.is_aead]
MACS = [row for row in INTEG if row.is_for_ike and is_standard(row.iana)]
COMBINED = [keyword(row) for row in CARRIED if row.is_aead]
PAIRED = [
    keyword(encr, MACS[(number + turn) % len(MACS)])
    for turn in range(len(MACS))
    for number, encr in enumerate(CIPHERS)
]
SOME = len(CIPHERS)  # each cipher once, and each MAC


@pytest.fixture(scope="module")
def pair() -> Iterator[Duo]:
    """Yield one pair of daemons for all."""
    require("charon-systemd", "swanctl")
    with Lab() as lab:
        yield Duo(lab)


@pytest.mark.parametrize(
    "esp",
    [
        # of each cipher the longest key may stand for the others, which the vectors have
        pytest.param(esp, marks=pytest.mark.thorough if esp.startswith("aes192") else ())
        for esp in COMBINED + PAIRED[:SOME]
    ],
)
def test_data_of_every_size(pair: Duo, esp: str) -> None:
    carries(pair, esp)


def test_every_cipher_with_every_mac(pair: Duo, request: pytest.FixtureRequest) -> None:
    if not request.config.getoption("--soak"):
        pytest.skip("the other pairs of cipher and MAC: with --soak")
    for esp in PAIRED[SOME:]:
        carries(pair, esp)


def test_long_numbers_offered_beside_short_ones(pair: Duo) -> None:
    carries(pair, "aes128gcm16-noesn-esn", chosen="aes128gcm16")


def carries(pair: Duo, esp: str, chosen: str = "") -> None:
    pair.configure(connection_toml(pair.lab, esp=esp))
    pair.peer(esp=esp)
    pair.up()
    assert pair.see().esp == (chosen or esp)
    lost = echo_datagrams(pair.lab, TO_B, TO_A, flows=1, rounds=len(SIZES), sizes=SIZES)
    assert lost == 0
    pair.client.down("net")
    wait_for(lambda: swan_sas(pair.swan) == 0, 5, "the deletion at the peer")
