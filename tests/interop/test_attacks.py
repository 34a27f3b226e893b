"""What strangers, forgers and a peer with bad intentions send to a running gateway.

Everything comes from gb's end of the wire, with whatever source address helps.  After each attack
both daemons and their workers are the same processes, the tunnel carries, and neither memory nor
log has grown by more than a little.
"""

import struct
import time
from collections.abc import Callable, Iterator
from itertools import cycle
from pathlib import Path
from typing import Final

import pytest

from ikecore.proposals import Protocol
from ikev2.message import (
    Exchange,
    Header,
    build_init,
    parse_header,
    seal_message,
)
from ikev2.payloads.delete import Delete
from ikev2.payloads.notify import Notify
from ikev2.payloads.unknown import Unknown
from suites.encr import ENCR_BY_NAME, sealer
from suites.integ import INTEG_BY_NAME
from tests.interop.attacker import (
    DICE,
    ESP,
    HOST_A,
    HOST_B,
    ICMP,
    MARKER,
    NO_SPI,
    REFUSALS,
    A,
    B,
    Field,
    Peer,
    anywhere,
    cookie_of,
    datagrams,
    fail_at_auth,
    icmp_error,
    init,
    ip,
    udp,
    with_cookie,
)
from tests.lab.topology import Lab

pytestmark = pytest.mark.lab


@pytest.fixture
def field(lab: Lab) -> Iterator[Field]:
    """Yield a tunnel in protocol 50."""
    made = Field(lab)
    yield made
    made.attacker.close()


@pytest.fixture
def udp_field(lab: Lab, tmp_path: Path) -> Iterator[Field]:
    """Yield a tunnel in UDP; its keys are in ``tmp_path``."""
    made = Field(lab, ("--keylog", str(tmp_path / "keys")), force_encap=True)
    yield made
    made.attacker.close()


# -- strangers: nothing of theirs is authenticated ---------------------------------------------
STRANGE: Final[dict[str, Callable[[], bytes]]] = {
    "garbage on 500": lambda: udp(DICE.randbytes(DICE.randrange(200)), source=anywhere()),
    "garbage on 4500": lambda: udp(DICE.randbytes(DICE.randrange(200)), port=4500),
    "garbage behind a marker": lambda: udp(MARKER + DICE.randbytes(100), port=4500),
    "nothing at all": lambda: udp(b"", port=DICE.choice((500, 4500))),
    "the largest datagrams, in fragments never completed": lambda: udp(
        bytes(1400), ident=DICE.randrange(1 << 16), flags=0x2000
    ),
    "IKEv1 first packets": lambda: udp(
        DICE.randbytes(8) + NO_SPI + b"\x01\x10\x02\0" + struct.pack("!II", 0, 128) + bytes(100)
    ),
    "major version 3": lambda: udp(
        DICE.randbytes(8) + NO_SPI + b"\x21\x30\x22\x08" + struct.pack("!II", 0, 28)
    ),
    "SAs nobody has": lambda: udp(
        DICE.randbytes(16) + b"\x2e\x20\x25\x08" + struct.pack("!II", 2, 128) + bytes(100)
    ),
    "ESP of SAs nobody has": lambda: ip(DICE.randbytes(100), proto=ESP),
    "ESP shorter than its header": lambda: ip(bytes(DICE.randrange(12)), proto=ESP),
    "public values of zero": lambda: udp(init(public=bytes(32))),
    "offers that nobody takes": lambda: udp(init("3des-sha1-modp1024")),
}


def test_nothing_that_a_stranger_repeats_harms_the_tunnel(field: Field) -> None:
    for what, packets in STRANGE.items():
        field.note()
        sizes: list[int] = []

        def counted(packets: Callable[[], bytes] = packets, sizes: list[int] = sizes) -> bytes:
            packet = packets()
            sizes.append(max(0, len(packet) - 28))
            return packet

        sent = field.attacker.flood(counted, 0.5)
        assert sent > 500, what
        time.sleep(0.2)
        answers = field.attacker.answers()
        assert len(answers) <= sent, what
        assert sum(map(len, answers)) <= sum(sizes), what
        field.holds()


