"""Records hold secrets, and do not show them."""

from ikecore.proposals import Protocol, Suite
from ikecore.trace import KeysDerived, MessageTraced
from policy.path import Path
from suites.encr import ENCR_BY_NAME
from suites.secret import Secret


def test_derived_keys_show_their_names_and_lengths_only() -> None:
    suite = Suite(Protocol.IKE, ENCR_BY_NAME["aes128gcm16"])
    record = KeysDerived("net", b"i" * 8, b"r" * 8, suite, (("SK_d", Secret(b"\x5a" * 32)),))
    assert "('SK_d', <32 octets>)" in repr(record)
    assert "ZZZ" not in repr(record)


def test_a_message_tells_its_version_by_its_octets() -> None:
    path = Path(("192.0.2.1", 500), ("192.0.2.2", 500))
    for octet, version in ((0x10, 1), (0x20, 2), (0x21, 2)):
        raw = bytes(17) + bytes((octet,))
        assert MessageTraced("net", b"", True, "QUICK", False, 0, (), raw, path).version == version
    assert MessageTraced("net", b"", True, "QUICK", False, 0, (), b"", path).version == 2
