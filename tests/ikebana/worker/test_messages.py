"""What travels between daemon and worker: the same comes out, and nothing else gets in."""

import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ikebana.worker.messages import (
    LONGEST,
    MEANS,
    Acquired,
    Arm,
    BadMessage,
    Chosen,
    Done,
    Ike,
    Install,
    Ipsec,
    Limit,
    Message,
    Move,
    Moved,
    Network,
    Policies,
    Remove,
    Report,
    Retire,
    Sockets,
    Traffic,
    Use,
    pack,
    unpack,
)
from ikecore.child import Mode
from policy.flow import OPAQUE, Flow
from policy.path import Path
from policy.selectors import TrafficSelector
from policy.spd import Action, Policy, SelectorPair
from tests.ikebana.worker.rig import installs

NAMES = st.text(st.characters(codec="utf-8"), max_size=20)
SPIS = st.integers(0, 2**32 - 1)
COUNTS = st.integers(0, 2**63 - 1)
PORTS = st.integers(0, 65535)
ADDRESSES = st.ip_addresses().map(str) | st.just("fe80::1%eth0")
ENDS = st.tuples(ADDRESSES, PORTS)
PATHS = st.builds(Path, ENDS | st.tuples(st.just(""), PORTS), ENDS, st.booleans())
SELECTORS = st.one_of(
    st.ip_addresses().map(TrafficSelector.from_cidr),
    st.just(TrafficSelector(4, 1, 9, 17, 65535, 0)),
    st.just(TrafficSelector(6, 0, 2**128 - 1, 6, 80, 443)),
)
PAIRS = st.lists(st.builds(SelectorPair, SELECTORS, SELECTORS), max_size=3).map(tuple)
POLICIES = st.builds(Policy, NAMES, st.sampled_from(Action), PAIRS, NAMES)
SEEN = PORTS | st.just(OPAQUE)
FLOWS = st.one_of(
    st.builds(Flow, st.just(4), st.integers(0, 255), SPIS, SPIS, SEEN, SEEN),
    st.builds(Flow, st.just(6), st.integers(0, 255), *[st.integers(0, 2**128 - 1)] * 2, SEEN, SEEN),
)
MESSAGES: st.SearchStrategy[Message] = st.one_of(
    st.builds(
        Sockets,
        st.lists(ADDRESSES, max_size=3).map(tuple),
        *[st.lists(st.sampled_from((4, 6)), max_size=2).map(tuple)] * 2,
    ),
    st.builds(
        Policies,
        st.lists(POLICIES, max_size=3).map(tuple),
        st.lists(NAMES, max_size=3).map(tuple),
        st.booleans(),
    ),
    st.builds(
        Install,
        token=st.integers(0, 2**64 - 1),
        inbound_spi=SPIS,
        outbound_spi=SPIS,
        path=PATHS,
        path_mtu=SPIS,
        mode=st.sampled_from(Mode),
        protocol=st.sampled_from(Ipsec),
        original=st.tuples(ADDRESSES, ADDRESSES) | st.just(("", "")),
        soft_octets=st.integers(0, 2**64 - 1),
        hard_octets=st.integers(0, 2**64 - 1),
        soft_packets=st.integers(0, 2**64 - 1),
        hard_packets=st.integers(0, 2**64 - 1),
        local_ts=st.lists(SELECTORS, max_size=3).map(tuple),
        remote_ts=st.lists(SELECTORS, max_size=3).map(tuple),
    ),
    st.builds(Remove, st.integers(0, 2**64 - 1), SPIS),
    st.builds(Move, SPIS, PATHS),
    st.builds(Report),
    st.builds(Done, st.integers(0, 2**64 - 1), st.booleans(), SPIS),
    st.builds(Acquired, NAMES, FLOWS),
    st.builds(Moved, SPIS, ADDRESSES, PORTS),
    st.builds(Limit, SPIS, st.booleans()),
    st.builds(Use, SPIS),
    st.builds(Arm, NAMES, st.booleans()),
    st.builds(Retire, SPIS),
    st.builds(
        Traffic,
        st.dictionaries(NAMES, COUNTS, max_size=4),
        st.lists(st.tuples(SPIS, COUNTS, COUNTS, COUNTS, COUNTS), max_size=3).map(tuple),
        st.lists(st.tuples(SPIS, st.dictionaries(NAMES, COUNTS, max_size=2)), max_size=3).map(
            tuple
        ),
    ),
    st.builds(Ike, PATHS, st.binary(max_size=100)),
    st.builds(Network, ADDRESSES, NAMES, SPIS),
    st.builds(Chosen, st.lists(st.sampled_from(MEANS), max_size=3).map(tuple)),
)
INSTALL, _ = installs(("192.0.2.1", 4500), ("192.0.2.2", 4500))
PATH = Path(("192.0.2.1", 4500), ("192.0.2.2", 4500), encapsulated=True)


