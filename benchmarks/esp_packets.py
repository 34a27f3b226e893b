"""Microseconds to seal and open one ESP packet, beside the bare cipher calls in it."""

import os
import time
from collections.abc import Callable
from typing import Final, TypeAlias

from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.ciphers import BlockCipherAlgorithm, Cipher, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305
from cryptography.hazmat.primitives.ciphers.algorithms import AES

from benchmarks.table import Cell, Table, Tell
from esp.child import ChildSa
from esp.counters import Counters
from esp.engine import Engine
from esp.sa import InboundSa, OutboundSa
from policy.path import Path
from policy.selectors import TrafficSelector
from policy.spd import Action, Policy, SelectorPair, Spd
from suites.encr import ENCR, ENCR_BY_NAME, Encr, sealer
from suites.integ import INTEG, INTEG_BY_NAME, Integ

Work: TypeAlias = Callable[[], object]

_SIZES: Final = (64, 512, 1400)
_SAMPLE: Final = 0.02  # seconds
_BATCH: Final = 64
_IPV4: Final = 4
_COMBINED: Final[dict[str, type[AESGCM | ChaCha20Poly1305]]] = {
    "aes128gcm16": AESGCM,
    "aes192gcm16": AESGCM,
    "aes256gcm16": AESGCM,
    "chacha20poly1305": ChaCha20Poly1305,
}
_BLOCK: Final[dict[str, Callable[[bytes], BlockCipherAlgorithm]]] = {
    "aes128": AES,
    "aes192": AES,
    "aes256": AES,
    "3des": TripleDES,
    "des": lambda key: TripleDES(key * 3),
}
_ROWS: Final = (
    *((row, None if row.is_aead else INTEG_BY_NAME["sha256"]) for row in ENCR),
    *((ENCR_BY_NAME["aes128"], one) for one in INTEG if one.is_for_esp and one.name != "sha256"),
)


def run(rounds: int, tell: Tell) -> Table:
    """Measure each transform and size once a round, ours and the bare calls in turn."""
    works: dict[str, list[tuple[int, Work | None]]] = {}
    for row, integ in _ROWS:
        name = row.name if integ is None else f"{row.name}-{integ.name}"
        works[name] = []
        for size in _SIZES:
            works[name] += [(1, _ours(row, integ, size)), (1, _bare(row, integ, size))]
    gcm = next(row for row in ENCR if row.name == "aes128gcm16")
    works["engine, aes128gcm16"] = []
    for size in _SIZES:
        works["engine, aes128gcm16"] += [(_BATCH, _engine(gcm, size)), (1, _bare(gcm, None, size))]
    samples = {name: [list[float]() for _ in row] for name, row in works.items()}
    for number in range(rounds):
        for name, row_works in works.items():
            tell(f"round {number + 1} of {rounds}, {name}")
            for found, (packets, work) in zip(samples[name], row_works, strict=True):
                if work is not None:
                    found.append(_microseconds(work) / packets)
    return Table(
        "esp_packets",
        "Seal and open one ESP packet, µs",
        tuple(f"{size} B{bare}" for size in _SIZES for bare in ("", ", bare")),
        {name: tuple(Cell(tuple(one), 2) for one in row) for name, row in samples.items()},
        (
            "Sizes are those of the inner IP packet.  Bare: only the library's cipher and MAC "
            "calls on as many octets, with contexts that live as long as the SA.",
            f"Engine: batches of {_BATCH} through policy, flow memory, replay window and "
            "selectors, both ways.",
        ),
    )


def _microseconds(work: Work) -> float:
    """Return CPU microseconds of one call."""
    count = 1
    while True:
        began = time.process_time_ns()
        for _ in range(count):
            work()
        took = time.process_time_ns() - began
        if took >= _SAMPLE * 1e9:
            return took / 1e3 / count
        count = count * 2 if took < _SAMPLE * 1e8 else int(count * _SAMPLE * 1.1e9 / took) + 1


def _ours(row: Encr, integ: Integ | None, size: int) -> Work:
    """Return what seals a packet and opens it again."""
    key, integ_key = os.urandom(row.keymat), os.urandom(integ.key) if integ else b""
    protect = OutboundSa(0x1000, sealer(row, key, integ, integ_key)).protect
    unprotect = InboundSa(0x1000, sealer(row, key, integ, integ_key)).unprotect
    packet = os.urandom(size)

    def work() -> None:
        unprotect(protect(packet, _IPV4))

    return work


def _bare(row: Encr, integ: Integ | None, size: int) -> Work | None:
    """Return the library's calls that no implementation can do without, where it has them."""
    combined, block = _COMBINED.get(row.name), _BLOCK.get(row.name)
    align = max(4, row.block)
    plain = os.urandom(size + 2 + -(size + 2) % align)
    key, header = os.urandom(row.key), bytes(8)
    if combined is not None:
        made = combined(key)
        encrypt, decrypt, nonce = made.encrypt, made.decrypt, bytes(12)

        def both() -> None:
            decrypt(nonce, encrypt(nonce, plain, header), header)

        return both
    if block is None or integ is None:
        return None
    cipher = block(key)
    iv = bytes(cipher.block_size // 8)
    seal = Cipher(cipher, modes.CBC(iv)).encryptor().update
    unseal = Cipher(cipher, modes.CBC(iv)).decryptor().update
    keyed = integ.mac(os.urandom(integ.key))

    def separate() -> None:
        sealed = seal(plain)
        for _ in range(2):
            mac = keyed.copy()
            mac.update(sealed)
            mac.finalize()
        unseal(sealed)

    return separate


def _engine(row: Encr, size: int) -> Work:
    """Return what carries a batch from one gateway's TUN device to the other's."""
    ours, theirs = (
        TrafficSelector.from_cidr("10.1.0.0/24"),
        TrafficSelector.from_cidr("10.2.0.0/24"),
    )
    path = Path(("10.99.0.1", 4500), ("10.99.0.2", 4500), encapsulated=True)
    key = os.urandom(row.keymat)
    ends = [
        ChildSa(
            "net",
            OutboundSa(0x1000, sealer(row, key)),
            InboundSa(0x1000, sealer(row, key)),
            end,
            (local,),
            (remote,),
            1400,
        )
        for end, local, remote in ((path, ours, theirs), (path.reversed, theirs, ours))
    ]
    policy = Policy("net", Action.PROTECT, (SelectorPair(ours, theirs),), "net")
    moon, sun = Engine(Spd((policy,)), Counters()), Engine(Spd(), Counters())
    moon.install(ends[0])
    sun.install(ends[1])
    packets = [_udp(size) for _ in range(_BATCH)]
    source = path.local

    def work() -> None:
        sealed = moon.seal_batch(packets).sealed
        opened = sun.open_batch([(data, source) for _, data, _ in sealed]).inner
        if len(opened) != _BATCH:
            raise RuntimeError(f"{_BATCH - len(opened)} packets were lost in memory")

    return work


def _udp(size: int) -> bytes:
    """Return an IPv4 packet of ``size`` octets with UDP inside, checksums left 0."""
    ip = bytes((0x45, 0)) + size.to_bytes(2, "big") + bytes(4) + bytes((64, 17, 0, 0))
    udp = (9).to_bytes(2, "big") * 2 + (size - 20).to_bytes(2, "big") + bytes(2)
    return ip + bytes((10, 1, 0, 1, 10, 2, 0, 1)) + udp + bytes(size - 28)
