"""What a client gets."""

from ikecore.lease import Lease


def test_a_lease_is_one_address_and_everything_is_behind_it_unless_more_is_said() -> None:
    lease = Lease("10.9.0.7")
    assert (lease.netmask, lease.subnets, lease.dns, lease.banner) == (32, (), (), "")
