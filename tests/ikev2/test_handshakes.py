"""IKE_SA_INIT and IKE_AUTH between two endpoints: every algorithm, every order, every identity."""

from dataclasses import replace

import pytest

from ikecore.actions import ChildEstablished, Established
from ikecore.events import RekeyWanted
from ikecore.identities import Identity
from ikecore.keywords import parse_proposal
from ikecore.profile import Profile
from ikecore.proposals import Protocol, numbered
from suites.encr import ENCR
from suites.integ import INTEG, INTEG_BY_NAME
from suites.kex import GROUP
from suites.prf import PRF
from suites.status import UNNUMBERED

from .network import ADDRESS, Network, profile, selectors

SLOW = {"modp4096", "modp6144", "modp8192"}  # 10 to 100 ms a power: once is enough
IKE = [row for row in ENCR if row.is_for_ike and row.iana != UNNUMBERED]


def connect(ike: str, esp: str = "aes128gcm16") -> Network:
    net = Network(profile("moon", (ike,), (esp,)), profile("sun", (ike,), (esp,)))
    net.initiate("moon")
    net.assert_connected()
    return net


def suites(net: Network) -> tuple[str, str]:
    (ike,), (esp,) = net.seen(Established, "sun"), net.seen(ChildEstablished, "sun")
    return str(ike.suite), str(esp.suite)


def test_two_exchanges_bring_up_the_ike_sa_and_its_child() -> None:
    net = Network()
    net.initiate("moon")
    # moon                                                                            sun
    # IKE_SA_INIT { SA KE Ni N(NATD_S) N(NATD_D) N(FRAG) }            ──►
    #              ◄── IKE_SA_INIT { SA KE Nr N(NATD_S) N(NATD_D) N(FRAG) N(CHILDLESS) }
    # IKE_AUTH { IDi N(INITIAL_CONTACT) IDr AUTH N(MOBIKE) N(NO_ADD) SA TSi TSr }  ──►
    #                                  ◄── IKE_AUTH { IDr AUTH N(MOBIKE) N(NO_ADD) SA TSi TSr }
    natd = "N(NAT_DETECTION_SOURCE_IP) N(NAT_DETECTION_DESTINATION_IP)"
    mobile = "N(MOBIKE_SUPPORTED) N(NO_ADDITIONAL_ADDRESSES)"
    pieces, childless = "N(IKEV2_FRAGMENTATION_SUPPORTED)", "N(CHILDLESS_IKEV2_SUPPORTED)"
    assert net.story("moon") == [
        f"> IKE_SA_INIT 0 SA KE No {natd} {pieces}",
        f"< IKE_SA_INIT 0 SA KE No {natd} {pieces} {childless}",
        f"> IKE_AUTH 1 IDi N(INITIAL_CONTACT) IDr AUTH {mobile} SA TSi TSr",
        f"< IKE_AUTH 1 IDr AUTH {mobile} SA TSi TSr",
    ]
    mirror = {">": "<", "<": ">"}
    assert net.story("sun") == [mirror[line[0]] + line[1:] for line in net.story("moon")]
    net.assert_connected()
    (mine,), (theirs,) = net.seen(Established, "moon"), net.seen(Established, "sun")
    assert (mine.initiator, theirs.initiator) == (True, False)
    assert (mine.initiator_spi, mine.responder_spi) == (theirs.initiator_spi, theirs.responder_spi)
    assert str(mine.remote_id) == "sun.lab"
    assert str(theirs.remote_id) == "moon.lab"
    assert not any((mine.nat_here, mine.nat_there, theirs.nat_here, theirs.nat_there))


def test_the_worker_has_the_child_before_anybody_hears_of_it() -> None:
    net = Network()
    net.initiate("moon")
    for name in ("moon", "sun"):
        kinds = [type(action).__name__ for action in net.hosts[name].log]
        assert kinds.index("InstallChild") < kinds.index("Established")
        assert kinds.index("Established") < kinds.index("ChildEstablished")
    sun = [type(action).__name__ for action in net.hosts["sun"].log]
    assert sun.index("InstallChild") < len(sun) - 1 - sun[::-1].index("Send")


@pytest.mark.parametrize("group", [g.name for g in GROUP if g.name not in SLOW])
def test_every_group(group: str) -> None:
    assert suites(connect(f"aes128gcm16-prfsha256-{group}"))[0].endswith(f"-{group}")


