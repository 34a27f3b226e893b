"""Made of a member, or asked for it."""

from ikebana.render.mentions import Mention, mentions

MAKERS = frozenset({"become", "Notify"})


def found(source: str) -> list[tuple[str, str, bool]]:
    return [(m.member, m.place, m.made) for m in mentions({"sa": source}, "State", MAKERS, "state")]


def test_a_makers_argument_is_made_and_a_comparison_only_asks() -> None:
    source = """
class Sa:
    def close(self):
        if self.state is State.OPEN:
            self.become(State.SHUT, "told")
"""
    assert found(source) == [("OPEN", "Sa.close", False), ("SHUT", "Sa.close", True)]


def test_what_the_attribute_becomes_is_made_either_way_of_a_condition() -> None:
    source = """
def begin(sa, other):
    sa.state, sa.at = State.OPEN if other.state is State.IDLE else State.SHUT, 1.0
"""
    assert set(found(source)) == {
        ("IDLE", "begin", False),
        ("OPEN", "begin", True),
        ("SHUT", "begin", True),
    }


def test_a_default_of_a_class_is_made_in_the_class() -> None:
    assert found("class Child:\n    state: State = State.OPEN\n") == [("OPEN", "Child", True)]


def test_a_local_name_given_to_a_maker_stands_for_what_was_assigned() -> None:
    source = """
def said(v6):
    kind = State.SIX if v6 else State.FOUR
    other = State.NONE
    return Notify(kind, other == State.ONE)
"""
    assert set(found(source)) == {
        ("SIX", "said", True),
        ("FOUR", "said", True),
        ("NONE", "said", False),
        ("ONE", "said", False),
    }


def test_a_place_is_named_once_and_with_its_module() -> None:
    source = "TABLE = {State.OPEN: 1, State.OPEN: 2}\n"
    assert mentions({"a": source, "b": source}, "State", MAKERS) == (
        Mention("OPEN", "a", "", made=False),
        Mention("OPEN", "b", "", made=False),
    )