def survives(octets: bytes) -> Message | None:
    """Unpack; whatever comes out travels again, so no field can hurt who packs or sends it."""
    try:
        message = unpack(octets)
    except BadMessage:
        return None
    assert unpack(pack(message)) == message
    return message


@settings(max_examples=100)
@given(MESSAGES)
def test_every_message_comes_out_as_it_went_in(message: Message) -> None:
    octets = pack(message)
    assert len(octets) <= LONGEST
    assert unpack(octets) == message


@settings(max_examples=100)
@given(st.binary(max_size=80) | st.builds(lambda kind, tail: bytes((kind, *tail)),
       st.integers(0, 20), st.binary(max_size=60)))  # fmt: skip
def test_noise_is_a_bad_message_at_worst(noise: bytes) -> None:
    survives(noise)


@settings(max_examples=80)
@given(MESSAGES, st.data())
def test_a_message_cut_short_is_never_taken_for_the_whole(
    message: Message, data: st.DataObject
) -> None:
    octets = pack(message)
    cut = survives(octets[: data.draw(st.integers(0, len(octets) - 1))])
    assert cut is None or (isinstance(cut, Ike) and cut != message)


@settings(max_examples=100)
@given(MESSAGES, st.data())
def test_flipped_bits_are_a_bad_message_at_worst(message: Message, data: st.DataObject) -> None:
    octets = bytearray(pack(message))
    for _ in range(data.draw(st.integers(1, 4))):
        octets[data.draw(st.integers(0, len(octets) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    survives(bytes(octets))


@settings(max_examples=80)
@given(
    st.integers(1, 15),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(("tunnel", "inbound_spi", "path", "local", "udp", "counts")),
                inner,
                max_size=4,
            )
        ),
        max_leaves=10,
    ),
)
def test_json_of_another_shape_is_a_bad_message(kind: int, shape: object) -> None:
    survives(bytes((kind,)) + json.dumps(shape).encode())


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b"\x00",
        b"\x10{}",
        b"\x05" + b"[" * 100_000,
        b"\x0a" + b'{"inbound_spi":' + b"9" * 5000 + b"}",
        b'\x0a{"inbound_spi": NaN}',
        b'\x0a{"inbound_spi": true}',
        b'\x08{"tunnel": "\xff"}',
        b'\x08{"tunnel": "net"}',
        b"\x0c",
        pack(Ike(PATH))[:-1],
        pack(Remove(1, 2)) + b"\x00",
    ],
    ids=["nothing", "kind-0", "kind-16", "deep", "long-number", "nan", "bool", "not-utf8",
         "no-flow", "ike-empty", "ike-short", "trailing"],
)  # fmt: skip
def test_what_a_hostile_worker_makes_up_is_refused(octets: bytes) -> None:
    with pytest.raises(BadMessage):
        unpack(octets)


