"""The cores' randomness is the kernel's."""

from ikebana.daemon.entropy import SystemEntropy


def test_as_many_octets_as_wanted_and_never_the_same() -> None:
    entropy = SystemEntropy()
    assert [len(entropy.octets(count)) for count in (0, 1, 8, 32)] == [0, 1, 8, 32]
    assert len({entropy.octets(16) for _ in range(100)}) == 100
