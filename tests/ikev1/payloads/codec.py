"""Hypothesis strategies of payloads."""

from ipaddress import ip_address
from typing import Final

from hypothesis import strategies as st

from ikev1.payloads.attributes import Attribute
from ikev1.payloads.attrs import ConfigAttributes
from ikev1.payloads.delete import Delete
from ikev1.payloads.fragment import Fragment
from ikev1.payloads.hash import Hash
from ikev1.payloads.ident import Identification
from ikev1.payloads.ke import KeyExchangeData
from ikev1.payloads.natd import DraftNatDetection, NatDetection
from ikev1.payloads.natoa import DraftOriginalAddress, OriginalAddress
from ikev1.payloads.nonce import Nonce
from ikev1.payloads.notify import Notify
from ikev1.payloads.sa import ProposalPayload, SecurityAssociation, TransformPayload
from ikev1.payloads.unknown import Unknown
from ikev1.payloads.vendor import VendorId
from tests.ikecore.codec import OCTET, SHORT

LONG: Final = st.integers(0, 2**32 - 1)
ATTRIBUTES: Final = st.lists(
    st.builds(Attribute, st.integers(0, 0x7FFF), st.one_of(SHORT, st.binary(max_size=20))),
    max_size=5,
).map(tuple)
TRANSFORMS: Final = st.lists(st.builds(TransformPayload, OCTET, OCTET, ATTRIBUTES), max_size=4)


@st.composite
def proposals(draw: st.DrawFn) -> ProposalPayload:
    protocol = draw(OCTET)
    spi = draw({2: st.just(b"four"), 3: st.just(b"\0\0\0\1")}.get(protocol, st.binary(max_size=16)))
    return ProposalPayload(draw(OCTET), protocol, spi, tuple(draw(TRANSFORMS)))


@st.composite
def deletes(draw: st.DrawFn) -> Delete:
    protocol = draw(OCTET)
    size = {1: 16, 2: 4, 3: 4}.get(protocol) or draw(st.integers(1, 16))
    spis = draw(st.lists(st.binary(min_size=size, max_size=size), max_size=4))
    return Delete(protocol, tuple(spis), draw(LONG))


ADDRESSES: Final = st.one_of(
    st.integers(0, 2**32 - 1), st.integers(2**32, 2**128 - 1)
).map(lambda number: str(ip_address(number)))  # fmt: skip
DATA: Final = st.binary(max_size=60)
PAYLOADS: Final = st.one_of(
    st.builds(
        SecurityAssociation, st.lists(proposals(), min_size=1, max_size=4).map(tuple)
    ),
    st.builds(SecurityAssociation, st.just(()), st.integers(2, 2**32 - 1), LONG, DATA),
    st.builds(KeyExchangeData, st.binary(max_size=300)),
    st.builds(Identification, OCTET, OCTET, SHORT, DATA),
    st.builds(Hash, DATA),
    st.builds(Nonce, st.binary(min_size=8, max_size=256)),
    st.builds(Notify, SHORT, DATA, OCTET, st.binary(max_size=16), LONG),
    deletes(),
    st.builds(VendorId, DATA),
    st.builds(ConfigAttributes, OCTET, SHORT, ATTRIBUTES),
    st.builds(NatDetection, DATA),
    st.builds(DraftNatDetection, DATA),
    st.builds(OriginalAddress, ADDRESSES),
    st.builds(DraftOriginalAddress, ADDRESSES),
    st.builds(Fragment, SHORT, OCTET, st.booleans(), DATA),
    st.builds(Unknown, st.sampled_from([2, 3, 6, 7, 9, 15, 16, 33, 46, 53, 128, 255]), DATA),
)  # fmt: skip
