"""The recordings by hand: each HASH, IV and key by RFC 2409's formulas and a plain HMAC."""

from collections.abc import Iterator

import pytest

from .recorded import (
    FILES,
    HASH,
    ID,
    NONCE,
    QUICK,
    SA,
    ByHand,
    Recording,
    Said,
)

ESP = 3
PHASE_1 = (2, 4)


@pytest.fixture(params=FILES, ids=lambda path: path.stem)
def recording(request: pytest.FixtureRequest) -> Recording:
    return Recording(request.param)


@pytest.fixture
def hand(recording: Recording) -> ByHand:
    return ByHand(recording)


def bodies(hand: ByHand, said: Said) -> dict[int, bytes]:
    """Return the first payload of each type."""
    return dict(reversed(hand.payloads(said)))


def encrypted(recording: Recording) -> Iterator[tuple[Said, list[Said]]]:
    """Yield each encrypted message, and those of the same exchange before it."""
    for number, said in enumerate(recording.messages):
        if said.is_encrypted:
            before = recording.messages[:number]
            yield said, [one for one in before if one.message_id == said.message_id]


def test_the_recordings_are_there() -> None:
    assert len(FILES) == 10


def test_the_keys(recording: Recording, hand: ByHand) -> None:
    assert recording.keys == {
        "shared": recording.keys["shared"],
        "SKEYID": hand.skeyid,
        "SKEYID_d": hand.skeyid_d,
        "SKEYID_a": hand.skeyid_a,
        "SKEYID_e": hand.skeyid_e,
        "Ka": hand.ka,
        "IV": hand.iv,
    }


def test_each_iv(recording: Recording, hand: ByHand) -> None:
    last = next(
        one.raw[-hand.block :] for one in reversed(recording.messages)
        if one.exchange in PHASE_1 and one.is_encrypted
    )  # fmt: skip
    for said, before in encrypted(recording):
        if any(one.is_encrypted for one in before):
            iv = before[-1].raw[-hand.block :]
        elif said.exchange in PHASE_1:
            iv = hand.iv
        else:
            iv = hand.phase_2_iv(last, said.message_id)
        assert said.iv == iv


def test_each_hash(recording: Recording, hand: ByHand) -> None:
    for said in recording.messages:
        if HASH not in (found := bodies(hand, said)):
            assert not said.hash
            continue
        assert said.hash == found[HASH]
        if said.exchange in PHASE_1:
            identity = found.get(ID) or hand.identity(said.sender)
            assert said.hash == hand.hash_1(said.sender, identity)
        elif said.exchange != QUICK:
            parts = (said.message_id, hand.after_first(said))
            assert said.hash == hand.prf(hand.skeyid_a, *parts)


def test_each_quick_mode(recording: Recording, hand: ByHand) -> None:
    for child in recording.children:
        one, two, three = recording.quick(child)
        nonces = bodies(hand, one)[NONCE], bodies(hand, two)[NONCE]
        covered = (
            (one.message_id, hand.after_first(one)),
            (two.message_id, nonces[0], hand.after_first(two)),
            (b"\0", three.message_id, *nonces),
        )
        for said, parts in zip((one, two, three), covered, strict=True):
            assert said.hash == hand.prf(hand.skeyid_a, *parts)
        # DOI, situation, then the one proposal, whose SPI is four octets
        spis = tuple(bodies(hand, said)[SA][16:20] for said in (one, two))
        assert (child.spi_i, child.spi_r) == spis
        for spi, keymat in ((child.spi_i, child.keymat_i), (child.spi_r, child.keymat_r)):
            assert keymat == hand.keymat(len(keymat), ESP, spi, child.shared, nonces)


def test_every_quick_mode_has_its_keys(recording: Recording) -> None:
    ids = {int.from_bytes(x.message_id) for x in recording.messages if x.exchange == QUICK}
    assert ids == {child.message_id for child in recording.children}
    assert ids
