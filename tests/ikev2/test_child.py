from ikecore.child import ChildSpec
from ikecore.holder import LINGER
from ikev2.child import NEVER, Child, ChildState, retire

from .asking import spec_of, tunnel


def made() -> Child:
    spec: ChildSpec = spec_of(tunnel(), "moon")
    return Child(spec, tunnel().hosts["moon"].profile.children[0], bytes(32), initiator=True)


def test_a_new_child_is_live_and_has_no_end() -> None:
    child = made()
    assert child.is_live
    assert (child.heir, child.rekey_at, child.ends_at) == (0, NEVER, NEVER)
    assert child.spi == child.spec.inbound_spi


def test_only_what_is_installed_and_not_replaced_is_live() -> None:
    child = made()
    for state in ChildState:
        child.state = state
        assert child.is_live == (state is ChildState.LIVE)


def test_a_retired_child_ends_after_the_last_late_packet() -> None:
    child = made()
    child.rekey_at, child.ends_at = 50.0, 3600.0
    retire(child, 10.0)
    assert child.state is ChildState.RETIRED
    assert (child.rekey_at, child.ends_at) == (NEVER, 10.0 + LINGER)


def test_changes_are_those_of_what_the_worker_has() -> None:
    child = made()
    before = child.spec
    child.change(standby=True, sa=b"heirspi!")
    assert (child.spec.standby, child.spec.sa) == (True, b"heirspi!")
    assert not before.standby
    assert child.spec.inbound is before.inbound
