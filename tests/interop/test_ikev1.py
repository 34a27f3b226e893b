"""IKEv1 with strongSwan, whoever starts: main and aggressive mode, PSK and XAUTH, NAT, PFS."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import product
from typing import Literal

import pytest

from tests.interop.duo import Duo, hosts_talk, only_tunnelled, swan_sas
from tests.interop.legacy import Terms, begin, end, give
from tests.lab.needs import require
from tests.lab.topology import Lab

pytestmark = pytest.mark.lab

Nat = Literal["", "a", "b"]
Pairs = Callable[[Nat], Duo]

# What one case more or less of the same would not show
_LESS = (
    (False, False, False),
    (True, True, True),
    (False, True, False),
    (True, False, True),
)
ALL = [
    pytest.param(
        Terms(we_start=we_start, aggressive=aggressive, xauth=xauth, pfs=pfs),
        behind_nat,
        marks=() if (aggressive, xauth, pfs) in _LESS else pytest.mark.thorough,
        id=f"{Terms(we_start, aggressive, xauth, pfs=pfs)}{', NAT' * behind_nat}",
    )
    for we_start, aggressive, xauth, behind_nat, pfs in product((True, False), repeat=5)
]
TRANSFORMS = [
    # one of each that IKEv1 can say, and of the shortest hashes with the longest keys
    ("aes128-sha256-modp2048", "aes128gcm16-modp2048"),
    ("aes256-sha384-ecp384", "aes256-sha384-ecp384"),
    ("aes192-sha512-ecp521", "aes192gcm16-ecp521"),
    ("3des-md5-modp1536", "3des-md5-modp1024"),
    ("aes256-md5-modp1024", "aes128ctr-sha256"),
    ("des-sha1-modp768", "des-sha1-modp768"),
    ("aes128-sha1-modp3072", "null-sha512"),
    ("aes256-sha1-modp4096", "aes256-sha512-modp2048s256"),
    ("aes128-sha256-modp2048s256", "aes256ccm16-ecp256"),
    ("aes256-sha512-ecp256", "aes128-aesxcbc-modp1536"),
    ("aes128-sha1-modp6144", "aes192ctr-sha1"),
    ("3des-sha512-modp8192", "aes192ccm8"),
]


@pytest.fixture(scope="module")
def pairs() -> Iterator[Pairs]:
    """Yield what gives a pair of daemons with a NAT before a, b or neither; made when wanted."""
    require("nft", "tcpdump", "ping", "charon-systemd", "swanctl")
    with ExitStack() as stack:
        made: dict[Nat, Duo] = {}

        def pair(nat: Nat) -> Duo:
            if nat not in made:
                made[nat] = Duo(stack.enter_context(Lab(nat)))
            return made[nat]

        yield pair


@pytest.mark.parametrize(("terms", "behind_nat"), ALL)
def test_every_way_to_connect(pairs: Pairs, terms: Terms, behind_nat: bool) -> None:
    nat: Nat = "" if not behind_nat else "a" if terms.we_start else "b"
    pair = pairs(nat)
    give(pair, terms, anybody=behind_nat)
    with only_tunnelled(pair.lab, "udp" if pair.lab.nat else "udp port 500 or udp port 4500"):
        begin(pair, terms)
        hosts_talk(pair.lab)
    view = pair.see()
    assert set(terms.ike.split("-")) <= set(view.ike.split("-"))
    assert view.esp == terms.transforms
    assert "IKEv1" in pair.swan.list_sas()
    assert ("AGGRESSIVE" in account(pair)) == terms.aggressive
    assert ("XAuth authentication of 'carol'" in account(pair)) == terms.xauth
    if behind_nat:
        assert view.nat == ("both" if terms.we_start else "there")
    end(pair, terms)
    assert pair.see().state == "down"
    assert swan_sas(pair.swan) == 0


def account(pair: Duo) -> str:
    """Return what strongSwan has logged since its configuration was last loaded."""
    return pair.swan.log.rpartition("loaded IKE shared key")[2]


@pytest.mark.parametrize("we_start", [True, False], ids=["we start", "peer starts"])
@pytest.mark.parametrize(("ike", "esp"), TRANSFORMS)
def test_transforms(pairs: Pairs, ike: str, esp: str, we_start: bool) -> None:
    pair = pairs("")
    terms = Terms(we_start=we_start, ike=ike, esp=esp)
    give(pair, terms)
    begin(pair, terms)
    hosts_talk(pair.lab)
    view = pair.see()
    assert set(ike.split("-")) <= set(view.ike.split("-"))
    assert view.esp == esp
    end(pair, terms)
