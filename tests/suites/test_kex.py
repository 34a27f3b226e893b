"""What holds for every group; the arithmetic is in ``test_modp`` and ``test_curves``."""

import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from suites.kex import GROUP, GROUP_BY_ID, GROUP_BY_NAME, GROUPS, BadPublicValue, Group
from suites.modp import GROUP_24, oakley_prime

EVERY = pytest.mark.parametrize("group", GROUP, ids=lambda group: group.name)
QUICK = [group for group in GROUP if group.public <= 256]


@EVERY
def test_both_sides_agree(group: Group) -> None:
    ours, theirs = group.generate(), group.generate()
    shared = ours.shared(theirs.public)
    assert shared == theirs.shared(ours.public)
    assert any(shared)
    assert ours.public != theirs.public
    assert len(ours.public) == group.public
    assert ours.group is group


@EVERY
def test_a_value_too_short_too_long_or_empty_is_refused(group: Group) -> None:
    exchange, peer = group.generate(), group.generate().public
    for value in (b"", b"\x02", peer[:-1], peer[1:], peer + b"\0", b"\0" + peer, peer * 2):
        with pytest.raises(BadPublicValue, match=f"{group.name} takes {group.public} octets"):
            exchange.shared(value)


@EVERY
def test_zero_is_refused(group: Group) -> None:
    with pytest.raises(BadPublicValue, match=group.name):
        group.generate().shared(bytes(group.public))


@EVERY
def test_an_exchange_can_be_made_again_from_its_private_value(group: Group) -> None:
    private = b"\x51" * (group.public if group.name.startswith("x") else 32)
    peer = group.generate()
    once, again = group.from_private(private), group.from_private(private)
    assert once.public == again.public
    assert once.shared(peer.public) == again.shared(peer.public) == peer.shared(once.public)


@pytest.mark.parametrize("group", QUICK, ids=lambda group: group.name)
@given(draw=st.data())
@settings(max_examples=10, deadline=None)
def test_noise_of_the_right_length_is_a_secret_or_a_refusal(
    group: Group, draw: st.DataObject
) -> None:
    value = draw.draw(st.binary(min_size=group.public, max_size=group.public))
    exchange = group.from_private(b"\x51" * (group.public if group.name.startswith("x") else 32))
    try:
        shared = exchange.shared(value)
    except BadPublicValue:
        return
    assert len(shared) in (group.public, group.public // 2)


@EVERY
def test_the_tables_agree(group: Group) -> None:
    assert GROUP_BY_ID[group.iana] is GROUP_BY_NAME[group.name] is group


def test_every_group_of_the_registry_we_promise_is_there() -> None:
    assert GROUPS is GROUP
    assert set(GROUP_BY_ID) == {1, 2, 5, *range(14, 22), 24, 31, 32}


def test_importing_and_using_modp_warns_of_nothing() -> None:
    # In a process of its own: warnings are given at import, and ours has long imported.
    code = "from suites.kex import GROUP; [g.generate().shared(g.generate().public) for g in GROUP]"
    command = [sys.executable, "-W", "error", "-c", code]
    subprocess.run(command, check=True)  # noqa: S603  our own interpreter and text


@pytest.mark.parametrize("group", [g for g in GROUPS if g.name.startswith("modp")], ids=str)
def test_a_modp_value_out_of_range_is_refused_before_a_private_value_is_made(group: Group) -> None:
    prime = GROUP_24.prime if group.iana == 24 else oakley_prime(group.public * 8)
    for value in (0, 1, prime - 1, prime, 2 ** (group.public * 8) - 1):
        with pytest.raises(BadPublicValue):
            group.check(value.to_bytes(group.public, "big"))
    group.check((2).to_bytes(group.public, "big"))
