"""The outer header's fields, and what they do to the packet inside."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.inet import IP, UDP
from scapy.layers.inet6 import IPv6

from esp.counters import Counters
from esp.engine import Engine
from esp.inner import carried_as
from esp.outer import (
    DF,
    decapsulate,
    is_plain,
    never_changes,
    outer_df,
    outer_tos,
    tfc_padded,
    tos_of,
    with_header,
    with_tos,
)
from esp.sa import Drop
from policy.spd import Spd
from policy.treatment import DontFragment, Treatment
from tests.esp.tunnel import MOON, child_pair, dropped, engines, site_policy

NOT_ECT, ECT1, ECT0, CE = 0, 1, 2, 3
DSCP = 46 << 2
DROP = -1
FIGURE_4 = {
    NOT_ECT: {NOT_ECT: NOT_ECT, ECT0: NOT_ECT, ECT1: NOT_ECT, CE: DROP},
    ECT0: {NOT_ECT: ECT0, ECT0: ECT0, ECT1: ECT1, CE: CE},
    ECT1: {NOT_ECT: ECT1, ECT0: ECT1, ECT1: ECT1, CE: CE},
    CE: {NOT_ECT: CE, ECT0: CE, ECT1: CE, CE: CE},
}
"""RFC 6040 figure 4: inner, then outer, then what goes on."""


def packet(version: int, tos: int, **ip: object) -> bytes:
    if version == 4:
        return bytes(IP(src="10.1.0.1", dst="10.2.0.1", tos=tos, **ip) / UDP(sport=9, dport=9))
    return bytes(IPv6(src="fd01::1", dst="fd02::1", tc=tos, fl=0xABCDE) / UDP(sport=9, dport=9))


def rebuilt(version: int, octets: bytes) -> bytes:
    """Return it as scapy makes it of its fields, the checksum anew."""
    if version == 6:
        return bytes(IPv6(octets))
    read = IP(octets)
    del read.chksum
    return bytes(read)


@pytest.mark.parametrize("version", [4, 6])
@pytest.mark.parametrize("outer", [NOT_ECT, ECT0, ECT1, CE])
@pytest.mark.parametrize("inner", [NOT_ECT, ECT0, ECT1, CE])
def test_both_ecn_fields_combine_as_figure_4_has_it(version: int, inner: int, outer: int) -> None:
    sent = packet(version, DSCP | inner)
    wanted = FIGURE_4[inner][outer]
    seen = 10 << 2 | outer  # the outer code point is of no interest
    if wanted == DROP:
        assert not is_plain(seen, sent)
        assert not never_changes(seen)
        with pytest.raises(Drop, match="ecn"):
            decapsulate(sent, seen)
        return
    got = decapsulate(sent, seen)
    assert got == packet(version, DSCP | wanted)
    assert (got is sent) == (wanted == inner) == is_plain(seen, sent[:2])
    assert got is sent or not never_changes(seen)


def test_only_ect1_and_ce_need_a_look() -> None:
    assert [never_changes(tos) for tos in range(8)] == [True, False] * 4


@pytest.mark.parametrize("version", [4, 6])
@given(tos=st.integers(0, 255), dscp=st.none() | st.integers(0, 63))
def test_the_outer_code_point_is_copied_or_set_and_ecn_copied(
    version: int, tos: int, dscp: int | None
) -> None:
    sent = packet(version, tos)
    assert tos_of(sent) == tos
    wanted = tos if dscp is None else dscp << 2 | tos & 3
    assert outer_tos(sent, dscp) == wanted


@pytest.mark.parametrize("version", [4, 6])
@given(was=st.integers(0, 255), tos=st.integers(0, 255), ident=st.integers(0, 0xFFFF))
def test_another_tos_leaves_a_right_checksum(version: int, was: int, tos: int, ident: int) -> None:
    fields = {"id": ident} if version == 4 else {}
    got = with_tos(packet(version, was, **fields), tos)
    assert got == rebuilt(version, got)
    assert got == packet(version, tos, **fields)


def test_a_wrong_checksum_stays_wrong() -> None:
    sent = bytearray(packet(4, ECT0))
    sent[10] ^= 0x55
    got = decapsulate(bytes(sent), CE)
    assert got != rebuilt(4, got)


@pytest.mark.parametrize(
    ("df", "of_packet", "of_bare", "of_six"),
    [("copy", True, False, True), ("set", True, True, True), ("clear", False, False, False)],
)
def test_whether_the_outer_packet_may_be_fragmented(
    df: str, of_packet: bool, of_bare: bool, of_six: bool
) -> None:
    said = DontFragment(df)
    with_df, bare, six = packet(4, 0, flags="DF"), packet(4, 0), packet(6, 0)
    found = tuple(outer_df(one, said, 1400) for one in (with_df, bare, six))
    assert found == (of_packet, of_bare, of_six)


def test_what_is_larger_than_the_path_has_to_be_fragmented() -> None:
    for df in DontFragment:
        assert not outer_df(bytes((0x45,)) + bytes(1400), df, 1400)


def test_a_header_made_here_takes_tos_ttl_and_df() -> None:
    sent = packet(4, 0, id=7)
    got = with_header(sent, DSCP | ECT0, 17, df=True)
    assert got == packet(4, DSCP | ECT0, id=7, ttl=17, flags="DF")
    assert with_header(got, 0, 0, df=False) == packet(4, 0, id=7, ttl=17)


@given(size=st.integers(28, 3000), multiple=st.integers(0, 70_000), mtu=st.integers(68, 2000))
def test_padding_goes_behind_the_packet_and_never_beyond_the_path(
    size: int, multiple: int, mtu: int
) -> None:
    sent = packet(4, 0, len=size) + bytes(size - 28)
    got = tfc_padded(sent, multiple, mtu)
    assert got.startswith(sent)
    assert carried_as(got) == 4
    assert not any(got[size:])
    if not multiple or size >= mtu:
        assert got is sent
    else:
        assert len(got) == mtu or len(got) % multiple == 0
        assert len(got) <= mtu
        assert len(got) - size < multiple


@pytest.mark.parametrize("version", [4, 6])
def test_padding_to_the_whole_path_makes_all_packets_alike(version: int) -> None:
    assert len(tfc_padded(packet(version, 0), 0xFFFF, 1400)) == 1400


@pytest.mark.parametrize("version", [4, 6])
@pytest.mark.parametrize("outer", [NOT_ECT, ECT0, ECT1, CE])
@pytest.mark.parametrize("inner", [NOT_ECT, ECT0, ECT1, CE])
def test_marks_cross_the_tunnel_both_ways(version: int, inner: int, outer: int) -> None:
    moon, sun = engines()
    sent = packet(version, DSCP | inner)
    ((_, datagram, said),) = moon.seal_batch([sent]).sealed
    assert said == DSCP | inner
    opened = sun.open_batch([(datagram, MOON)], outer).inner
    wanted = FIGURE_4[inner][outer]
    if wanted == DROP:
        assert (opened, dropped(sun)) == ([], {"ecn": 1})
    else:
        assert (opened, dropped(sun)) == ([packet(version, DSCP | wanted)], {})


def test_a_child_says_what_its_outer_header_is() -> None:
    treatment = Treatment(dscp=10, df=DontFragment.SET)
    moon, _ = child_pair(treatment=treatment)
    engine = Engine(Spd((site_policy(),)), Counters())
    engine.install(moon)
    assert engine.sealing == [moon]
    sent = [packet(4, DSCP | CE), packet(6, ECT0), bytes(IP(packet(4, 0)) / bytes(2000))]
    read = IP(sent[2])
    del read.len, read.chksum
    sent[2] = bytes(read)  # may be fragmented, and has to be
    said = [outer for _, _, outer in engine.seal_batch(sent).sealed]
    assert said == [10 << 2 | CE | DF, 10 << 2 | ECT0 | DF, 10 << 2]
