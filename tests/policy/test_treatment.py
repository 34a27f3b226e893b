"""What one end alone decides has sensible defaults."""

from policy.treatment import PLAIN, WHOLE_PATH, DontFragment


def test_by_default_the_code_point_is_copied_and_fragments_are_allowed() -> None:
    assert PLAIN.dscp is None
    assert PLAIN.df is DontFragment.CLEAR
    assert PLAIN.replay_window == 1024
    assert (PLAIN.ttl, PLAIN.tfc, PLAIN.dummy) == (0, 0, 0)
    assert WHOLE_PATH > 1 << 15
