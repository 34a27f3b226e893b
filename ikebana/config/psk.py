"""Pre-shared keys: where one comes from, and its octets, which nothing here ever shows."""

import base64
import binascii
import math
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import PlainSerializer, PlainValidator, ValidationInfo

from ikebana.config.problems import clean, refuse
from suites.secret import Secret

LONGEST_PSK: Final = 256
SHORT: Final = 8
WEAK_BITS: Final = 64.0
_COMMON: Final = ("password", "passw0rd", "secret", "123456", "qwerty", "letmein", "ipsec", "vpn")


class PskKind(StrEnum):
    """How the file names the key."""

    TEXT = "text"
    FILE = "file"
    ENV = "env"
    HEX = "hex"
    BASE64 = "base64"

    @property
    def is_inline(self) -> bool:
        """Tell whether the key itself stands in the configuration."""
        return self not in (PskKind.FILE, PskKind.ENV)


@dataclass(frozen=True, slots=True)
class Psk:
    """A pre-shared key and where it came from.  ``where`` is a file or a variable, never the key.

    ``exposed`` tells that its file may be read by every user of this host.
    """

    kind: PskKind
    secret: Secret
    where: str = ""
    exposed: bool = False

    def dumped(self) -> dict[str, str] | str:
        """Return what may be shown: the place, or that there is a key."""
        return "set" if self.kind.is_inline else {self.kind.value: self.where}


@dataclass(frozen=True, slots=True)
class Sources:
    """What a connection is read with: given to validation as context.

    References are resolved against ``folder`` and ``environ``; ``is_lab`` is
    ``gateway.lab.allow_short_lifetimes``; ``pools`` are the networks of address pools, by name.
    """

    folder: Path = field(default_factory=Path)
    environ: Mapping[str, str] = field(default_factory=dict, repr=False)
    is_lab: bool = False
    pools: Mapping[str, str] = field(default_factory=dict)


class Unreadable(OSError):
    """A file cannot be used; ``hint`` says what would do."""

    def __init__(self, what: str, hint: str = "") -> None:
        super().__init__(what)
        self.hint = hint


def read_bounded(path: Path, longest: int) -> tuple[bytes, int]:
    """Return a regular file's octets and its mode.  Raises :exc:`Unreadable`, never blocks."""
    try:
        # Without O_NONBLOCK opening a named pipe would wait for a writer.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        raise Unreadable("there is no such file", "check the path") from None
    except (OSError, ValueError) as why:  # ValueError: a NUL in the name
        raise Unreadable(_reason(why), "check the path and its permissions") from None
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise Unreadable("not a regular file", "name a file")
        with os.fdopen(os.dup(descriptor), "rb") as file:
            content = file.read(longest + 1)
    except Unreadable:
        raise
    except OSError as why:
        raise Unreadable(_reason(why), "check the file system") from None
    finally:
        os.close(descriptor)
    if len(content) > longest:
        raise Unreadable(f"longer than {longest} octets", "is it the right file?")
    return content, status.st_mode


def _reason(why: Exception) -> str:
    return (why.strerror or "cannot be read").lower() if isinstance(why, OSError) else "odd name"


def _psk(value: object, info: ValidationInfo) -> Psk:
    return _read(value, info, "pre-shared key")


def _password(value: object, info: ValidationInfo) -> Psk:
    return _read(value, info, "password")


def _read(value: object, info: ValidationInfo, what: str) -> Psk:
    if isinstance(value, Psk):
        return value
    if isinstance(value, str):
        return _sized(Psk(PskKind.TEXT, Secret(value.encode(errors="surrogatepass"))), what)
    kinds = ", ".join(kind.value for kind in PskKind if kind is not PskKind.TEXT)
    if not isinstance(value, dict) or len(value) != 1:
        raise refuse("must be a string or one reference", f"one of {{ {kinds} }} = text")
    word, where = next(iter(value.items()))
    if word not in set(PskKind) - {PskKind.TEXT} or not isinstance(where, str):
        raise refuse("must be a string or one reference", f"one of {{ {kinds} }} = text")
    sources = info.context if isinstance(info.context, Sources) else Sources()
    return _sized(_referred(PskKind(word), where, sources, what), what)


def _referred(kind: PskKind, where: str, sources: Sources, what: str) -> Psk:
    match kind:
        case PskKind.FILE:
            return _from_file(where, sources.folder, "PSK" if what != "password" else what)
        case PskKind.ENV:
            if where not in sources.environ:
                raise refuse(f"the environment has no {clean(where, 60)}", "set the variable")
            text = sources.environ[where]
            return Psk(kind, Secret(text.encode(errors="surrogateescape")), where)
        case PskKind.HEX:
            try:
                return Psk(kind, Secret(bytes.fromhex(where.removeprefix("0x"))))
            except ValueError:
                raise refuse("not hexadecimal", "two digits of 0-9 a-f an octet") from None
        case _:
            try:
                plain = where.removeprefix("0s")
                return Psk(kind, Secret(base64.b64decode(plain.encode(), validate=True)))
            except (binascii.Error, ValueError):
                raise refuse("not base64", "A-Z a-z 0-9 + / with = at the end") from None


def _from_file(where: str, folder: Path, what: str) -> Psk:
    shown = clean(where, 120)
    try:
        content, mode = read_bounded(folder / where, LONGEST_PSK + 2)
    except Unreadable as why:
        raise refuse(f"{what} file {shown}: {why}", why.hint) from None
    # an editor's newline is not part of the key; a second one is
    for newline in (b"\r\n", b"\n"):
        if content.endswith(newline):
            content = content[: -len(newline)]
            break
    return Psk(PskKind.FILE, Secret(content), where, exposed=bool(mode & stat.S_IROTH))


def _sized(psk: Psk, what: str) -> Psk:
    size = len(psk.secret)
    if size == 0:
        raise refuse(f"the {what} is empty", f"give it 1 to {LONGEST_PSK} octets")
    if size > LONGEST_PSK:
        raise refuse(f"the {what} has {size} octets", f"at most {LONGEST_PSK}")
    return psk


def entropy_bits(secret: Secret) -> float:
    """Estimate how many bits a guesser has to try: generous to random text, harsh to patterns.

    An attacker who answers in the gateway's place can try keys off line (RFC 7296 section 2.15
    warns of it), so a key has to resist that.
    """
    value = secret.reveal()
    lowered = value.lower()
    for word in _COMMON:
        lowered = lowered.replace(word.encode(), b"\0")  # a known word is worth one character
    pool = math.log2(max(2, _pool(value)))
    bits = 0.0
    for at, octet in enumerate(lowered):
        is_step = at > 0 and abs(octet - lowered[at - 1]) <= 1
        bits += 1.0 if is_step else pool
    pairs = {lowered[at : at + 2] for at in range(len(lowered))}
    return min(bits, len(pairs) * pool)  # what repeats itself says nothing new


def _pool(value: bytes) -> int:
    if any(octet < 32 or octet > 126 for octet in value):
        return 256
    classes = ((26, bytes.islower), (26, bytes.isupper), (10, bytes.isdigit))
    singles = {bytes((octet,)) for octet in value}
    sizes = [size for size, test in classes if any(map(test, singles))]
    return sum(sizes) + (0 if value.isalnum() else 33)


PskField = Annotated[
    Psk,
    PlainValidator(_psk),
    PlainSerializer(Psk.dumped, return_type=Any),
]
PasswordField = Annotated[
    Psk,
    PlainValidator(_password),
    PlainSerializer(Psk.dumped, return_type=Any),
]
