import hashlib

import pytest

from suites.digest import digest, has_digest
from suites.prf import PRF, PRF_BY_NAME

HASHES = ("md5", "sha1", "sha256", "sha384", "sha512")


@pytest.mark.parametrize("name", HASHES)
@pytest.mark.parametrize("data", [b"", b"abc", bytes(200)], ids=["nothing", "abc", "long"])
def test_the_hash_is_the_one_the_prf_is_named_after(name: str, data: bytes) -> None:
    row = PRF_BY_NAME[f"prf{name}"]
    assert digest(row, data) == hashlib.new(name, data, usedforsecurity=False).digest()
    assert len(digest(row, data)) == row.key


def test_sm3_of_gb_t_32905() -> None:
    # GB/T 32905-2016 appendix A.1
    found = digest(PRF_BY_NAME["prfsm3"], b"abc")
    assert found.hex() == "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"


def test_a_prf_of_a_cipher_has_no_hash() -> None:
    lacking = [row for row in PRF if not has_digest(row)]
    assert {row.name for row in lacking} == {"prfaesxcbc", "prfaescmac"}
    for row in lacking:
        with pytest.raises(ValueError, match="is no HMAC of a hash"):
            digest(row, b"")
