"""Hypothesis strategies of payloads."""

from typing import Final

from hypothesis import strategies as st

from ikecore.identities import Identity
from ikecore.proposals import Proposal, Transform
from ikev2.payloads.auth import Authentication
from ikev2.payloads.delete import Delete
from ikev2.payloads.ident import IdInitiator, IdResponder
from ikev2.payloads.ke import KeyExchangeData
from ikev2.payloads.nonce import Nonce
from ikev2.payloads.notify import Notify
from ikev2.payloads.sa import SecurityAssociation
from ikev2.payloads.ts import SelectorsInitiator, SelectorsResponder
from ikev2.payloads.unknown import Unknown
from ikev2.payloads.vendor import VendorId
from policy.selectors import TrafficSelector
from tests.ikecore.codec import OCTET, SHORT

TRANSFORMS: Final = st.builds(Transform, OCTET, SHORT, SHORT)


@st.composite
def proposals(draw: st.DrawFn) -> tuple[Proposal, ...]:
    numbers = sorted(draw(st.sets(OCTET, min_size=1, max_size=4)))
    found = []
    for number in numbers:
        protocol = draw(OCTET)
        spi = draw({1: st.sampled_from([b"", b"8 octets"]), 2: st.just(b"four"),
                    3: st.just(b"\0\0\0\1")}.get(protocol, st.binary(max_size=20)))  # fmt: skip
        transforms = tuple(draw(st.lists(TRANSFORMS, max_size=5)))
        found.append(Proposal(protocol, transforms, spi, number))
    return tuple(found)


@st.composite
def selectors(draw: st.DrawFn) -> TrafficSelector:
    version = draw(st.sampled_from([4, 6]))
    addresses = st.integers(0, (1 << (32 if version == 4 else 128)) - 1)
    start, end = sorted((draw(addresses), draw(addresses)))
    ports = draw(st.one_of(st.tuples(SHORT, SHORT).map(sorted), st.just([65535, 0])))
    return TrafficSelector(version, start, end, draw(OCTET), ports[0], ports[1])


SELECTORS: Final = st.lists(selectors(), min_size=1, max_size=5).map(tuple)
IDENTITIES: Final = st.builds(Identity, OCTET, st.binary(max_size=60))
RESERVED: Final = st.binary(min_size=3, max_size=3)
SPIS: Final = st.lists(st.integers(0, 2**32 - 1), max_size=5).map(tuple)
PAYLOADS: Final = st.one_of(
    st.builds(SecurityAssociation, proposals()),
    st.builds(KeyExchangeData, SHORT, st.binary(max_size=300)),
    st.builds(IdInitiator, IDENTITIES, RESERVED),
    st.builds(IdResponder, IDENTITIES, RESERVED),
    st.builds(Authentication, OCTET, st.binary(max_size=64)),
    st.builds(Nonce, st.binary(min_size=16, max_size=256)),
    st.builds(Notify, SHORT, st.binary(max_size=40), OCTET, st.binary(max_size=12)),
    st.builds(Delete, st.sampled_from([2, 3]), SPIS),
    st.builds(VendorId, st.binary(max_size=40)),
    st.builds(SelectorsInitiator, SELECTORS),
    st.builds(SelectorsResponder, SELECTORS),
    st.builds(
        Unknown, st.sampled_from([1, 13, 37, 47, 49, 54, 99, 255]), st.booleans(), st.binary()
    ),
)
