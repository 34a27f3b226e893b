"""Datagrams get smaller where large ones are lost (RFC 7383 section 2.5.1)."""

import pytest

from ikecore.actions import Send

from .network import Network, profile, selectors

MANY = tuple(f"10.{n}.{m}.0/24" for n in range(8) for m in range(8))
UDP_AND_IP = 28
LARGEST = 576


def is_large(send: Send) -> bool:
    marker = 4 if send.path.encapsulated else 0
    return len(send.data) + marker + UDP_AND_IP > LARGEST


def wide(count: int) -> Network:
    """Return ends whose IKE_AUTH names many networks on moon's side."""

    nets = selectors(*MANY[:count])
    moon, sun = profile("moon", local_ts=nets), profile("sun", remote_ts=nets)
    return Network(moon, sun)


@pytest.mark.parametrize("starts", ["moon", "sun"])
def test_a_path_that_loses_large_datagrams_is_crossed_in_small_ones(starts: str) -> None:
    net = wide(60)
    net.lose = lambda send: is_large(send) and send.data[18] != 34  # IKE_SA_INIT cannot be cut
    net.initiate(starts)
    assert not net.up(starts)
    net.sleep(9)
    net.assert_connected()
    sent = [send for send in net.wire if send.data[18] == 35]
    assert any(map(is_large, sent))
    assert not is_large(sent[-1])


def test_what_arrives_is_not_cut_smaller() -> None:
    net = wide(60)
    net.initiate("moon")
    net.assert_connected()
    assert any(map(is_large, net.wire))
