"""NAT detection hashes, against those of a strongSwan."""

import pytest

from ikecore.natd import detection_hash

SPI_I = bytes.fromhex("b9578c7ce7ddaab3")
SPI_R = bytes.fromhex("8ddaa4a93aadfc80")


def test_a_strongswans_hash_of_its_peers_address() -> None:
    found = detection_hash(SPI_I, bytes(8), "10.99.0.2", 500)
    assert found.hex() == "8712af7dee2756dd9325b2082bcf0c23d81dddb9"


def test_an_answers_hash_covers_both_spis() -> None:
    found = detection_hash(SPI_I, SPI_R, "10.99.0.1", 500)
    assert found.hex() == "441c76552495041bef6d82683cd3c9e67cb03ed7"


def test_an_ipv6_address_enters_with_16_octets() -> None:
    found = detection_hash(bytes(8), bytes(8), "fd99::1", 4500)
    assert found.hex() == "29532f67a4b4ebe1e77bec9ae9e7354193ba2628"


@pytest.mark.parametrize("address", ["", "gw.example", "10.0.0.256"])
def test_what_is_no_address_has_no_hash(address: str) -> None:
    with pytest.raises(ValueError, match="does not appear"):
        detection_hash(SPI_I, SPI_R, address, 500)
