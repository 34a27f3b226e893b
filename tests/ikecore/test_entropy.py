"""The protocol: anything with ``octets`` will do."""

from ikecore.entropy import Entropy


class Counting:
    """Octets that can be foretold."""

    def __init__(self) -> None:
        self.drawn = 0

    def octets(self, count: int) -> bytes:
        found = bytes((self.drawn + n) & 0xFF for n in range(count))
        self.drawn += count
        return found


def test_a_repeatable_source_satisfies_the_protocol() -> None:
    source: Entropy = Counting()
    assert (source.octets(2), source.octets(3)) == (b"\0\1", b"\2\3\4")