def test_first_messages_from_addresses_made_up_do_not_keep_the_peer_out(field: Field) -> None:
    """Cisco CVE-2020-3230."""
    with field.attacker.flooding(lambda: udp(init(), source=anywhere())):
        assert field.b.cli("down", "net")[0] == 0
        code, output, errors = field.b.cli("up", "net")
        assert code == 0, output + errors
    field.wait_dropped(1000, "ike_rate")
    field.holds()


def test_first_messages_in_the_peers_own_name_are_asked_for_a_cookie(field: Field) -> None:
    sent = field.attacker.flood(lambda: udp(init(), sport=DICE.randrange(1024, 60_000)))
    time.sleep(0.2)
    answers = field.attacker.answers()
    assert len(answers) <= sent
    field.wait_dropped(100, "ike_cookie_demanded")
    assert field.half_open <= 5
    assert field.b.cli("down", "net")[0] == 0
    code, output, errors = field.b.cli("up", "net")
    assert code == 0, output + errors
    field.holds()


def test_esp_that_is_replayed_or_forged_is_counted_and_the_window_stays(udp_field: Field) -> None:
    field = udp_field
    wire = field.lab.capture("gb", "wan", f"udp and src {B} and dst port 4500")
    assert field.lab.ping("cb", HOST_A, 5, 0.01) == 0
    heard = datagrams(wire.stop())
    esp = [one for one in heard if len(one) > 100 and one[:4] != MARKER]
    assert esp
    again = cycle(esp)
    field.attacker.flood(lambda: udp(next(again), port=4500), 0.5)
    field.wait_dropped(1000, "replay")
    spi = esp[0][:4]
    huge = spi + b"\xff\xff\xff\xf0"
    field.attacker.flood(lambda: udp(huge + DICE.randbytes(100), port=4500), 0.5)
    field.wait_dropped(1000, "integrity")
    field.holds()


ESP_OF_A: Final = ip(bytes(8), source=A, target=B, proto=ESP)
PING: Final = struct.pack("!BBHHH", 8, 0, 0xF7FF, 0, 0)
LIES: Final[dict[str, bytes]] = {
    f"{what} {code}": icmp_error(about, 3, code, 68 if code == 4 else 0)
    for what, about in {
        "500": ip(struct.pack("!HHHH", 500, 500, 100, 0), source=A, target=B),
        "4500": ip(struct.pack("!HHHH", 4500, 4500, 100, 0), source=A, target=B),
        "ESP": ESP_OF_A,
    }.items()
    for code in (1, 2, 3, 4)
}


def test_icmp_errors_that_lie_end_no_sa_and_shrink_no_path(field: Field) -> None:
    lies = cycle(LIES.values())
    with field.attacker.flooding(lambda: next(lies), 2000):
        assert field.lab.ping("ca", HOST_B, 50, 0.01) == 0
        assert field.b.cli("down", "net")[0] == 0
        code, output, errors = field.b.cli("up", "net")
        assert code == 0, output + errors
    field.holds()
    found = field.lab.check("ga", ["ip", "route", "get", B])
    assert "mtu" not in found, found


# -- a forger who knows the SPIs but not the keys ----------------------------------------------
def test_a_delete_in_clear_or_under_other_keys_is_dropped(field: Field) -> None:
    view = field.view
    spis = bytes.fromhex(view.initiator_spi), bytes.fromhex(view.responder_spi)
    ids = cycle(range(8))

    def in_clear() -> bytes:
        header = Header(*spis, Exchange.INFORMATIONAL, next(ids), True, False)
        return udp(build_init(header, (Delete(Protocol.IKE),)))

    def under_other_keys() -> bytes:
        header = Header(*spis, Exchange.INFORMATIONAL, next(ids), True, False)
        keys = sealer(ENCR_BY_NAME["aes128"], bytes(16), INTEG_BY_NAME["sha256"], bytes(32))
        return udp(seal_message(header, (Delete(Protocol.IKE),), keys, 1))

    for packets in (in_clear, under_other_keys):
        field.attacker.flood(packets, 0.5, 4000)
    field.wait_dropped(100, "ike_malformed")
    field.wait_dropped(100, "ike_integrity")
    assert field.attacker.answers() == []
    field.holds()


