from ikecore.halfopen import HalfOpen, Verdict
from ikecore.profile import Limits

LIMITS = Limits(
    half_open=10, half_open_per_address=4, cookie_threshold=6, cookie_threshold_per_address=2
)


def filled(*addresses: str) -> HalfOpen:
    counts = HalfOpen(LIMITS)
    for address in addresses:
        counts.add(address)
    return counts


def test_the_first_ones_need_no_cookie() -> None:
    assert filled().judge("a", has_cookie=False) is Verdict.ACCEPT
    assert filled("a").judge("a", has_cookie=False) is Verdict.ACCEPT


def test_one_busy_address_is_asked_for_a_cookie_and_others_are_not() -> None:
    counts = filled("a", "a")
    assert counts.judge("a", has_cookie=False) is Verdict.COOKIE
    assert counts.judge("a", has_cookie=True) is Verdict.ACCEPT
    assert counts.judge("b", has_cookie=False) is Verdict.ACCEPT


def test_one_address_fills_only_its_own_quota() -> None:
    counts = filled(*"aaaa")
    assert counts.judge("a", has_cookie=True) is Verdict.DROP
    assert counts.judge("b", has_cookie=False) is Verdict.ACCEPT


def test_a_crowd_makes_everybody_show_a_cookie() -> None:
    counts = filled(*"abcdef")
    assert counts.judge("g", has_cookie=False) is Verdict.COOKIE
    assert counts.judge("g", has_cookie=True) is Verdict.ACCEPT


def test_at_the_limit_nobody_gets_in() -> None:
    assert filled(*"abcdefghij").judge("k", has_cookie=True) is Verdict.DROP


def test_who_leaves_makes_room_and_is_forgotten() -> None:
    counts = filled(*"aaaa")
    for _ in range(4):
        counts.remove("a")
    assert counts.total == 0
    assert counts.judge("a", has_cookie=False) is Verdict.ACCEPT


def test_one_ipv6_host_counts_once_whatever_address_of_its_network_it_uses() -> None:
    counts = filled(*(f"2001:db8:1:2::{n:x}" for n in range(1, 5)))
    assert counts.judge("2001:db8:1:2:ffff::9", has_cookie=True) is Verdict.DROP
    assert counts.judge("2001:db8:1:3::1", has_cookie=False) is Verdict.ACCEPT
    for n in range(1, 5):
        counts.remove(f"2001:db8:1:2::{n:x}")
    assert counts.judge("2001:db8:1:2::1%eth0", has_cookie=False) is Verdict.ACCEPT
