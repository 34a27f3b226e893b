"""An attacker on the wire before our gateway, and the gateway that he must not harm."""

import os
import random
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from ikebana.control.client import Client
from ikebana.control.view import ConnectionView, StatusView
from ikecore.identities import Identity
from ikecore.keywords import parse_proposal
from ikecore.proposals import Protocol, choose
from ikev2.keys import derive_ike_keys
from ikev2.message import (
    Exchange,
    Header,
    build_init,
    parse_header,
    parse_init,
    seal_message,
)
from ikev2.payloads.auth import Authentication, AuthMethod
from ikev2.payloads.chain import Payload
from ikev2.payloads.ident import IdInitiator
from ikev2.payloads.ke import KeyExchangeData
from ikev2.payloads.nonce import Nonce
from ikev2.payloads.notify import Notify
from ikev2.payloads.sa import SecurityAssociation
from ikev2.payloads.ts import SelectorsInitiator, SelectorsResponder
from ikev2.payloads.types import NotifyType
from policy.selectors import TrafficSelector
from suites.encr import ENCR_BY_NAME, sealer
from suites.integ import INTEG_BY_NAME
from suites.kex import GROUP_BY_NAME
from tests.interop.duo import IKE, connection_toml, gateway_toml
from tests.lab.ikebana import Gateway
from tests.lab.topology import Lab, LabError, wait_for

A, B = "10.99.0.1", "10.99.0.2"
HOST_A, HOST_B = "10.1.0.2", "10.2.0.2"
NO_SPI: Final = bytes(8)
MARKER: Final = bytes(4)
ESP, UDP, ICMP = 50, 17, 1
SECONDS = 1.0  # how long a flood lasts
A_SECOND = 10_000  # its packets
GROWTH = 10_000  # kB of memory that a flood may cost
LOG = 20_000  # octets
AT_ONCE = 50
_OUTGOING: Final = 4  # packet(7)
DICE = random.Random(1)  # noqa: S311 - repeatable on purpose


# -- packets -----------------------------------------------------------------------------------
def checksum(octets: bytes) -> bytes:
    total = sum(struct.unpack(f"!{len(octets) // 2}H", octets))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return (0xFFFF - int(total)).to_bytes(2, "big")


def ip(
    body: bytes,
    *,
    source: str = B,
    target: str = A,
    proto: int = UDP,
    flags: int = 0,
    ident: int = 0,
) -> bytes:
    """Return an IPv4 packet."""
    ends = socket.inet_aton(source) + socket.inet_aton(target)
    size = 20 + len(body)
    head = struct.pack("!BBHHHBBH8s", 0x45, 0, size, ident, flags, 64, proto, 0, ends)
    return head[:10] + checksum(head) + head[12:] + body


def udp(data: bytes, *, source: str = B, port: int = 500, sport: int = 0, **more: Any) -> bytes:
    """Return a UDP datagram to a port of A, from the same port unless told otherwise."""
    head = struct.pack("!HHHH", sport or port, port, 8 + len(data), 0)
    return ip(head + data, source=source, **more)


def icmp_error(about: bytes, kind: int, code: int, word: int = 0) -> bytes:
    """Return an ICMP error that pretends to be about a packet of A's."""
    body = struct.pack("!BBHI", kind, code, 0, word) + about
    return ip(body[:2] + checksum(body) + body[4:], proto=ICMP)


def init(
    ike: str = IKE, extra: Sequence[Payload] = (), public: bytes = b"", spi: bytes = b""
) -> bytes:
    """Return an IKE_SA_INIT request with an SPI of its own, by default one that A accepts."""
    header = Header(spi or DICE.randbytes(8), NO_SPI, Exchange.IKE_SA_INIT, 0, True, False)
    offer = replace(parse_proposal(ike, Protocol.IKE), number=1)
    key = KeyExchangeData(31, public or _PUBLIC)
    return build_init(
        header, (SecurityAssociation((offer,)), key, Nonce(DICE.randbytes(32)), *extra)
    )


_PUBLIC: Final = GROUP_BY_NAME["x25519"].generate().public


def anywhere() -> str:
    """Return an address on the wire that nobody has."""
    return f"10.99.{DICE.randrange(1, 250)}.{DICE.randrange(1, 255)}"


