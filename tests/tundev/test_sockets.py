"""Options and control messages of the sockets."""

import socket

import pytest

from tundev.sockets import (
    IP_MTU_DISCOVER,
    PMTUDISC_DO,
    PMTUDISC_OMIT,
    configure,
    family_of,
    local_of,
    source_cmsg,
    with_scope,
)


def test_the_family_shows_in_the_address() -> None:
    assert family_of("10.0.0.1") == socket.AF_INET
    assert family_of("fd00::1") == socket.AF_INET6


@pytest.mark.parametrize("address", ["10.99.0.1", "fd99::1", "255.255.255.255"])
def test_a_source_reads_back_as_the_local_address(address: str) -> None:
    assert local_of(source_cmsg(address)) == address


@pytest.mark.parametrize("anything", ["", "0.0.0.0", "::"])  # noqa: S104 -- never bound
def test_no_source_leaves_the_choice_to_the_kernel(anything: str) -> None:
    assert source_cmsg(anything) == []


def test_a_link_local_source_names_its_link() -> None:
    assert local_of(source_cmsg("fe80::1%lo")) == "fe80::1%lo"
    assert with_scope("fe80::1", 1) == "fe80::1%lo"
    assert with_scope("fe80::1", 2**30) == "fe80::1"


def test_what_is_no_address_is_an_error() -> None:
    with pytest.raises((OSError, ValueError)):
        source_cmsg("not an address")


def test_foreign_or_short_control_messages_tell_no_address() -> None:
    assert local_of([]) == ""
    assert local_of([(socket.IPPROTO_IP, 8, b"short"), (socket.SOL_SOCKET, 8, bytes(12))]) == ""


@pytest.mark.parametrize(("fragment", "expected"), [(True, PMTUDISC_OMIT), (False, PMTUDISC_DO)])
def test_a_configured_socket_does_not_block(fragment: bool, expected: int) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        configure(sock, 0, fragment=fragment)
        assert not sock.getblocking()
        assert sock.getsockopt(socket.IPPROTO_IP, IP_MTU_DISCOVER) == expected
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) > 100_000
