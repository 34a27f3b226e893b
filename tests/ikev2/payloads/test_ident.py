"""The Identification codecs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.contrib.ikev2 import IKEv2_IDi, IKEv2_IDr

from ikecore.identities import LONGEST, Identity, IdType
from ikecore.wire import Malformed
from ikev2.payloads.ident import IdInitiator, IdResponder
from tests.ikecore.codec import MODERATE, accepted_cuts, attempt, read
from tests.ikev2.payloads.codec import IDENTITIES, RESERVED

WIRE = bytes.fromhex("02000000") + b"ga.lab"
GA = Identity(IdType.FQDN, b"ga.lab")


@pytest.mark.parametrize("codec", [IdInitiator, IdResponder])
def test_known_octets_are_read_and_written(codec: type[IdInitiator | IdResponder]) -> None:
    assert read(codec, WIRE) == codec(GA)
    assert codec(GA).body() == WIRE


def test_initiator_and_responder_differ_even_with_the_same_identity() -> None:
    both: list[object] = [IdInitiator(GA), IdResponder(GA)]
    assert both[0] != both[1]
    assert (IdInitiator.TYPE, IdResponder.TYPE) == (35, 36)


def test_reserved_octets_are_kept_because_auth_signs_them() -> None:
    wire = bytes.fromhex("02 a1b2c3") + b"gw"
    assert read(IdInitiator, wire).body() == wire


def test_a_header_cut_short_is_malformed() -> None:
    assert accepted_cuts(IdInitiator, WIRE) == list(range(4, len(WIRE)))


def test_an_oversized_identity_is_malformed() -> None:
    """strongSwan CVE-2013-5018, libreswan CVE-2013-2052: identities that overran their buffers."""
    assert read(IdInitiator, bytes(4 + LONGEST)).identity.data == bytes(LONGEST)
    with pytest.raises(Malformed, match="identity of 2049 octets"):
        read(IdInitiator, bytes(4 + LONGEST + 1))


@MODERATE
@given(IDENTITIES, RESERVED)
def test_what_is_written_reads_back(identity: Identity, reserved: bytes) -> None:
    payload = IdResponder(identity, reserved)
    assert read(IdResponder, payload.body()) == payload


@MODERATE
@given(st.binary(max_size=40))
def test_noise_is_read_or_malformed_and_can_be_shown(noise: bytes) -> None:
    payload = attempt(IdInitiator, noise)
    assert payload is None or str(payload.identity).isprintable()


def test_scapy_reads_ours_and_we_read_scapys() -> None:
    theirs = IKEv2_IDi(next_payload=0, IDtype="FQDN", ID=b"ga.lab")
    assert read(IdInitiator, bytes(theirs)[4:]) == IdInitiator(GA)
    seen = IKEv2_IDr(b"\0\0\0\x0e" + IdResponder(GA).body())
    assert (seen.IDtype, bytes(seen.ID)) == (2, b"ga.lab")
