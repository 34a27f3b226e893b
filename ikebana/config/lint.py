"""What works and is unwise: weak algorithms, weak keys, keys that everybody can read."""

from collections.abc import Iterator, Sequence

from ikebana.config.access import User
from ikebana.config.connection import Connection
from ikebana.config.cross import Numbered
from ikebana.config.crypto import IkeSettings, IpsecSettings
from ikebana.config.gateway import Gateway
from ikebana.config.legacy import legacy_warnings
from ikebana.config.origin import origin
from ikebana.config.policies import policy_warnings
from ikebana.config.problems import Loc, Refusal
from ikebana.config.psk import SHORT, WEAK_BITS, Psk, PskKind, entropy_bits
from suites.keywords import lookup
from suites.status import NON_STANDARD, Status, is_standard

_AGREED = "aes256gcm16, or aes256 with sha256, unless the peer insists"
_WORDS = {Status.LEGACY: "weak", Status.BROKEN: "broken"}


def lint(
    gateway: Gateway, numbered: Numbered, users: Sequence[User] = (), *, is_exposed: bool
) -> Iterator[Refusal]:
    """Find what deserves a warning; ``is_exposed``: every user can read the file itself."""
    if gateway.lab.allow_short_lifetimes:
        yield Refusal(
            ("gateway", "lab", "allow_short_lifetimes"),
            "lifetimes of a few seconds are for tests",
            "take it out of the file of a gateway in service",
        )
    yield from policy_warnings(gateway.policies)
    for at, user in enumerate(users):
        for warning in _readable(user.password, "password", is_exposed=is_exposed):
            yield Refusal(("user", at, "password"), warning.message, warning.hint)
    for at, one in numbered:
        root: Loc = ("connection", at)
        for warning in legacy_warnings(one):
            yield Refusal((*root, *warning.loc), warning.message, warning.hint)
        for name, settings in (("ike", one.ike), ("ipsec", one.ipsec)):
            yield from _weak(one, name, settings, root)
        if one.ipsec.protocol == "ah":
            yield Refusal(
                (*root, "ipsec", "protocol"),
                "AH does not encrypt: who is on the way can read everything",
                "esp, unless that is what you want",
            )
        if not one.packets.replay_window:
            yield Refusal(
                (*root, "packets", "replay_window"),
                "replays are not looked for: who is on the way can send packets again",
                "a number of 32 to 4096, unless the peer cannot keep to one",
            )
        for warning in _psk(one.psk, is_exposed=is_exposed):
            yield Refusal((*root, "psk"), warning.message, warning.hint)
        if one.xauth.password is not None:
            for warning in _readable(one.xauth.password, "password", is_exposed=is_exposed):
                yield Refusal((*root, "xauth", "password"), warning.message, warning.hint)


def _weak(
    one: Connection, name: str, settings: IkeSettings | IpsecSettings, root: Loc
) -> Iterator[Refusal]:
    seen: set[str] = set()
    for index, text in enumerate(settings.keywords(one.preset)):
        for word in filter(None, text.lower().split("-")):
            row = lookup(word)
            if row is None or row.name in seen:
                continue
            seen.add(row.name)
            place = (*root, *origin(name, settings, index, row.name))
            if not is_standard(row.iana):
                yield Refusal(place, f"{row.name} is {NON_STANDARD}", _AGREED)
            if row.status in _WORDS:
                yield Refusal(
                    place,
                    f"{row.name} is {_WORDS[row.status]} cryptography",
                    f"use {row.instead} instead" if row.instead else "use another",
                )


def _psk(psk: Psk, *, is_exposed: bool) -> Iterator[Refusal]:
    size = len(psk.secret)
    if size < SHORT:
        yield Refusal(
            (), f"the PSK has {size} octets, fewer than {SHORT}", "take 32 random characters"
        )
    elif entropy_bits(psk.secret) < WEAK_BITS:
        yield Refusal(
            (),
            "PSK entropy warning: it can be guessed off line by who answers in the peer's place",
            "take 32 random characters",
        )
    yield from _readable(psk, "PSK", is_exposed=is_exposed)
    value = psk.secret.reveal()
    if psk.kind is PskKind.TEXT and (len(value) > 128 or any(not 32 < one < 127 for one in value)):
        yield Refusal(
            (),
            "other gateways take only 1-128 printable ASCII characters without spaces as a PSK",
            "fine as long as the peer accepts the same key",
        )


def _readable(secret: Psk, what: str, *, is_exposed: bool) -> Iterator[Refusal]:
    if secret.kind is PskKind.FILE and secret.exposed:
        yield Refusal((), f"every user of this host can read the {what} file", "chmod 600")
    if secret.kind.is_inline and is_exposed:
        yield Refusal(
            (),
            f"the {what} stands in a file that every user of this host can read",
            f'chmod 600, or {what.lower()} = {{ file = "…" }}',
        )
