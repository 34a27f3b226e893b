"""Recorded IKEv1 conversations (vectors/README.md), and their secrets by RFC 2409's formulas.

Nothing of the code under test is used here: the formulas are written out with the standard library.
"""

import hashlib
import hmac
import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import Any, Final

from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

FILES: Final = sorted((Path(__file__).parent / "vectors").glob("*.json"))

HEADER: Final = 28
SA, KE, ID, HASH, NONCE, FRAGMENT = 1, 4, 5, 8, 10, 132
QUICK: Final = 32
_ENCRYPTED: Final = 0x01


@dataclass(frozen=True)
class Said:
    """One message: ``iv`` is that of its first block, ``hash`` what its HASH payload has to hold.

    Both are empty where there are none: in the clear, and in a main mode that has no keys yet.
    """

    sender: str  # "initiator" or "responder", of phase 1
    datagrams: tuple[bytes, ...]  # more than one: Cisco fragments
    iv: bytes
    hash: bytes

    @property
    def raw(self) -> bytes:
        """The message in one piece."""
        if self.datagrams[0][16] != FRAGMENT:
            return self.datagrams[0]
        return b"".join(one[HEADER + 8 :] for one in self.datagrams)

    @property
    def exchange(self) -> int:
        """The exchange type."""
        return self.raw[18]

    @property
    def message_id(self) -> bytes:
        """The message ID as it stands in the header."""
        return self.raw[20:24]

    @property
    def is_encrypted(self) -> bool:
        """Tell whether the E flag is set."""
        return bool(self.raw[19] & _ENCRYPTED)


@dataclass(frozen=True)
class Child:
    """One quick mode's keys; its initiator's SPI protects what the responder sends."""

    message_id: int
    shared: bytes  # empty without PFS
    spi_i: bytes
    spi_r: bytes
    keymat_i: bytes  # of the SPI that the initiator chose
    keymat_r: bytes


class Recording:
    """One file."""

    def __init__(self, path: Path) -> None:
        told: dict[str, Any] = json.loads(path.read_text())
        self.mode: str = told["mode"]
        self.ike: str = told["ike"]
        self.esp: str = told["esp"]
        self.psk = told["psk"].encode()
        self.keys = {name: bytes.fromhex(text) for name, text in told["keys"].items()}
        self.messages = [
            Said(
                one["from"],
                tuple(map(bytes.fromhex, one["datagrams"])),
                bytes.fromhex(one.get("iv", "")),
                bytes.fromhex(one.get("hash", "")),
            )
            for one in told["messages"]
        ]
        self.children = [
            Child(one["message_id"], *(bytes.fromhex(one[name]) for name in
                  ("shared", "spi_i", "spi_r", "keymat_i", "keymat_r")))
            for one in told["children"]
        ]  # fmt: skip

    def quick(self, child: Child) -> list[Said]:
        """Return the three messages of the quick mode that made this child."""
        found = [one for one in self.messages if one.exchange == QUICK]
        return [one for one in found if int.from_bytes(one.message_id) == child.message_id]

    @property
    def cookies(self) -> tuple[bytes, bytes]:
        """Both cookies, the initiator's first."""
        raw = self.messages[1].raw
        return raw[:8], raw[8:16]


