"""Who gets which inner address."""

from ipaddress import IPv4Network

from hypothesis import given
from hypothesis import strategies as st

from policy.pool import Pool


def pool(text: str = "10.9.0.0/29") -> Pool:
    return Pool(IPv4Network(text))


def test_each_holder_gets_an_address_of_its_own_and_the_ends_stay_free() -> None:
    made = pool()
    assert made.size == 6
    taken = [made.take(f"user{n}") for n in range(6)]
    assert taken == [f"10.9.0.{n}" for n in range(1, 7)]
    assert made.take("one too many") is None
    assert made.held == 6


def test_the_same_holder_gets_the_same_address_while_it_holds_it_and_after() -> None:
    made = pool()
    made.take("alice"), made.take("bob")
    assert made.take("alice") == "10.9.0.1"
    made.give_back("alice")
    assert made.held == 2  # once is left
    made.give_back("alice")
    assert made.held == 1
    assert made.take("carol") == "10.9.0.3"
    assert made.take("alice") == "10.9.0.1"


def test_who_is_gone_longest_loses_its_address_first() -> None:
    made = pool("10.9.0.0/30")
    for name in ("alice", "bob"):
        made.take(name)
    made.give_back("bob")
    made.give_back("alice")
    assert made.take("carol") == "10.9.0.2"
    assert made.take("bob") == "10.9.0.1"
    assert made.take("alice") is None


def test_nothing_is_given_back_that_nobody_holds() -> None:
    made = pool()
    made.give_back("nobody")
    assert made.held == 0


def test_a_network_without_room_for_its_ends_gives_out_all_it_has() -> None:
    made = pool("10.9.0.4/31")
    assert (made.take("a"), made.take("b"), made.take("c")) == ("10.9.0.4", "10.9.0.5", None)
    assert pool("10.9.0.4/32").take("a") == "10.9.0.4"


def test_a_large_pool_remembers_no_more_than_some_thousands() -> None:
    made = pool("10.0.0.0/8")
    for number in range(5000):
        made.take(f"user{number}")
        made.give_back(f"user{number}")
    assert made.take("user4999") == "10.0.19.136"
    assert made.take("user0") == "10.0.19.137"  # forgotten: the next one


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 9)), max_size=60))
def test_no_address_is_ever_held_twice(steps: list[tuple[bool, int]]) -> None:
    made = pool()
    holds: dict[str, list[str]] = {}
    for takes, number in steps:
        holder = f"user{number}"
        if takes:
            address = made.take(holder)
            others = {one for name, held in holds.items() if name != holder for one in held}
            assert (address is None) == (not holds.get(holder) and len(others) == made.size)
            if address is not None:
                assert address not in others
                assert address in {*holds.get(holder, []), address}
                holds.setdefault(holder, []).append(address)
        elif holds.get(holder):
            holds[holder].pop()
            holds = {name: held for name, held in holds.items() if held}
            made.give_back(holder)
    assert all(len(set(held)) == 1 for held in holds.values())
    assert made.held == len(holds)
