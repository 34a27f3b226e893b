"""A key seals once."""

from dataclasses import replace

from ikebana.worker.spent import Spent
from tests.ikebana.worker.rig import HOST, installs

ORDER = installs((HOST, 4500), (HOST, 4501))[0]


def test_a_key_is_new_once() -> None:
    spent = Spent()
    assert spent.is_new(ORDER)
    assert not spent.is_new(ORDER)
    assert not spent.is_new(replace(ORDER, token=99, inbound_spi=0x9999, outbound_spi=0x8888))


def test_another_key_is_another() -> None:
    spent = Spent()
    other = bytes(len(ORDER.outbound_encr))
    assert spent.is_new(ORDER)
    assert spent.is_new(replace(ORDER, outbound_encr=other))
    assert not spent.is_new(replace(ORDER, inbound_encr=other))  # what opens may open again


def test_however_many_keys_there_were_memory_is_bounded() -> None:
    spent = Spent()
    first = replace(ORDER, outbound_encr=bytes(20))
    assert spent.is_new(first)
    for number in range(1 << 16):
        assert spent.is_new(replace(ORDER, outbound_encr=number.to_bytes(20, "little") + b"x"))
    assert spent.is_new(first)