class ByHand:
    """RFC 2409 section 5 and appendix B, with the payloads of one recording."""

    def __init__(self, recording: Recording) -> None:
        self._recording = recording
        encr, digest, _ = recording.ike.split("-")
        self._digest = "sha1" if digest == "sha1" else digest
        self._encr = encr
        self.block = 8 if "des" in encr else 16
        clear = [one for one in recording.messages if not one.is_encrypted]
        bodies = {
            (one.sender, kind): body
            for one in clear
            for kind, body in chain(one.raw[16], one.raw[HEADER:])
        }
        self.nonces = bodies["initiator", NONCE], bodies["responder", NONCE]
        self.publics = bodies["initiator", KE], bodies["responder", KE]
        self.sa = bodies["initiator", SA]
        self._bodies = bodies
        cky_i, cky_r = recording.cookies
        shared = recording.keys["shared"]
        self.skeyid = self.prf(recording.psk, *self.nonces)
        self.skeyid_d = self.prf(self.skeyid, shared, cky_i, cky_r, b"\0")
        self.skeyid_a = self.prf(self.skeyid, self.skeyid_d, shared, cky_i, cky_r, b"\1")
        self.skeyid_e = self.prf(self.skeyid, self.skeyid_a, shared, cky_i, cky_r, b"\2")
        self.ka = self._expanded(self.skeyid_e, {"des": 8, "3des": 24}.get(encr))
        self.iv = hashlib.new(self._digest, b"".join(self.publics)).digest()[: self.block]

    def prf(self, key: bytes, *parts: bytes) -> bytes:
        """Return the negotiated HMAC of all parts in a row."""
        return hmac.digest(key, b"".join(parts), self._digest)

    def phase_2_iv(self, last_block: bytes, message_id: bytes) -> bytes:
        """Return the first IV of an exchange under phase 1 (appendix B)."""
        return hashlib.new(self._digest, last_block + message_id).digest()[: self.block]

    def hash_1(self, sender: str, identity: bytes) -> bytes:
        """Return HASH_I or HASH_R (section 5)."""
        order = 1 if sender == "initiator" else -1
        cookies = self._recording.cookies
        both = (*self.publics[::order], *cookies[::order])
        return self.prf(self.skeyid, *both, self.sa, identity)

    def identity(self, sender: str) -> bytes:
        """Return an identification payload that came in the clear (aggressive mode)."""
        return self._bodies[sender, ID]

    def keymat(self, octets: int, protocol: int, spi: bytes, shared: bytes,
               nonces: tuple[bytes, bytes]) -> bytes:  # fmt: skip
        """Return the keys of an SA (section 5.5)."""
        seed = shared + bytes([protocol]) + spi + b"".join(nonces)
        found = block = self.prf(self.skeyid_d, seed)
        while len(found) < octets:
            block = self.prf(self.skeyid_d, block, seed)
            found += block
        return found[:octets]

    def decrypt(self, said: Said) -> bytes:
        """Return an encrypted message's payloads with its padding."""
        algorithm: Any = algorithms.AES(self.ka) if "aes" in self._encr else self._des()
        opener = Cipher(algorithm, modes.CBC(said.iv)).decryptor()
        return opener.update(said.raw[HEADER:]) + opener.finalize()

    def payloads(self, said: Said) -> list[tuple[int, bytes]]:
        """Return a message's payload types and bodies."""
        octets = self.decrypt(said) if said.is_encrypted else said.raw[HEADER:]
        return list(chain(said.raw[16], octets))

    def after_first(self, said: Said) -> bytes:
        """Return what HASH(1) and HASH(2) cover: all payloads but the first, without padding."""
        octets = self.decrypt(said)
        first, *others = chain(said.raw[16], octets)
        return octets[4 + len(first[1]) :][: sum(4 + len(body) for _, body in others)]

    def _des(self) -> TripleDES:
        return TripleDES(self.ka * 3 if self._encr == "des" else self.ka)

    def _expanded(self, key: bytes, octets: int | None) -> bytes:
        octets = octets or int("".join(takewhile(str.isdigit, self._encr[3:]))) // 8
        found = key
        if len(key) < octets:
            found = block = self.prf(key, b"\0")
            while len(found) < octets:
                block = self.prf(key, block)
                found += block
        return found[:octets]


def chain(first: int, octets: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the payloads of a chain (RFC 2408 section 3.2): type and body."""
    kind, at = first, 0
    while kind:
        length = int.from_bytes(octets[at + 2 : at + 4])
        yield kind, octets[at + 4 : at + length]
        kind, at = octets[at], at + length
