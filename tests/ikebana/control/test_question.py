import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ikebana.control.question import BadQuestion, protocol_name, read_flow, told
from policy.flow import OPAQUE, Flow

ENDS = ("10.1.0.5", "10.2.0.9")
SOURCE, TARGET = 0x0A010005, 0x0A020009


@pytest.mark.parametrize(
    ("words", "rest"),
    [
        ((), (0, OPAQUE, OPAQUE)),
        (("tcp",), (6, OPAQUE, OPAQUE)),
        (("tcp", "443"), (6, OPAQUE, 443)),
        (("UDP", "53", "9"), (17, 9, 53)),
        (("icmp", "8"), (1, 8 << 8, 8 << 8)),
        (("icmp", "3:4"), (1, 3 << 8 | 4, 3 << 8 | 4)),
        (("icmpv6",), (1, OPAQUE, OPAQUE)),  # this IP version's is meant
        (("47",), (47, OPAQUE, OPAQUE)),
    ],
)
def test_words_become_a_flow(words: tuple[str, ...], rest: tuple[int, int, int]) -> None:
    protocol, source_port, target_port = rest
    wanted = Flow(4, protocol, SOURCE, TARGET, source_port, target_port)
    assert read_flow(*ENDS, *words) == wanted


def test_icmp_is_that_of_the_addresses() -> None:
    assert read_flow("fd01::1", "fd02::1", "icmp", "128").protocol == 58


@pytest.mark.parametrize(
    ("words", "what", "hint"),
    [
        (("10.1.0.0/24", "10.2.0.9"), "SRC 10.1.0.0/24 is a network", "such as 10.1.0.0"),
        (("10.1.0.5", "10.2.0"), "DST '10.2.0' is no IP address", "10.1.0.5"),
        (("10.1.0.5", "moon"), "DST 'moon' is no IP address", "getent hosts"),
        (("fe80::1%eth0", "fd02::1"), "has a zone", "without the %"),
        (("10.1.0.5", "fd02::1"), "10.1.0.5 is IPv4 and fd02::1 IPv6", "one IP version"),
        ((*ENDS, "tpc"), "'tpc' is no protocol", "did you mean tcp?"),
        ((*ENDS, "256"), "'256' is no protocol", "1 to 255"),
        ((*ENDS, "58"), "other IP version's ICMP", "of IPv4 it is 1"),
        ((*ENDS, "gre", "5"), "gre has no ports", "tcp, udp"),
        ((*ENDS, "", "5"), "a port of which protocol?", "tcp, udp"),
        ((*ENDS, "tcp", "65536"), "'65536' is no port", "0 to 65535"),
        ((*ENDS, "tcp", "http"), "'http' is no port", "such as 443"),
        ((*ENDS, "icmp", "8:0:0"), "is no ICMP code", "type:code"),
        ((*ENDS, "icmp", "8", "5"), "ICMP has no source port", "icmp 8:0"),
    ],
)
def test_what_means_nothing_is_answered_with_what_would(
    words: tuple[str, ...], what: str, hint: str
) -> None:
    with pytest.raises(BadQuestion) as found:
        read_flow(*words)
    assert what in str(found.value)
    assert hint in found.value.hint


@pytest.mark.parametrize("words", ["", "tcp", "tcp 443", "icmp 8:0", "gre", "99"])
def test_a_flow_is_told_as_it_is_asked_for(words: str) -> None:
    asked = " ".join([*ENDS, words]).strip()
    assert told(read_flow(*asked.split())) == asked


def test_a_protocol_without_a_name_is_its_number() -> None:
    assert (protocol_name(58), protocol_name(253)) == ("icmpv6", "253")


@given(st.lists(st.text(max_size=200), min_size=2, max_size=5))
def test_noise_is_a_bad_question_or_a_flow(words: list[str]) -> None:
    with contextlib.suppress(BadQuestion):
        assert told(read_flow(*words))