def test_refusals_forged_before_the_true_answer_do_not_end_the_try(field: Field) -> None:
    assert field.a.cli("down", "net")[0] == 0
    field.note()
    forged = 0
    with field.race() as raced:
        code, output, errors = field.a.cli("up", "net")
        forged = raced()
    assert code == 0, output + errors
    assert forged >= len(REFUSALS)
    field.holds()


# -- the peer itself, with the keys ------------------------------------------------------------
def test_a_peer_that_deletes_children_nobody_has_and_asks_for_everything_keeps_its_sa(
    udp_field: Field, tmp_path: Path
) -> None:
    peer = Peer(udp_field, tmp_path / "keys")
    storm = Delete(Protocol.ESP, tuple(range(256, 400)))
    for _ in range(100):
        peer.say(storm, storm)
    for _ in range(100):
        peer.say(Unknown(200, True, b"critical"))
    for _ in range(100):
        peer.say(*[Notify(40_000 + n, bytes(5)) for n in range(100)])
    udp_field.holds()


def test_a_peer_that_sends_inner_packets_of_others_gets_none_through(
    udp_field: Field, tmp_path: Path
) -> None:
    field = udp_field
    lines = (tmp_path / "keys" / "esp_sa").read_text().splitlines()
    spi, key = next(
        (int(fields[3], 16), bytes.fromhex(fields[5][2:]))
        for line in lines
        if len(fields := [one.strip('"') for one in line.split(",")]) > 5 and fields[1] == B
    )
    seal = sealer(ENCR_BY_NAME["aes128gcm16"], key, None, b"")
    wire = field.lab.capture("ca", "lan", "icmp")
    inner = {
        "a source outside the selectors": ("172.16.0.1", HOST_A),
        "the gateway's outer address": (HOST_B, A),
        "the gateway's loopback": (HOST_B, "127.0.0.1"),
        "a source inside A's own network": ("10.1.0.77", HOST_A),
        "a broadcast": (HOST_B, "255.255.255.255"),
    }
    number = 1000
    for source, target in inner.values():
        for _ in range(20):
            number += 1
            echo = ip(
                struct.pack("!BBHHH", 8, 0, 0xF7FF, 0, 0), source=source, target=target, proto=ICMP
            )
            plain = echo + b"\x01\x02\x02\x04"
            head = struct.pack("!II", spi, number)
            field.attacker.send(udp(head + seal.seal(head, plain, number), port=4500))
    field.wait_dropped(20 * len(inner), "selectors")
    assert datagrams(wire.stop()) == []
    field.lab.ping("cb", HOST_A, 1)  # below the window now: lost until B's numbers catch up
    assert field.status(field.a).gateway.worker.restarts == 0


def test_a_stranger_who_cannot_prove_himself_writes_few_lines(field: Field) -> None:
    """The handshake is honest up to AUTH, which is what no stranger can make."""
    began = time.monotonic()
    tried = 0
    while time.monotonic() - began < 2:
        tried += fail_at_auth(field.attacker)
    assert tried > 20
    field.holds(log=3000, growth=30_000)  # the last 1000 SAs, to repeat their answers


# -- one who may be anybody --------------------------------------------------------------------
def test_one_who_never_goes_on_after_his_cookie_fills_only_his_own_quota(lab: Lab) -> None:
    """libreswan CVE-2016-5361."""
    field = Field(lab)
    for _ in range(60):
        request = init()
        field.attacker.send(udp(request))
        time.sleep(0.002)
        for answer in field.attacker.answers():
            asked = next((c for c in [cookie_of(answer)] if c), b"")
            if asked:
                header = parse_header(request)
                field.attacker.send(udp(with_cookie(request, asked)))
                assert header.initiator_spi == request[:8]
    time.sleep(0.5)
    assert len(field.attacker.answers()) <= 60
    assert field.half_open <= 20
    field.holds()
    field.attacker.close()
