"""Which packets in an arena are alike."""

from esp.arena import Arena
from esp.sendbuffer import SendBuffer
from esp.vector.singles import Singles
from tests.esp.flows import SYN, stream
from tests.esp.rounds import Read, left_to_us, single
from tests.esp.tunnel import child_pair


class Slots:
    """An arena that was read to."""

    def __init__(self, *reads: Read) -> None:
        self.arena = Arena(10)
        self.sent: list[bytes] = []
        self.ready = SendBuffer(lambda _child, rows, _size, _outer: self.sent.append(bytes(rows)))
        self.singles = Singles(self.arena, self.ready)
        self.lengths = []
        for slot, read in enumerate(reads):
            octets = read.header + read.octets
            self.arena.places[slot][: len(octets)] = octets
            self.lengths.append(len(read.octets))

    @property
    def runs(self) -> list[int]:
        return self.singles.runs(self.lengths)

    def seal(self, begin: int, end: int) -> bool:
        child = child_pair()[0]
        if child.rows_out is None:
            raise TypeError("ESP in tunnel mode")
        return self.singles.seal(child, child.rows_out, begin, end, self.lengths[begin])


def test_one_stream_is_one_run_whatever_it_carries() -> None:
    udp = stream("udp4")
    assert Slots(*(left_to_us(udp, bytes((n,)) * 100) for n in range(9))).runs == [0, 9]


def test_another_size_flow_header_or_version_begins_a_run() -> None:
    udp, tcp, six = stream("udp4"), stream("tcp4"), stream("udp6")
    other = stream("udp4")
    other.ports = (1, 2)
    assert Slots(left_to_us(udp, bytes(9)), left_to_us(udp, bytes(8))).runs == [0, 1, 2]
    assert Slots(left_to_us(udp, bytes(9)), left_to_us(other, bytes(9))).runs == [0, 1, 2]
    assert Slots(left_to_us(udp, bytes(20)), left_to_us(tcp, bytes(8))).runs == [0, 1, 2]
    assert Slots(left_to_us(udp, bytes(9)), single(udp.packet(bytes(9)))).runs == [0, 1, 2]
    assert Slots(left_to_us(udp, bytes(29)), left_to_us(six, bytes(9))).runs == [0, 1, 2]


def test_fragments_options_and_lies_are_not_plain() -> None:
    piece, options = stream("udp4"), stream("udp4")
    piece.fragment = 0x2000
    options.ip_options = b"\x94\x04\0\0"
    lie = stream("udp4").packet(bytes(100))[:-1]
    slots = Slots(single(piece.packet(bytes(9))), single(options.packet(bytes(9))), single(lie))
    assert [slots.singles.is_plain(n, slots.lengths[n]) for n in range(3)] == [False] * 3


def test_a_syn_anywhere_in_a_run_leaves_it_to_others() -> None:
    tcp = stream("tcp4")
    slots = Slots(*(single(tcp.packet(b"", SYN if n == 3 else 16)) for n in range(5)))
    assert not slots.seal(0, 5)
    assert slots.sent == []


def test_a_checksum_outside_of_its_packet_leaves_it_to_others() -> None:
    udp = stream("udp4")
    reads = [left_to_us(udp, bytes(9)) for _ in range(4)]
    bad = [Read(read.header[:8] + b"\xf0\0", read.octets, ()) for read in reads]
    assert not Slots(*bad).seal(0, 4)
    good = Slots(*reads)
    assert good.seal(0, 4)
    good.ready.flush()
    assert len(good.sent) == 1
