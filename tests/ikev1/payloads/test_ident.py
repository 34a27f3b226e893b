"""The Identification codec, and what its data says."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.isakmp import ISAKMP_payload_ID

from ikecore.identities import LONGEST, Identity, IdType
from ikecore.wire import Malformed
from ikev1.payloads.ident import Identification
from policy.selectors import TrafficSelector
from tests.ikecore.codec import MODERATE, OCTET, SHORT, accepted_cuts, attempt, read

WIRE = bytes.fromhex("02 11 01f4") + b"ga.lab"
SIX = "20010db8000000000000000000000000"


def test_known_octets_are_read_and_written() -> None:
    payload = Identification(2, 17, 500, b"ga.lab")
    assert read(Identification, WIRE) == payload
    assert payload.body() == WIRE
    assert payload.identity() == Identity(IdType.FQDN, b"ga.lab")


@pytest.mark.parametrize("text", ["10.0.0.1", "2001:db8::1", "gw.lab", "me@gw.lab", "@#0102"])
def test_an_identity_makes_the_payload_and_comes_back(text: str) -> None:
    identity = Identity.parse(text)
    payload = Identification.of_identity(identity)
    assert (payload.protocol, payload.port) == (0, 0)
    assert read(Identification, payload.body()).identity() == identity


@pytest.mark.parametrize(
    ("text", "octets"),
    [
        ("10.1.2.3", "01 00 0000 0a010203"),
        ("10.1.0.0/16", "04 00 0000 0a010000 ffff0000"),
        ("0.0.0.0/0", "04 00 0000 00000000 00000000"),
        ("10.0.0.1-10.0.0.9", "07 00 0000 0a000001 0a000009"),
        ("10.1.2.3[udp/1701]", "01 11 06a5 0a010203"),
        ("10.1.0.0/24[tcp]", "04 06 0000 0a010000 ffffff00"),
        ("2001:db8::", f"05 00 0000 {SIX}"),
        ("2001:db8::/32", f"06 00 0000 {SIX} ffffffff000000000000000000000000"),
        ("::/0", f"06 00 0000 {'00' * 32}"),
        ("2001:db8::-2001:db8::5", f"08 00 0000 {SIX} {SIX[:-1]}5"),
    ],
)
def test_a_selector_is_an_address_a_subnet_or_a_range(text: str, octets: str) -> None:
    selector, wire = TrafficSelector.parse(text), bytes.fromhex(octets)
    payload = Identification.of_selector(selector)
    assert payload.body() == wire
    assert read(Identification, wire).selector() == selector


@pytest.mark.parametrize("text", ["10.0.0.1[tcp/80-81]", "10.0.0.1[udp/opaque]", "10.0.0.1[udp/0]"])
def test_ports_that_ikev1_has_no_words_for(text: str) -> None:
    with pytest.raises(ValueError, match="one port or all"):
        Identification.of_selector(TrafficSelector.parse(text))


def test_host_bits_of_a_subnet_mean_nothing() -> None:
    payload = read(Identification, bytes.fromhex("04 00 0000 0a0102ff ffffff00"))
    assert str(payload.selector()) == "10.1.2.0/24"


@pytest.mark.parametrize(
    "octets",
    [
        "07 00 0000 0a000009 0a000001",  # the range ends before it starts
        "08 00 0000" + "ff" * 16 + "00" * 16,
        "04 00 0000 0a000000 ff00ff00",  # a netmask with holes
        "04 00 0000 0a000000 00ffffff",
        "06 00 0000" + "00" * 16 + "00" * 15 + "01",
        "01 00 0000 0a0000",
        "01 00 0000 0a00000001",
        "01 00 0000",
        "04 00 0000 0a000000",
        "04 00 0000 0a000000 ffffff",
        "04 00 0000 0a000000 ffffff00 00",
        "05 00 0000 0a000001",
        "06 00 0000 0a000000 ffffff00",
        "07 00 0000 0a000001",
        "02 00 0000 6c6162",  # a host name is no traffic
        "0b 00 0000 0a000001",
        "00 00 0000",
        "ff 00 0000 0a000001",
        "01 00 01bb 0a000001",  # a port of any protocol
    ],
)
def test_nonsense_is_no_selector(octets: str) -> None:
    """libreswan CVE-2023-23009, CVE-2023-38711: types and ranges that nobody had expected."""
    payload = read(Identification, bytes.fromhex(octets))
    with pytest.raises(Malformed):
        payload.selector()


def test_a_header_cut_short_is_malformed() -> None:
    assert accepted_cuts(Identification, WIRE) == list(range(4, len(WIRE)))


def test_an_oversized_identity_is_malformed() -> None:
    """strongSwan CVE-2013-5018, libreswan CVE-2013-2052: identities that overran their buffers."""
    assert read(Identification, bytes(4 + LONGEST)).data == bytes(LONGEST)
    with pytest.raises(Malformed, match="identity of 2049 octets"):
        read(Identification, bytes(4 + LONGEST + 1))


@MODERATE
@given(OCTET, OCTET, SHORT, st.binary(max_size=60))
def test_what_is_written_reads_back(kind: int, protocol: int, port: int, data: bytes) -> None:
    payload = Identification(kind, protocol, port, data)
    assert read(Identification, payload.body()) == payload


@st.composite
def selectors(draw: st.DrawFn) -> TrafficSelector:
    version = draw(st.sampled_from([4, 6]))
    addresses = st.integers(0, (1 << (32 if version == 4 else 128)) - 1)
    start, end = sorted((draw(addresses), draw(addresses)))
    protocol = draw(OCTET)
    port = draw(st.integers(1, 65535)) if protocol and draw(st.booleans()) else None
    ports = (0, 65535) if port is None else (port, port)
    return TrafficSelector(version, start, end, protocol, *ports)


@MODERATE
@given(selectors())
def test_any_selector_of_one_port_or_all_survives(selector: TrafficSelector) -> None:
    payload = Identification.of_selector(selector)
    assert read(Identification, payload.body()).selector() == selector


@MODERATE
@given(st.sampled_from([*range(12), 255]), st.binary(max_size=36))
def test_noise_is_read_or_malformed_and_can_be_shown(kind: int, noise: bytes) -> None:
    payload = attempt(Identification, bytes((kind,)) + noise)
    if payload is None:
        return
    assert str(payload.identity()).isprintable()
    try:
        payload.selector()
    except Malformed:
        return


def test_scapy_reads_ours_and_we_read_scapys() -> None:
    theirs = ISAKMP_payload_ID(next_payload=0, IDtype=11, ProtoID=17, Port=500, IdentData=b"lab")
    assert read(Identification, bytes(theirs)[4:]) == Identification(11, 17, 500, b"lab")
    seen = ISAKMP_payload_ID(b"\0\0\0\x0c" + Identification(1, 17, 500, b"\n\0\0\1").body())
    assert (seen.IDtype, seen.ProtoID, seen.Port, seen.IdentData) == (1, 17, 500, "10.0.0.1")
