"""Where in the file an algorithm comes from."""

import pytest

from ikebana.config.origin import origin
from tests.ikebana.config.sample import CONNECTION, config


@pytest.mark.parametrize(
    ("lines", "word", "place"),
    [
        ('ike.proposals = ["aes128-sha1-modp1024"]', "sha1", ("ike", "proposals", 0)),
        ('ike.integrity = "sha1"', "sha1", ("ike", "integrity")),
        ('ike.integrity = "sha1"', "aes256", ("crypto_preset",)),
        ("", "aes256gcm16", ("crypto_preset",)),
    ],
)
def test_an_algorithm_comes_from_a_proposal_a_field_or_the_preset(
    lines: str, word: str, place: tuple[str | int, ...]
) -> None:
    (one,) = config(CONNECTION + lines).connections
    assert origin("ike", one.ike, 0, word) == place
