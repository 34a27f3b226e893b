"""How often one address gets an answer."""

from ikev1.ratelimit import RateLimit


def test_a_burst_and_then_a_steady_rate() -> None:
    limit = RateLimit(rate=1.0, burst=3)
    assert [limit.admits("192.0.2.1", 0.0) for _ in range(4)] == [True, True, True, False]
    assert not limit.admits("192.0.2.1", 0.5)
    assert limit.admits("192.0.2.1", 1.6)


def test_one_address_costs_another_nothing() -> None:
    limit = RateLimit(rate=1.0, burst=1)
    assert limit.admits("192.0.2.1", 0.0)
    assert limit.admits("192.0.2.2", 0.0)
    assert not limit.admits("192.0.2.1", 0.0)


def test_one_ipv6_host_has_one_bucket_for_its_whole_network() -> None:
    limit = RateLimit(rate=1.0, burst=1)
    assert limit.admits("2001:db8::1", 0.0)
    assert not limit.admits("2001:db8::2", 0.0)


def test_a_flood_from_many_addresses_does_not_grow_without_end() -> None:
    limit = RateLimit(rate=0.0, burst=1)
    assert limit.admits("192.0.2.1", 0.0)
    for number in range(10_000):
        limit.admits(f"10.0.{number >> 8}.{number & 255}", 1.0)
    assert limit.admits("192.0.2.1", 2.0)  # forgotten: it had been silent longest
