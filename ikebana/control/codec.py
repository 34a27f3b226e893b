"""Frozen dataclasses to JSON and back, without a schema library: the CLI must start quickly.

What a class or a field's type asks for is found out once and kept as a function: a message of the
packet worker goes through here with every child that comes up.
"""

from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from enum import Enum
from functools import cache, partial
from types import NoneType, UnionType
from typing import Any, Final, TypeVar, Union, cast, get_args, get_origin, get_type_hints

T = TypeVar("T")
Step = Callable[[Any], Any]
_PLAIN: Final = frozenset((str, int, float, bool, NoneType))


class Undecodable(ValueError):
    """JSON does not have the expected shape; the text names the place."""

    def __init__(self, what: str, place: str = "") -> None:
        super().__init__(f"{place}: {what}" if place else what)
        self.what = what
        self.place = place

    def inside(self, outer: str) -> "Undecodable":
        """Return the same, seen from one level further out."""
        joint = "." if self.place and not self.place.startswith("[") else ""
        return Undecodable(self.what, f"{outer}{joint}{self.place}")


def encode(value: object) -> Any:
    """Return ``value`` as what :func:`json.dumps` takes: dicts, lists, plain values."""
    return _encoder(cast("Any", type(value)))(value)


def decode(kind: type[T], raw: object) -> T:
    """Return ``raw`` (from :func:`json.loads`) as a ``kind``, a dataclass.

    Unknown keys are ignored, absent ones take their defaults: a newer daemon and an older client
    understand each other.  Raises :exc:`Undecodable` for anything that does not fit.
    """
    if not isinstance(raw, dict):
        raise Undecodable("expected an object", "top")
    return cast("T", _decoder(cast("Any", kind))(raw))


@cache
def _encoder(kind: type) -> Step:
    if kind in _PLAIN:
        return _same
    if is_dataclass(kind):
        names = tuple(field.name for field in fields(kind))
        return lambda value: {name: encode(getattr(value, name)) for name in names}
    if issubclass(kind, Enum):
        return lambda value: value.value
    if issubclass(kind, Mapping):
        return lambda value: {str(key): encode(item) for key, item in value.items()}
    if issubclass(kind, (tuple, list)):
        return lambda value: [encode(item) for item in value]
    return bytes.hex if issubclass(kind, bytes) else _same


def _same(value: object) -> object:
    return value


@cache
def _decoder(hint: Any) -> Step:
    """Return what turns JSON into a value of the annotated type."""
    origin, inner = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        wanted = _decoder(next(one for one in inner if one is not NoneType))
        optional = NoneType in inner
        return lambda raw: None if raw is None and optional else wanted(raw)
    if origin is tuple:
        if inner[-1] is Ellipsis:
            return partial(_list, _decoder(inner[0]))
        return partial(_tuple, tuple(map(_decoder, inner)))
    if origin is not None:
        return partial(_mapping, _decoder(inner[1]))
    if is_dataclass(hint):
        return partial(_dataclass, cast("type", hint), _fields(hint))
    if issubclass(hint, Enum):
        return partial(_enum, hint)
    if hint is bytes:
        return _octets
    return partial(_plain, hint)


def _fields(kind: Any) -> tuple[tuple[str, Step, bool], ...]:
    hints = get_type_hints(kind)
    return tuple(
        (one.name, _decoder(hints[one.name]), one.default is one.default_factory is MISSING)
        for one in fields(kind)
    )


def _dataclass(kind: type, parts: tuple[tuple[str, Step, bool], ...], raw: Any) -> object:
    if not isinstance(raw, dict):
        raise Undecodable("expected an object")
    values: dict[str, Any] = {}
    for name, step, needed in parts:
        if name in raw:
            try:
                values[name] = step(raw[name])
            except Undecodable as error:
                raise error.inside(name) from None
        elif needed:
            raise Undecodable("missing", name)
    return kind(**values)


def _list(step: Step, raw: Any) -> tuple[Any, ...]:
    if not isinstance(raw, list):
        raise Undecodable("expected a list")
    return tuple(_item(step, at, item) for at, item in enumerate(raw))


def _tuple(steps: tuple[Step, ...], raw: Any) -> tuple[Any, ...]:
    if not isinstance(raw, list):
        raise Undecodable("expected a list")
    if len(raw) != len(steps):
        raise Undecodable(f"expected {len(steps)} items")
    return tuple(_item(step, at, raw[at]) for at, step in enumerate(steps))


def _item(step: Step, at: int, raw: Any) -> Any:
    try:
        return step(raw)
    except Undecodable as error:
        raise error.inside(f"[{at}]") from None


def _mapping(step: Step, raw: Any) -> dict[str, Any]:
    if not isinstance(raw, dict):
        raise Undecodable("expected an object")
    found = {}
    for key, item in raw.items():
        try:
            found[key] = step(item)
        except Undecodable as error:
            raise error.inside(key) from None
    return found


def _enum(kind: type[Enum], raw: Any) -> Enum:
    try:
        return kind(raw)
    except ValueError:
        raise Undecodable(f"unknown value {raw!r}") from None


def _octets(raw: Any) -> bytes:
    if not isinstance(raw, str):
        raise Undecodable("expected hexadecimal digits")
    try:
        return bytes.fromhex(raw)
    except ValueError:
        raise Undecodable("expected hexadecimal digits") from None


def _plain(kind: type, raw: Any) -> object:
    if kind is float and type(raw) is int:
        try:
            return float(raw)
        except OverflowError:
            raise Undecodable("expected float") from None
    if type(raw) is not kind:
        raise Undecodable(f"expected {kind.__name__}")
    return raw
