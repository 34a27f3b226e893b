"""What a worker is given never prints its keys."""

from ikecore.child import UNLIMITED, ChildLimits, ChildSpec, Keys
from ikecore.proposals import Protocol, Suite
from policy.path import Path
from policy.selectors import TrafficSelector
from suites.encr import ENCR_BY_NAME
from suites.secret import Secret


def test_keys_do_not_show_in_any_text_of_a_child() -> None:
    keys = Keys(Secret(b"\x5a" * 20), Secret(b"\x5b" * 20))
    nets = (TrafficSelector.from_cidr("10.1.0.0/24"),)
    suite = Suite(Protocol.ESP, ENCR_BY_NAME["aes128gcm16"])
    path = Path(("192.0.2.1", 500), ("192.0.2.2", 500))
    spec = ChildSpec("net", b"s" * 8, 1000, 2000, suite, keys, keys, nets, nets, path)
    for text in (repr(spec), str(spec), f"{spec}"):
        assert "<20 octets>" in text
        assert "5a5a" not in text
        assert "ZZ" not in text


def test_soft_limits_are_a_share_of_the_hard_ones() -> None:
    limits = ChildLimits(hard_octets=1000, hard_packets=100)
    assert limits.softened(0.855) == ChildLimits(855, 1000, 85, 100)
    assert UNLIMITED.softened(0.9) == UNLIMITED
