"""A scenario folder, read: ours.toml, the peer's configuration, and what is to happen.

The vocabulary is that of tests/interop/scenarios/README.md, no word more.
"""

import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Final

FOLDER: Final = Path(__file__).with_name("scenarios")
PEERS: Final = {"userspace": "swanctl.conf", "kernel": "swanctl.conf", "ours": "peer.toml"}
_SIDES: Final = ("ours", "peer")
_WHO: Final = (*_SIDES, "both")
_KINDS: Final = ("child", "ike")
_BETWEEN: Final = ("hosts", "gateways")
_CHANGES: Final = ("changed", "same")


class StoryError(ValueError):
    """A scenario says something that has no meaning; the text says where and what."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step: a verb and its words."""

    verb: str
    words: tuple[str, ...]

    def __str__(self) -> str:
        return " ".join((self.verb, *self.words))


def _one_of(*known: str) -> Callable[[str], bool]:
    return lambda word: word in known


def _matches(pattern: str) -> Callable[[str], bool]:
    return lambda word: re.fullmatch(pattern, word) is not None


_SIDE: Final = _one_of(*_SIDES)
_NUMBER: Final = _matches(r"\d+(\.\d+)?")
_ADDRESS: Final = _matches(r"[0-9a-f.:]+")

VERBS: Final[Mapping[str, tuple[Callable[[str], bool], ...]]] = {
    "up": (_SIDE,),
    "rekey": (_one_of(*_KINDS), _one_of(*_WHO)),
    "reauth": (_SIDE,),
    "delete": (_one_of(*_KINDS), _one_of(*_WHO)),
    "kill": (_SIDE,),
    "restart": (_SIDE,),
    "move": (_SIDE, _ADDRESS),
    "shift": (_SIDE, _ADDRESS),
    "largest": (_NUMBER,),
    "talk": (_NUMBER,),
    "wait": (_NUMBER,),
    "await": (_SIDE, _matches(r".+")),
}
"""Every verb of a step, with what its words may be."""


def read_step(text: str) -> Step:
    """Read a step.  Raises :exc:`StoryError`."""
    verb, *words = text.split()
    shape = VERBS.get(verb)
    if shape is None:
        raise StoryError(f"{text}: no such verb; there are {', '.join(VERBS)}")
    if verb == "await":
        words = [words[0], " ".join(words[1:])] if len(words) > 1 else words
    if len(words) != len(shape):
        raise StoryError(f"{text}: {verb} takes {len(shape)} words")
    for word, fits in zip(words, shape, strict=True):
        if not fits(word):
            raise StoryError(f"{text}: {word} has no meaning here")
    return Step(verb, tuple(words))


@dataclass(frozen=True, slots=True)
class After:
    """What holds when the last step is done and the dust has settled."""

    state: str = "connected"
    children: int = 1
    spis: str = ""  # of the children: "changed", "same"; empty: either
    ike_spis: str = ""
    view: Mapping[str, Any] = field(default_factory=dict)  # fields of our status
    child: Mapping[str, Any] = field(default_factory=dict)  # of each of our children
    ours_log: tuple[str, ...] = ()  # regular expressions, each found in the log
    peer_log: tuple[str, ...] = ()
    never_ours_log: tuple[str, ...] = ()
    never_peer_log: tuple[str, ...] = ()
    peer_sas: tuple[str, ...] = ()  # the same, of swanctl --list-sas
    wire: tuple[str, ...] = ()  # filters of tcpdump: each has caught something
    never_wire: tuple[str, ...] = ()  # each has caught nothing


@dataclass(frozen=True, slots=True)
class Story:
    """A scenario."""

    name: str
    peer: str
    starter: str
    steps: tuple[Step, ...]
    after: After
    between: str = "hosts"
    stream: bool = True  # pings both ways from the first connection to the last step
    lost: int = 0  # of the stream, each way, at most
    gap_s: float = 0.0  # instead of `lost`: the longest gap in the stream
    hosts_b: tuple[str, ...] = ()  # more addresses of host cb, pinged too
    hosts_a: tuple[str, ...] = ()
    largest: int = 0  # octets of an IP packet that the wire carries; 0: no limit but the MTU's
    options: tuple[str, ...] = ()  # more lines of strongswan.conf's charon section
    thorough: bool = False  # only with --soak

    @property
    def relay(self) -> bool:
        """Tell whether a relay stands on the wire."""
        return self.largest > 0 or any(step.verb == "largest" for step in self.steps)

    @property
    def folder(self) -> Path:
        """Where its files are."""
        return FOLDER / self.name

    @property
    def ours(self) -> str:
        """Our configuration."""
        return (self.folder / "ours.toml").read_text()

    @property
    def theirs(self) -> str:
        """The peer's configuration, swanctl.conf or, with ``peer = "ours"``, peer.toml."""
        return (self.folder / PEERS[self.peer]).read_text()


def names(folder: Path = FOLDER) -> list[str]:
    """Return the names of all scenarios."""
    return sorted(path.parent.name for path in folder.glob("*/expect.toml"))


def read(name: str) -> Story:
    """Read scenario ``name``.  Raises :exc:`StoryError`."""
    raw = tomllib.loads((FOLDER / name / "expect.toml").read_text())
    try:
        return story(name, raw)
    except StoryError as error:
        raise StoryError(f"{name}: {error}") from error


def story(name: str, raw: Mapping[str, Any]) -> Story:
    """Make a story of what stands in expect.toml.  Raises :exc:`StoryError`."""
    given = _frozen(raw)
    _known(Story, given, "name")
    for key in ("peer", "starter", "after"):
        if key not in given:
            raise StoryError(f"{key} is missing")
    _choice("peer", given["peer"], PEERS)
    _choice("starter", given["starter"], _SIDES)
    _choice("between", given.get("between", "hosts"), _BETWEEN)
    given["steps"] = tuple(map(read_step, given.get("steps", ())))
    given["after"] = _after(given["after"])
    return Story(name=name, **given)


def _after(raw: Mapping[str, Any]) -> After:
    given = _frozen(raw)
    _known(After, given)
    for key in ("spis", "ike_spis"):
        if key in given:
            _choice(key, given[key], _CHANGES)
    return After(**given)


def _frozen(raw: Mapping[str, Any]) -> dict[str, Any]:
    return {key: tuple(value) if isinstance(value, list) else value for key, value in raw.items()}


def _known(model: type[Any], given: Mapping[str, Any], *hidden: str) -> None:
    known = {one.name for one in fields(model)} - set(hidden)
    if strange := sorted(set(given) - known):
        raise StoryError(f"{', '.join(strange)}: no such key; there are {', '.join(sorted(known))}")


def _choice(key: str, value: Any, known: Any) -> None:
    if value not in known:
        raise StoryError(f"{key} = {value!r}: one of {', '.join(known)}")
