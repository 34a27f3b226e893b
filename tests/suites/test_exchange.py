import pytest

from suites.exchange import BadPublicValue, Group, KeyExchange, check_length
from suites.status import Status


class Toy:
    """The smallest thing that is a KeyExchange: it exchanges nothing."""

    def __init__(self, group: Group, private: bytes | None) -> None:
        self.group = group
        self.public = private or b"fresh"

    def shared(self, peer_public: bytes) -> bytes:
        check_length(self.group, peer_public)
        return b"shared"


class Toys:
    """How toys are made: what is wrong by its first octet can be refused at once."""

    def make(self, group: Group, private: bytes | None) -> Toy:
        return Toy(group, private)

    def check(self, group: Group, peer_public: bytes) -> None:
        check_length(group, peer_public)


TOY = Group(1025, "toy", 5, Status.MAY, Toys())


def test_a_row_makes_fresh_and_known_exchanges() -> None:
    exchange: KeyExchange = TOY.generate()
    assert exchange.public == b"fresh"
    assert exchange.group is TOY
    assert TOY.from_private(b"known").public == b"known"


def test_rows_compare_by_what_they_are_not_by_how_they_compute() -> None:
    assert Group(1025, "toy", 5, Status.MAY, Toys()) == TOY
    assert "Toy" not in repr(TOY)


@pytest.mark.parametrize("length", [0, 4, 6, 1000])
def test_a_public_value_of_another_length_is_refused_with_both_lengths(length: int) -> None:
    with pytest.raises(BadPublicValue, match=f"toy takes 5 octets of public value, not {length}"):
        TOY.generate().shared(bytes(length))
    with pytest.raises(BadPublicValue):
        TOY.check(bytes(length))


def test_a_bad_public_value_is_a_value_error() -> None:
    assert issubclass(BadPublicValue, ValueError)
