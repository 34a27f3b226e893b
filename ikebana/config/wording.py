"""Say in the configuration's own words what pydantic found."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from pydantic_core import ErrorDetails, ValidationError

from ikebana.config import problems
from ikebana.config.fields import Model, table_of
from ikebana.config.model import LATER, SECTIONS
from ikebana.config.problems import Loc, Refusal, clean, did_you_mean

_KINDS: Final[Mapping[str, str]] = {
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "finite_number": "must be a finite number",
    "string_type": "must be text, in quotes",
    "bool_type": "must be true or false",
    "tuple_type": "must be a list: [ … ]",
    "dict_type": "must be a table",
    "model_type": "must be a table",
    "model_attributes_type": "must be a table",
}


def refusals(kind: type[Model], why: ValidationError, root: Loc) -> Iterator[Refusal]:
    """Return what is wrong with a model at ``root``."""
    for error in why.errors(include_url=False):
        if error["type"] != "default_factory_not_called":  # follows from another problem
            yield worded(kind, error, root)


def worded(kind: type[Model], error: ErrorDetails, root: Loc) -> Refusal:
    """Return a validation error of a model as a refusal; values never appear in it."""
    inner: Loc = error["loc"]
    loc = (*root, *inner)
    details: dict[str, Any] = error.get("ctx", {})
    match error["type"]:
        case problems.REFUSED:
            return Refusal(loc, details["message"], details["hint"])
        case "extra_forbidden":
            owner = _owner(kind, inner[:-1])
            return unknown_key(loc, LATER.get(owner, frozenset()), tuple(owner.model_fields))
        case "missing":
            field = _owner(kind, inner[:-1]).model_fields.get(str(inner[-1]))
            about = (field.description or "") if field is not None else ""
            return Refusal(loc, "is missing", about.split(". ")[0].rstrip("."))
        case "greater_than_equal":
            return Refusal(loc, f"must be at least {details['ge']}", _near(details["ge"]))
        case "less_than_equal":
            return Refusal(loc, f"must be at most {details['le']}", _near(details["le"]))
        case "too_long":
            return Refusal(loc, f"more than {details['max_length']} members", "fewer")
        case "enum" | "literal_error":
            return _choice(loc, error["input"], details["expected"])
        case other:
            return Refusal(loc, _KINDS.get(other, clean(error["msg"])), "")


def _near(value: object) -> str:
    return f"the nearest accepted is {value}"


def _choice(loc: Loc, given: object, expected: str) -> Refusal:
    words = [word.strip().strip("'") for word in expected.replace(" or ", ", ").split(",")]
    near = did_you_mean(given, words) if isinstance(given, str) else ""
    return Refusal(loc, f"must be one of: {', '.join(words)}", near if "mean" in near else "")


def _owner(kind: type[Model], loc: Iterable[str | int]) -> type[Model]:
    """Return the model of the table at ``loc`` inside ``kind``."""
    for part in loc:
        field = kind.model_fields.get(str(part))
        kind = (table_of(field) if field is not None else None) or kind
    return kind


def unknown_key(loc: Loc, later: frozenset[str], known: Iterable[str]) -> Refusal:
    """Return the refusal of a key that no field has."""
    key = str(loc[-1])
    if key in later:
        return Refusal(loc, "is not yet supported by this version", "leave it out")
    hint = did_you_mean(key, known)
    elsewhere = [title for title, kind in SECTIONS if key in kind.model_fields]
    if elsewhere and "mean" not in hint:
        hint = f"it belongs below {' or '.join(elsewhere)}"
    return Refusal(loc, "unknown key", hint)