# -- the attacker ------------------------------------------------------------------------------
class Attacker:
    """Raw packets to A from B's place, and what A sends back."""

    def __init__(self, lab: Lab) -> None:
        with lab["gb"].enter():
            self._out = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
            self._back = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0800))
            self._back.bind(("wan", 0x0800))
            self._back.setsockopt(socket.SOL_SOCKET, 33, 16 << 20)  # SO_RCVBUFFORCE
            self._back.setblocking(False)

    def send(self, packet: bytes) -> None:
        self._out.sendto(packet, (A, 0))

    def flood(
        self, packets: Callable[[], bytes], seconds: float = SECONDS, a_second: int = A_SECOND
    ) -> int:
        """Send for a while; return how many."""
        began = time.monotonic()
        sent = 0
        while (passed := time.monotonic() - began) < seconds:
            while sent < passed * a_second:
                self.send(packets())
                sent += 1
            time.sleep(0.001)
        return sent

    def answers(self) -> list[bytes]:
        """Return the UDP payloads that A has sent since the last call."""
        found: list[bytes] = []
        while True:
            try:
                frame, where = self._back.recvfrom(65535)
            except BlockingIOError:
                return found
            ours = where[2] != _OUTGOING and frame[26:30] == socket.inet_aton(A)
            if ours and frame[23] == UDP and struct.unpack("!H", frame[34:36])[0] in (500, 4500):
                found.append(frame[42 : 34 + struct.unpack("!H", frame[38:40])[0]])

    @contextmanager
    def flooding(self, packets: Callable[[], bytes], a_second: int = A_SECOND) -> Iterator[None]:
        """Send from a process of its own until the block ends."""
        pid = os.fork()
        if not pid:
            try:
                self.flood(packets, 60, a_second)
            finally:
                os._exit(0)
        try:
            yield
        finally:
            os.kill(pid, 9)
            os.waitpid(pid, 0)

    def close(self) -> None:
        self._out.close()
        self._back.close()


class Field:
    """Two gateways with their tunnel up, somebody between them, and what must not change."""

    def __init__(self, lab: Lab, argv: tuple[str, ...] = (), **settings: Any) -> None:
        self.lab = lab
        lab["ga"].route("default", via=B)  # answers to addresses made up leave, too
        limits = settings.pop("limits", None)
        self.a, self.b = (
            Gateway(
                lab,
                side,
                gateway_toml(
                    lab, connection_toml(lab, side=side, **settings), side=side, limits=limits
                ),
                *(argv if side == "ga" else ()),
            )
            for side in ("ga", "gb")
        )
        code, output, errors = self.b.cli("up", "net")
        assert code == 0, output + errors
        self.attacker = Attacker(lab)
        self._clients = {g.name: Client(str(g.control)) for g in (self.a, self.b)}
        lab.ping("ca", HOST_B, 1)  # neighbours are found, first packets made
        self.note()

    @contextmanager
    def race(self) -> Iterator[Callable[[], int]]:
        """Answer each of A's requests with all :data:`REFUSALS`; yields what counts them."""
        over = threading.Event()
        forged = []

        def answer() -> None:
            while not over.wait(0.0005):
                for data in self.attacker.answers():
                    header = parse_header(data)
                    if header.response:
                        continue
                    back = replace(header, from_initiator=False, response=True)
                    for notify in REFUSALS:
                        self.attacker.send(udp(build_init(back, (notify,))))
                        forged.append(notify)

        thread = threading.Thread(target=answer)
        thread.start()
        try:
            yield lambda: len(forged)
        finally:
            over.set()
            thread.join()

    def note(self) -> None:
        """Take the present state for the one to hold."""
        self.attacker.answers()
        self._before = [(g.pids, memory(g), len(g.log), self.drops(g)) for g in (self.a, self.b)]

    def status(self, gateway: Gateway) -> StatusView:
        return self._clients[gateway.name].status()

    def drops(self, gateway: Gateway) -> dict[str, int]:
        return dict(self.status(gateway).gateway.drops)

    @property
    def half_open(self) -> int:
        return self.status(self.a).gateway.half_open

    @property
    def view(self) -> ConnectionView:
        return self.status(self.b).connections[0]

    def dropped(self, *reasons: str) -> int:
        """Return how many packets A has dropped for these reasons since :meth:`note`."""
        before, now = self._before[0][3], self.drops(self.a)
        return sum(now.get(one, 0) - before.get(one, 0) for one in reasons)

    def wait_dropped(self, count: int, *reasons: str) -> None:
        try:
            wait_for(lambda: self.dropped(*reasons) >= count, 5, f"{count} dropped for {reasons}")
        except LabError as error:
            raise LabError(f"{error}: {self._before[0][3]}, now {self.drops(self.a)}") from error

    def holds(self, log: int = LOG, growth: int = GROWTH) -> None:
        """Assert that nothing was harmed."""
        assert self.lab.ping("ca", HOST_B, 20, 0.005) == 0
        for gateway, (pids, kilobytes, length, _) in zip(
            (self.a, self.b), self._before, strict=True
        ):
            assert gateway.pids == pids, gateway.log
            status = self.status(gateway)
            assert status.gateway.worker.restarts == 0
            assert memory(gateway) - kilobytes < growth
            assert len(gateway.log) - length < log, gateway.log[length:][:2000]
            assert "Traceback" not in gateway.log
            assert status.connections[0].state == "connected"


def memory(gateway: Gateway) -> int:
    """Return the resident kilobytes of daemon and workers."""
    total = 0
    for pid in gateway.pids:
        found = Path(f"/proc/{pid}/status").read_text().split("VmRSS:")[1]
        total += int(found.split()[0])
    return total


