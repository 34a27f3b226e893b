"""Payloads of one class out of many."""

from dataclasses import dataclass

from ikecore.parcel import Parcel


@dataclass(frozen=True, slots=True)
class Letter(Parcel):
    payloads: tuple[object, ...]


def test_all_of_a_class_come_in_order_and_one_is_the_first() -> None:
    letter = Letter((1, "a", 2, "b"))
    assert letter.all(str) == ("a", "b")
    assert letter.one(int) == 1
    assert letter.one(float) is None
