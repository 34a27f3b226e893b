"""Echo requests, and what answers them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.layers import inet as icmp
from scapy.layers.inet import IP

from ikebana.demo.ping import ICMP, PAYLOAD, Echo, answer, checksum, ipv4, is_reply, open_ping, ping
from ikebana.demo.ping import request as echo_request
from policy.flow import flow_of
from tests.lab.needs import require

A, B = "10.1.0.2", "10.2.0.2"


def test_a_request_has_the_octets_that_scapy_gives_it() -> None:
    packet = ipv4(A, B, ICMP, echo_request(0x1234, 1, b"abc"))
    theirs = IP(src=A, dst=B, id=0, flags="DF") / icmp.ICMP(id=0x1234, seq=1) / b"abc"
    assert packet == bytes(theirs)


def test_a_host_answers_what_it_is_asked() -> None:
    reply = answer(ipv4(A, B, ICMP, echo_request(7, 3)))
    assert reply is not None
    assert is_reply(reply, 7, 3)
    assert not is_reply(reply, 7, 4)
    assert not is_reply(reply, 8, 3)
    assert (flow_of(reply).source, flow_of(reply).target) == (0x0A020002, 0x0A010002)
    assert reply.endswith(PAYLOAD)


def test_a_host_answers_nothing_else() -> None:
    asked = ipv4(A, B, ICMP, echo_request(7, 3))
    reply = answer(asked) or b""
    assert answer(reply) is None
    assert answer(asked[:-1] + b"!") is None
    assert answer(ipv4(A, B, 17, echo_request(7, 3))) is None
    assert not is_reply(asked, 7, 3)


@given(st.binary(max_size=60))
def test_noise_is_no_echo(noise: bytes) -> None:
    assert not is_reply(noise, 1, 1) or not checksum(noise[20:])
    answer(noise)


@given(st.binary(min_size=1, max_size=60).filter(any))
def test_a_sum_over_its_own_checksum_is_zero(octets: bytes) -> None:
    even = octets + b"\0" * (len(octets) & 1)
    assert checksum(even + checksum(even).to_bytes(2, "big")) == 0


def test_this_host_answers() -> None:
    require()
    with open_ping() as sock:
        echoes = list(ping(sock, "127.0.0.1", 2, interval=0))
    assert [(one.seq, one.ms is not None) for one in echoes] == [(1, True), (2, True)]


@pytest.mark.parametrize(
    ("ms", "told"), [(None, "10.2.0.2: seq 1, no answer"), (0.5, "10.2.0.2: seq 1, 0.50 ms")]
)
def test_its_fate_is_told(ms: float | None, told: str) -> None:
    assert str(Echo(B, 1, ms)) == told