REFUSALS: Final = (
    Notify(NotifyType.NO_PROPOSAL_CHOSEN),
    Notify(NotifyType.INVALID_KE_PAYLOAD, b"\0\x0e"),
    Notify(NotifyType.AUTHENTICATION_FAILED),
    Notify(NotifyType.INVALID_SYNTAX),
)


class Peer:
    """Speak as B in B's place, with the keys that A has logged."""

    def __init__(self, field: Field, folder: Path) -> None:
        line = (folder / "ikev2_decryption_table").read_text().splitlines()[-1].split(",")
        self._spis = bytes.fromhex(line[0]), bytes.fromhex(line[1])
        assert self._spis[0].hex() == field.view.initiator_spi
        integ = INTEG_BY_NAME["sha256"]
        self._sealer = sealer(
            ENCR_BY_NAME["aes128"], bytes.fromhex(line[2]), integ, bytes.fromhex(line[5])
        )
        self._next = 2  # after IKE_SA_INIT and IKE_AUTH
        self._field = field

    def say(self, *payloads: Payload, exchange: Exchange = Exchange.INFORMATIONAL) -> bytes:
        """Send a request, return A's answer."""
        header = Header(*self._spis, exchange, self._next, True, False)
        self._next += 1
        data = seal_message(header, payloads, self._sealer, self._next)
        self._field.attacker.answers()
        self._field.attacker.send(udp(MARKER + data, port=4500))
        heard: list[bytes] = []

        def answered() -> bool:
            heard.extend(self._field.attacker.answers())
            return any(is_answer(one) for one in heard)

        wait_for(answered, 3, "an answer")
        return next(one for one in heard if is_answer(one))[4:]


def is_answer(data: bytes) -> bool:
    return data[:4] == MARKER and parse_header(data[4:]).response


def fail_at_auth(attacker: Attacker) -> bool:
    """Do an IKE_SA_INIT, bring a cookie if asked to, and send an IKE_AUTH with a wrong key."""
    key = GROUP_BY_NAME["x25519"].generate()
    request = init(public=key.public)
    attacker.answers()
    for _ in range(2):
        attacker.send(udp(request))
        heard: list[bytes] = []
        end = time.monotonic() + 0.5
        while not heard and time.monotonic() < end:
            heard = [one for one in attacker.answers() if one[:8] == request[:8]]
        if not heard:
            return False
        asked = cookie_of(heard[0])
        if not asked:
            break
        request = with_cookie(request, asked)
    answer = parse_init(heard[0], parse_header(heard[0]))
    theirs, chosen = answer.one(KeyExchangeData), answer.one(SecurityAssociation)
    nonce, asking = answer.one(Nonce), parse_init(request, parse_header(request)).one(Nonce)
    assert theirs is not None
    assert chosen is not None
    assert nonce is not None
    assert asking is not None
    settled = choose(chosen.proposals, chosen.proposals)
    assert settled is not None
    spis = answer.header.initiator_spi, answer.header.responder_spi
    keys = derive_ike_keys(
        settled[0], key.shared(theirs.data), (asking.data, nonce.data), spis, initiator=True
    )
    esp = replace(parse_proposal("aes128gcm16", Protocol.ESP), spi=b"\0\1\0\0", number=1)
    header = Header(*spis, Exchange.IKE_AUTH, 1, True, False)
    words = (
        IdInitiator(Identity.parse("gb.lab")),
        Authentication(AuthMethod.SHARED_KEY, bytes(32)),
        SecurityAssociation((esp,)),
        SelectorsInitiator((TrafficSelector.from_cidr("10.2.0.0/24"),)),
        SelectorsResponder((TrafficSelector.from_cidr("10.1.0.0/24"),)),
    )
    attacker.send(udp(seal_message(header, words, keys.outbound, 1)))
    return True


def cookie_of(answer: bytes) -> bytes:
    """Return the cookie that an answer asks for, empty if it asks for none."""
    kind = struct.unpack("!H", answer[34:36])[0] if len(answer) > 36 else 0
    return answer[36:] if answer[16] == 41 and kind == NotifyType.COOKIE else b""


def with_cookie(request: bytes, cookie: bytes) -> bytes:
    """Return an IKE_SA_INIT request once more, after the cookie."""
    notify = struct.pack("!BBHBBH", request[16], 0, 8 + len(cookie), 0, 0, NotifyType.COOKIE)
    head = request[:16] + b"\x29" + request[17:24]
    size = len(request) + len(notify) + len(cookie)
    return head + struct.pack("!I", size) + notify + cookie + request[28:]


def datagrams(pcap: Path) -> list[bytes]:
    """Return the payloads of the UDP datagrams (of other packets: all behind the address part)."""
    octets = pcap.read_bytes()
    found, at = [], 24
    while at < len(octets):
        (size,) = struct.unpack_from("<I", octets, at + 8)
        found.append(octets[at + 16 + 42 : at + 16 + size])
        at += 16 + size
    return found