@pytest.mark.parametrize("group", sorted(SLOW))
def test_every_big_group(group: str) -> None:
    assert suites(connect(f"aes128gcm16-prfsha256-{group}"))[0].endswith(f"-{group}")


@pytest.mark.parametrize("cipher", [row.name for row in IKE if row.is_aead])
@pytest.mark.parametrize("prf", [row.name for row in PRF if row.iana])
def test_every_combined_mode_with_every_prf(cipher: str, prf: str) -> None:
    assert suites(connect(f"{cipher}-{prf}-x25519", cipher)) == (f"{cipher}-{prf}-x25519", cipher)


@pytest.mark.parametrize("cipher", [row.name for row in IKE if not row.is_aead])
@pytest.mark.parametrize("integ", [row.name for row in INTEG if row.is_for_ike and row.iana])
def test_every_plain_cipher_with_every_integrity(cipher: str, integ: str) -> None:
    ike, esp = suites(connect(f"{cipher}-{integ}-x25519", f"{cipher}-{integ}"))
    assert ike == f"{cipher}-{integ}-prf{integ}-x25519"
    assert esp == f"{cipher}-{integ}"


@pytest.mark.parametrize(
    ("ike", "esp"),
    [
        ("sm4-sm3-prfsm3-x25519", "sm4-sm3"),
        ("sm4gcm16-prfsm3-ecp256", "sm4gcm16"),
        ("sm4-sha256-prfsha256-x25519", "aes128-sm3"),
    ],
)
def test_what_has_no_number_of_its_own_by_numbers_both_have(ike: str, esp: str) -> None:
    numbers = {"sm4": 65001, "sm4gcm16": 65002, "sm3": 65003, "prfsm3": 65004}
    net = Network(private("moon", ike, esp, numbers), private("sun", ike, esp, numbers))
    net.initiate("moon")
    net.assert_connected()
    assert suites(net) == (ike, esp)
    (old,) = net.hosts["moon"].children
    net.tell("moon", RekeyWanted(old, "a test"))
    net.sleep(60)
    net.assert_connected()
    assert old not in net.hosts["moon"].children


def test_different_private_numbers_are_different_algorithms() -> None:
    one, other = {"sm4gcm16": 65001, "prfsm3": 65001}, {"sm4gcm16": 65002, "prfsm3": 65001}
    words = "sm4gcm16-prfsm3-x25519", "aes128gcm16"
    net = Network(private("moon", *words, one), private("sun", *words, other))
    net.initiate("moon")
    net.assert_gone()
    assert net.codes("sun") == ["ENCRYPTION_MISMATCH"]


@pytest.mark.parametrize("integ", [row.name for row in INTEG if row.iana != UNNUMBERED])
def test_every_integrity_in_ah(integ: str) -> None:
    ah = (parse_proposal(integ, Protocol.AH),)
    net = Network(profile("moon", esp_proposals=ah), profile("sun", esp_proposals=ah))
    net.initiate("moon")
    net.assert_connected()
    assert suites(net)[1] == integ
    (spec,) = net.hosts["moon"].children.values()
    assert len(spec.inbound.integ) == INTEG_BY_NAME[integ].key


def private(name: str, ike: str, esp: str, numbers: dict[str, int]) -> Profile:
    bare = profile(name, (ike,), (esp,))
    return replace(
        bare,
        ike_proposals=tuple(numbered(one, numbers) for one in bare.ike_proposals),
        esp_proposals=tuple(numbered(one, numbers) for one in bare.esp_proposals),
    )


def test_the_responders_order_of_proposals_decides() -> None:
    offers = ("aes256gcm16-prfsha384-x25519", "aes128-sha256-x25519")
    net = Network(profile("moon", offers), profile("sun", offers[::-1]))
    net.initiate("moon")
    assert suites(net)[0] == "aes128-sha256-prfsha256-x25519"
    net.assert_connected()


def test_the_responders_order_within_one_proposal_decides() -> None:
    net = Network(
        profile("moon", esp=("aes128gcm16-aes256gcm16",)),
        profile("sun", esp=("aes256gcm16-aes128gcm16",)),
    )
    net.initiate("moon")
    assert suites(net)[1] == "aes256gcm16"
    net.assert_connected()


