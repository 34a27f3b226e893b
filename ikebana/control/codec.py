"""Frozen dataclasses to JSON and back, without a schema library: the CLI must start quickly."""

from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from enum import Enum
from functools import cache
from types import NoneType, UnionType
from typing import Any, Final, TypeVar, Union, cast, get_args, get_origin, get_type_hints

T = TypeVar("T")
_PLAIN: Final = frozenset((str, int, float, bool, NoneType))


class Undecodable(ValueError):
    """JSON does not have the expected shape; the text names the place."""


def encode(value: object) -> Any:
    """Return ``value`` as what :func:`json.dumps` takes: dicts, lists, plain values."""
    kind = type(value)
    if kind in _PLAIN:
        return value
    if is_dataclass(value):
        return {name: encode(getattr(value, name)) for name, _, _ in _fields(cast("Any", kind))}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Mapping):
        return {str(key): encode(item) for key, item in value.items()}
    if isinstance(value, (tuple, list)):
        return [encode(item) for item in value]
    if isinstance(value, bytes):
        return value.hex()
    return value


def decode(kind: type[T], raw: object, at: str = "") -> T:
    """Return ``raw`` (from :func:`json.loads`) as a ``kind``, a dataclass.

    Unknown keys are ignored, absent ones take their defaults: a newer daemon and an older client
    understand each other.  Raises :exc:`Undecodable` for anything that does not fit.
    """
    if not isinstance(raw, dict):
        raise Undecodable(f"{at or 'top'}: expected an object")
    values: dict[str, Any] = {}
    for name, hint, needed in _fields(cast("Any", kind)):
        if name in raw:
            values[name] = _value(hint, raw[name], f"{at}.{name}".lstrip("."))
        elif needed:
            raise Undecodable(f"{f'{at}.{name}'.lstrip('.')}: missing")
    return kind(**values)


@cache
def _fields(kind: Any) -> tuple[tuple[str, Any, bool], ...]:
    hints = get_type_hints(kind)
    return tuple(
        (field.name, hints[field.name], field.default is field.default_factory is MISSING)
        for field in fields(kind)
    )


def _value(hint: Any, raw: object, at: str) -> object:
    origin, inner = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        if raw is None and NoneType in inner:
            return None
        return _value(next(one for one in inner if one is not NoneType), raw, at)
    if origin is tuple:
        if not isinstance(raw, list):
            raise Undecodable(f"{at}: expected a list")
        kinds = inner if inner[-1] is not Ellipsis else inner[:1] * len(raw)
        if len(kinds) != len(raw):
            raise Undecodable(f"{at}: expected {len(kinds)} items")
        pairs = zip(kinds, raw, strict=True)
        return tuple(_value(k, item, f"{at}[{i}]") for i, (k, item) in enumerate(pairs))
    if origin is not None:
        if not isinstance(raw, dict):
            raise Undecodable(f"{at}: expected an object")
        return {key: _value(inner[1], item, f"{at}.{key}") for key, item in raw.items()}
    return _plain(hint, raw, at)


def _plain(kind: type, raw: object, at: str) -> object:
    if is_dataclass(kind):
        return decode(cast("type[object]", kind), raw, at)
    if issubclass(kind, Enum):
        try:
            return kind(raw)
        except ValueError:
            raise Undecodable(f"{at}: unknown value {raw!r}") from None
    if kind is bytes and isinstance(raw, str):
        try:
            return bytes.fromhex(raw)
        except ValueError:
            raise Undecodable(f"{at}: expected hexadecimal digits") from None
    if kind is float and type(raw) is int:
        return float(raw)
    if type(raw) is not kind:
        raise Undecodable(f"{at}: expected {kind.__name__}")
    return raw
