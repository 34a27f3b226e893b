"""Both files are good configurations, and mirror each other."""

from ikebana.config.load import parse
from ikebana.demo.config import MOON, PICTURE, SUN, toml

PSK = "b7c1f0a9d2e84563901fae7c5d3b6820"


def test_both_files_are_read_without_a_remark() -> None:
    moon = parse(toml(MOON, SUN, PSK).encode())
    sun = parse(toml(SUN, MOON, PSK).encode())
    assert moon.warnings() == sun.warnings() == ()
    (here,), (there,) = moon.connections, sun.connections
    assert (here.local_id, here.remote_id) == (there.remote_id, there.local_id)
    assert (here.local_subnets, here.remote_subnets) == (there.remote_subnets, there.local_subnets)


def test_the_picture_has_addresses_below_the_names() -> None:
    names, addresses = PICTURE
    for side in (MOON, SUN):
        assert names.index(f" {side.name} ") + 1 == addresses.index(side.outside)
        assert names.index(side.host_name) == addresses.index(side.host)
