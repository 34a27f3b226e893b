"""A child is as the daemon ordered it, or it is refused."""

from dataclasses import replace
from typing import Any

import pytest

from esp.limit import NEVER, NO_LIMIT, Limit
from esp.sa import Drop
from ikebana.worker.children import NEAR_END, child_of
from ikebana.worker.messages import Install, Ipsec
from policy.treatment import DontFragment, Treatment
from tests.esp.tunnel import MOON_NETS, SUN_NETS, udp4
from tests.ikebana.worker.rig import HOST, installs

ORDER: Install = installs((HOST, 1), (HOST, 2), esn=True)[0]


def test_the_sas_of_an_order_are_as_ordered() -> None:
    child = child_of(ORDER)
    assert (child.inbound.spi, child.outbound.spi) == (0x1000, 0x1001)
    assert child.inbound.esn
    assert child.outbound.esn
    assert (child.local, child.remote, child.path) == (MOON_NETS, SUN_NETS, ORDER.path)
    assert (child.soft, child.hard) == (NO_LIMIT, NO_LIMIT)


def test_limits_are_as_ordered_and_none_where_they_are_0() -> None:
    limits = {"soft_octets": 10, "hard_octets": 20, "soft_packets": 30, "hard_packets": 40}
    child = child_of(replace(ORDER, **limits))  # type: ignore[arg-type]  # all of them int
    assert (child.soft, child.hard) == (Limit(10, 30), Limit(20, 40))
    child = child_of(replace(ORDER, soft_octets=10, hard_packets=40))
    assert (child.soft, child.hard) == (Limit(10, NEVER), Limit(NEVER, 40))


@pytest.mark.parametrize("size", [0, 32, 4096])
def test_packets_are_treated_as_ordered(size: int) -> None:
    wanted = Treatment(46, DontFragment.SET, 9, size, tfc=64)
    child = child_of(replace(ORDER, treatment=wanted))
    assert child.treatment == wanted
    assert child.inbound.replay.size == size
    ah = replace(ORDER, protocol=Ipsec.AH, encr="", inbound_encr=b"", outbound_encr=b"")
    keys = {"integ": "sha256", "inbound_integ": bytes(32), "outbound_integ": bytes(32)}
    plain = replace(ORDER.path, encapsulated=False)
    child = child_of(replace(ah, path=plain, treatment=wanted, **keys))  # type: ignore[arg-type]
    assert child.inbound.replay.size == size


@pytest.mark.parametrize(
    ("esn", "packets", "told_at"),
    [
        (False, 0, NEAR_END),
        (False, 100, 100),
        (False, NEAR_END + 1, NEAR_END),
        (True, 0, NEVER),
        (True, NEAR_END + 1, NEAR_END + 1),
    ],
)
def test_the_end_of_the_numbers_is_a_soft_limit(esn: bool, packets: int, told_at: int) -> None:
    child = child_of(replace(ORDER, esn=esn, soft_packets=packets))
    assert child.soft == Limit(NEVER, told_at)


@pytest.mark.parametrize(
    ("field", "value"), [("encr", "rot13"), ("integ", "sha256"), ("outbound_spi", 0)]
)
def test_what_cannot_be_is_refused(field: str, value: object) -> None:
    with pytest.raises((KeyError, ValueError)):
        child_of(replace(ORDER, **{field: value}))  # type: ignore[arg-type]  # wrong on purpose


@pytest.mark.parametrize(
    "suite",
    [
        {},
        {
            "encr": "aes128", "integ": "sha256",
            "inbound_encr": bytes(16), "outbound_encr": bytes(16),
            "inbound_integ": bytes(32), "outbound_integ": bytes(32),
        },
    ],
    ids=["gcm", "cbc"],
)  # fmt: skip
def test_extended_numbers_go_on_where_32_bits_end(suite: dict[str, Any]) -> None:
    """RFC 4303 section 2.2.1: the upper half is authenticated and never sent."""
    moon, sun = (child_of(order) for order in installs((HOST, 1), (HOST, 2), esn=True, **suite))
    moon.outbound.seq = 2**32 - 3
    sealed = [moon.seal(udp4(number), 4) for number in range(6)]
    assert [data[4:8].hex() for data in sealed] == [
        "fffffffe", "ffffffff", "00000000", "00000001", "00000002", "00000003",
    ]  # fmt: skip
    # one packet of before the wrap comes after it, as the network likes
    order = (0, 3, 1, 2, 5, 4)
    sun.inbound.replay.accept(2**32 - 3)
    assert [sun.open(sealed[number])[1] for number in order] == [udp4(n) for n in order]
    assert sun.inbound.replay.top == 2**32 + 3
    for again in sealed:
        with pytest.raises(Drop, match="replay"):
            sun.open(again)


def test_a_packet_of_another_epoch_is_no_packet_of_this_one() -> None:
    moon, sun = (child_of(order) for order in installs((HOST, 1), (HOST, 2), esn=True))
    moon.outbound.seq = 2**32
    with pytest.raises(Drop, match="integrity"):
        sun.open(moon.seal(udp4(), 4))
