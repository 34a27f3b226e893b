from ikebana.daemon.briefing import Briefing
from ikebana.worker.messages import LONGEST, Arm, Message, Policies, pack
from policy.selectors import TrafficSelector
from policy.spd import Action, Policy, SelectorPair

WIDE = SelectorPair(
    *[TrafficSelector(6, (1 << 128) - 2, (1 << 128) - 1, 255, 60000, 65535)] * 2
)  # as long as a pair gets


def policy(name: str, pairs: int = 1) -> Policy:
    return Policy(name, Action.PROTECT, (WIDE,) * pairs, name)


class Desk:
    """A briefing and what it said."""

    def __init__(self) -> None:
        self.said: list[Message] = []
        self.briefing = Briefing(self.said.append)

    def take(self) -> list[Message]:
        said, self.said[:] = self.said[:], []
        return said


def test_the_same_again_is_not_told() -> None:
    desk = Desk()
    some = [policy("one"), policy("two")]
    desk.briefing.tell(some, ["two"])
    assert desk.take() == [Policies(tuple(some), ("two",))]
    desk.briefing.tell(some, ["two"])
    assert desk.take() == []
    desk.briefing.begin()
    desk.briefing.tell(some, ["two"])
    assert len(desk.take()) == 1


def test_one_tunnel_is_armed_by_itself() -> None:
    desk = Desk()
    some = [policy("one"), policy("two")]
    desk.briefing.tell(some, [])
    desk.take()
    desk.briefing.arm("one", armed=True)
    desk.briefing.arm("one", armed=True)
    desk.briefing.tell(some, ["two"])
    said = desk.take()
    assert said[0] == Arm("one", True)
    assert sorted(said[1:], key=str) == [Arm("one", False), Arm("two", True)]


def test_the_last_policy_goes_too() -> None:
    desk = Desk()
    desk.briefing.tell([policy("one")], [])
    desk.briefing.tell([], [])
    assert desk.take()[-1] == Policies((), ())


def test_two_thousand_policies_with_the_longest_of_names_travel_in_parts() -> None:
    desk = Desk()
    some = [policy("\U0001f5fc" * 124 + f"{n:04}") for n in range(2000)]
    some.insert(7, policy("many", 400))
    desk.briefing.tell(some, [one.name for one in some])
    said = [one for one in desk.take() if isinstance(one, Policies)]
    assert len(said) > 1
    assert all(len(pack(one)) <= LONGEST for one in said)
    assert [one.more for one in said] == [True] * (len(said) - 1) + [False]
    assert [policy for one in said for policy in one.policies] == some
    assert [name for one in said for name in one.armed] == [one.name for one in some]
