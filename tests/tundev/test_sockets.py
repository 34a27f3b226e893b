"""Options and control messages of the sockets."""

import socket
import sys

import pytest

from tundev.sockets import (
    IP_MTU_DISCOVER,
    IPV6_MTU_DISCOVER,
    PMTUDISC_DO,
    PMTUDISC_OMIT,
    PMTUDISC_PROBE,
    PMTUDISC_WANT,
    configure,
    enable_tos,
    family_of,
    set_df,
    source_cmsg,
    told,
    tos_cmsg,
    with_scope,
)


def test_the_family_shows_in_the_address() -> None:
    assert family_of("10.0.0.1") == socket.AF_INET
    assert family_of("fd00::1") == socket.AF_INET6


@pytest.mark.parametrize("address", ["10.99.0.1", "fd99::1", "255.255.255.255"])
def test_a_source_reads_back_as_the_local_address(address: str) -> None:
    assert told(tuple(source_cmsg(address)))[0] == address


@pytest.mark.parametrize("anything", ["", "0.0.0.0", "::"])  # noqa: S104 -- never bound
def test_no_source_leaves_the_choice_to_the_kernel(anything: str) -> None:
    assert source_cmsg(anything) == []


def test_a_link_local_source_names_its_link() -> None:
    assert told(tuple(source_cmsg("fe80::1%lo")))[0] == "fe80::1%lo"
    assert with_scope("fe80::1", 1) == "fe80::1%lo"
    assert with_scope("fe80::1", 2**30) == "fe80::1"


def test_what_is_no_address_is_an_error() -> None:
    with pytest.raises((OSError, ValueError)):
        source_cmsg("not an address")


def test_foreign_or_short_control_messages_tell_no_address() -> None:
    assert told(()) == ("", 0, 0)
    short = ((socket.IPPROTO_IP, 8, b"short"), (socket.SOL_SOCKET, 8, bytes(12)))
    assert told(short) == ("", 0, 0)


@pytest.mark.parametrize(("fragment", "expected"), [(True, PMTUDISC_OMIT), (False, PMTUDISC_DO)])
def test_a_configured_socket_does_not_block(fragment: bool, expected: int) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        configure(sock, 0, fragment=fragment)
        assert not sock.getblocking()
        assert sock.getsockopt(socket.IPPROTO_IP, IP_MTU_DISCOVER) == expected
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) > 100_000


def test_control_messages_tell_address_size_and_tos() -> None:
    gro = (socket.IPPROTO_UDP, 104, (1400).to_bytes(4, sys.byteorder))
    four = (*source_cmsg("10.99.0.1"), gro, (socket.IPPROTO_IP, 1, b"\xb9"))
    assert told(four) == ("10.99.0.1", 1400, 0xB9)
    six = (*source_cmsg("fd99::1"), tos_cmsg(0xFF, six=True))
    assert told(six) == ("fd99::1", 0, 0xFF)
    assert told((tos_cmsg(3, six=False),)) == ("", 0, 3)


def test_control_messages_that_were_cut_off_tell_nothing() -> None:
    cut = ((socket.IPPROTO_IP, 8, b"\1\0"), (socket.IPPROTO_UDP, 104, b""), (0, 1, b""))
    assert told(cut) == ("", 0, 0)


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6])
def test_the_tos_can_be_asked_for(family: socket.AddressFamily) -> None:
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        enable_tos(sock)
        asked = (socket.IPPROTO_IPV6, 66) if family == socket.AF_INET6 else (socket.IPPROTO_IP, 13)
        assert sock.getsockopt(*asked) == 1


def test_fragments_are_forbidden_and_allowed_again() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        configure(sock, 0)
        for df, expected in ((True, PMTUDISC_PROBE), (False, PMTUDISC_OMIT)):
            set_df(sock, df)
            assert sock.getsockopt(socket.IPPROTO_IP, IP_MTU_DISCOVER) == expected


def test_over_ipv6_there_is_nothing_to_forbid() -> None:
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sock:
        configure(sock, 0)
        set_df(sock, True)
        assert sock.getsockopt(socket.IPPROTO_IPV6, IPV6_MTU_DISCOVER) == PMTUDISC_WANT