@pytest.mark.parametrize(
    "message",
    [
        Moved(1, "192.0.2.1", 65536),
        Moved(1, "192.0.2.1", -1),
        Moved(2**32, "192.0.2.1", 1),
        Moved(-1, "192.0.2.1", 1),
        Moved(1, "peer.example", 4500),
        Move(1, Path(("", 4500), ("", 4500))),
        Move(1, Path(("", 4500), ("192.0.2.1", 70000))),
        Ike(Path(("192.0.2.1", 4500), ("peer.example", 4500))),
        Ike(Path(("host.example", 4500), ("192.0.2.1", 4500))),
        Network("", "port unreachable"),
        Network("192.0.2.1", "packet too big", -1),
        Limit(2**32, hard=True),
        Use(2**32),
        Retire(-1),
        Acquired("net", Flow(5, 6, 0, 0)),
        Acquired("net", Flow(4, 6, 2**32, 0)),
        Acquired("net", Flow(6, 6, 0, -1)),
        Acquired("net", Flow(4, 256, 0, 0)),
        Acquired("net", Flow(4, 6, 0, 0, 65536)),
        Acquired("net", Flow(4, 6, 0, 0, 1, -2)),
        replace(INSTALL, soft_octets=2**64),
        replace(INSTALL, original=("peer.example", "192.0.2.1")),
        replace(INSTALL, hard_packets=-1),
        Traffic({"no_sa": 2**63}, ()),
        Traffic({}, ((1, -1, 0, 0, 0),)),
        replace(INSTALL, token=-1),
        replace(INSTALL, inbound_spi=2**32),
        replace(INSTALL, outbound_spi=-1),
        replace(INSTALL, path_mtu=2**40),
    ],
    ids=repr,
)  # fmt: skip
def test_numbers_and_names_that_would_hurt_later_are_refused(message: Message) -> None:
    with pytest.raises(BadMessage):
        unpack(pack(message))


def test_an_address_of_the_longest_kind_and_a_whole_datagram_fit() -> None:
    path = Path(("fe80::1%a-name-15-chars", 4500), ("::ffff:192.0.2.1", 65535), encapsulated=True)
    message = Ike(path, bytes(65507))
    assert unpack(pack(message)) == message


class TestKeys:
    KEYS = (b"\xa5" * 20, b"\x5a" * 20, b"\xc3" * 32, b"\x3c" * 32)
    SECRET = replace(
        INSTALL,
        inbound_encr=KEYS[0],
        outbound_encr=KEYS[1],
        inbound_integ=KEYS[2],
        outbound_integ=KEYS[3],
    )

    def forms(self) -> list[str]:
        return [form for key in self.KEYS for form in (key.hex(), repr(key), repr(key)[2:14])]

    def test_an_install_never_prints_them(self) -> None:
        shown = f"{self.SECRET} {self.SECRET!r} {[self.SECRET]}"
        assert not any(form in shown for form in self.forms())
        assert "net" in shown

    def test_nor_does_the_refusal_of_a_broken_one(self) -> None:
        octets = pack(self.SECRET)
        changes = {
            b'"aes128gcm16"': b"7",
            b'"path_mtu": 1500': b'"path_mtu": -1',
            b"a5a5": b"a5xy",
        }
        broken = [octets[:-1], *(octets.replace(*change) for change in changes.items())]
        for one in broken:
            with pytest.raises(BadMessage) as caught:
                unpack(one)
            assert not any(form in str(caught.value) for form in self.forms())
            assert caught.value.__cause__ is None

    def test_datagrams_are_not_printed_whole(self) -> None:
        assert "payload" not in repr(Ike(PATH, b"payload"))


def test_a_worker_names_only_means_that_are_known() -> None:
    assert unpack(pack(Chosen(("gso", "gro")))) == Chosen(("gso", "gro"))
    with pytest.raises(BadMessage, match="means"):
        unpack(pack(Chosen(("\x1b[2J",))))
