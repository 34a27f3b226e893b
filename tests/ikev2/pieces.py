"""Fragments as a peer makes them, in order or not, and what hears them."""

from collections.abc import Sequence

from ikev2.fragments import Reassembly, open_fragment, seal_fragment, seal_within
from ikev2.message import Exchange, Header, Message, parse_header
from ikev2.payloads.delete import Delete
from ikev2.payloads.notify import Notify
from ikev2.payloads.vendor import VendorId
from suites.encr import ENCR_BY_NAME, sealer
from suites.integ import INTEG_BY_NAME
from suites.sealers import Sealer

AUTH = Header(b"initiato", b"responde", Exchange.IKE_AUTH, 1, from_initiator=True, response=False)
SUITES = (
    ("aes128gcm16", ""),
    ("chacha20poly1305", ""),
    ("aes128", "sha1"),
    ("aes256", "sha256"),
    ("aes192", "sha512"),
    ("3des", "md5"),
    ("des", "sha384"),
)
SAID = (Notify(16384), VendorId(bytes(range(250)) * 4), Delete(3, (256, 257)))  # 1028 octets


def suite(encr: str, integ: str) -> Sealer:
    row = ENCR_BY_NAME[encr]
    if not integ:
        return sealer(row, bytes(row.keymat))
    mac = INTEG_BY_NAME[integ]
    return sealer(row, bytes(row.keymat), mac, bytes(mac.key))


KEYS = suite("aes128gcm16", "")


def sealed(room: int = 400, header: Header = AUTH) -> tuple[bytes, ...]:
    return seal_within(header, SAID, KEYS, 1, room)


def part(
    number: int,
    total: int,
    content: bytes = b"",
    *,
    first: int = 0,
    header: Header = AUTH,
) -> bytes:
    """Return a fragment as only the peer can make it, in order or not."""
    return seal_fragment(header, (number, total), first, content, KEYS, number)


def hear(
    queue: Reassembly, datagrams: Sequence[bytes], now: float = 0.0, keys: Sealer = KEYS
) -> list[Message]:
    """Return the messages that became whole."""
    found = []
    for datagram in datagrams:
        message = queue.add(open_fragment(datagram, parse_header(datagram), keys), now)
        if message is not None:
            found.append(message)
    return found
