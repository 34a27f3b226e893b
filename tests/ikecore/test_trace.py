"""Records hold secrets, and do not show them."""

from ikecore.proposals import Protocol, Suite
from ikecore.trace import KeysDerived
from suites.encr import ENCR_BY_NAME
from suites.secret import Secret


def test_derived_keys_show_their_names_and_lengths_only() -> None:
    suite = Suite(Protocol.IKE, ENCR_BY_NAME["aes128gcm16"])
    record = KeysDerived("net", b"i" * 8, b"r" * 8, suite, (("SK_d", Secret(b"\x5a" * 32)),))
    assert "('SK_d', <32 octets>)" in repr(record)
    assert "ZZZ" not in repr(record)