def test_the_answer_names_the_number_of_the_proposal_it_took() -> None:
    offers = ("aes256gcm16-prfsha384-x25519", "aes128-sha256-x25519", "aes128gcm16-x25519")
    net = Network(profile("moon", offers), profile("sun", offers[1:2]))
    net.initiate("moon")
    assert net.seen(Established, "moon")[0].suite.number == 2
    net.assert_connected()


def test_an_esp_group_is_left_out_of_the_first_child() -> None:
    esp = ("aes128gcm16-x25519",)
    net = Network(profile("moon", esp=esp), profile("sun", esp=("aes128gcm16-modp2048",)))
    net.initiate("moon")
    net.assert_connected()
    assert suites(net)[1] == "aes128gcm16"


@pytest.mark.parametrize(
    ("moon", "sun"),
    [
        ("192.0.2.1", "192.0.2.2"),
        ("2001:db8::1", "2001:db8::2"),
        ("moon@lab.example", "sun@lab.example"),
        ("@#6d6f6f6e", "keyid:sun"),
        ("C=CH, O=Lab, CN=moon", "C=CH, O=Lab, CN=sun"),
        ("moon.lab", "C=CH, O=Lab, CN=sun"),
    ],
)
def test_identities_of_every_kind(moon: str, sun: str) -> None:
    mine, theirs = Identity.parse(moon), Identity.parse(sun)
    net = Network(
        profile("moon", local_id=mine, remote_id=theirs),
        profile("sun", local_id=theirs, remote_id=mine),
    )
    net.initiate("moon")
    net.assert_connected()
    assert net.seen(Established, "moon")[0].remote_id == theirs


def test_host_names_compare_without_case() -> None:
    net = Network(profile("moon", local_id=Identity.parse("Moon.LAB")), profile("sun"))
    net.initiate("moon")
    net.assert_connected()


def test_ipv6_outside() -> None:
    addresses = {"moon": "2001:db8::1", "sun": "2001:db8::2"}
    net = Network(
        profile("moon", remote=frozenset((addresses["sun"],))),
        profile("sun", remote=frozenset((addresses["moon"],))),
        addresses=addresses,
    )
    net.initiate("moon")
    net.assert_connected()
    (up,) = net.seen(Established, "moon")
    assert up.path.remote == ("2001:db8::2", 4500)  # MOBIKE goes there (RFC 4555 section 3.3)
    assert not up.path.esp_in_udp


def test_ipv6_inside() -> None:
    mine, theirs = selectors("fd01::/64"), selectors("fd02::/64")
    net = Network(
        profile("moon", local_ts=mine, remote_ts=theirs),
        profile("sun", local_ts=theirs, remote_ts=mine),
    )
    net.initiate("moon")
    net.assert_connected()
    (child,) = net.hosts["moon"].children.values()
    assert (child.local_ts, child.remote_ts) == (mine, theirs)


def test_of_several_connections_the_identities_choose() -> None:
    net = Network()
    from_sun = [
        profile("sun", name="other", remote_id=Identity.parse("mars.lab")),
        profile("sun", name="right"),
    ]
    net.configure("sun", *from_sun)
    net.initiate("moon")
    net.assert_connected()
    assert net.seen(Established, "sun")[0].connection == "right"


def test_of_several_connections_the_wanted_responder_chooses() -> None:
    net = Network()
    named = profile("sun", name="named", local_id=Identity.parse("venus.lab"))
    net.configure("sun", named, profile("sun", name="right"))
    net.initiate("moon")
    net.assert_connected()
    assert net.seen(Established, "sun")[0].connection == "right"


def test_of_several_connections_the_address_chooses() -> None:
    net = Network()
    elsewhere = profile("sun", name="elsewhere", remote=frozenset(("203.0.113.9",)))
    net.configure("sun", elsewhere, profile("sun", name="right"))
    net.initiate("moon")
    net.assert_connected()
    assert net.seen(Established, "sun")[0].connection == "right"


def test_a_peer_from_anywhere_is_let_in_by_its_identity() -> None:
    net = Network(sun=profile("sun", remote=frozenset()))
    net.hosts["moon"].address = "203.0.113.77"
    net.initiate("moon")
    net.assert_connected()


def test_both_ends_agree_again_and_again() -> None:
    net = Network(profile("moon"), profile("sun"), addresses=ADDRESS)
    for _ in range(20):
        net.initiate("moon")
        net.sleep(30)
        net.assert_connected()
