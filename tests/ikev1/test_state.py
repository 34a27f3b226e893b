"""The states as a reader of the trace meets them."""

from ikev1.state import State


def test_each_state_has_words_of_its_own() -> None:
    words = [state.value for state in State]
    assert words[0] == "phase 1"
    assert words[-1] == "closed"
    assert len(set(words)) == len(words)
