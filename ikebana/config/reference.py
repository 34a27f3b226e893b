"""Render the reference of the configuration file from the model itself.

``python -m ikebana.config.reference > docs/reference/configuration.md``
"""

import sys
from collections.abc import Iterator, Mapping
from enum import Enum
from typing import Any, Final, Literal, get_args, get_origin

from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from ikebana.config.fields import Model, table_of
from ikebana.config.model import SECTIONS
from ikebana.config.presets import PRESETS, PRESETS_OF_IKEV1, CryptoPreset, Preset

_HEAD: Final = """\
# Configuration file

One TOML file, at most 1 MiB. All problems are reported at once, each with its path, its line and a
hint; an unknown key is one of them. `ikebana check FILE` reads a file without running it. SIGHUP
makes the daemon read it again: only the connections that changed are touched, and a file with a
problem changes nothing.

```toml
[gateway]
name = "moon"
addresses = ["10.99.0.1"]

[[connection]]
name = "net"
peer = "10.99.0.2"
local_id = "ga.lab"
remote_id = "gb.lab"
psk = { file = "net.psk" }
local_subnets = ["10.1.0.0/24"]
remote_subnets = ["10.2.0.0/24"]
```

This page is generated: `python -m ikebana.config.reference > docs/reference/configuration.md`.
"""
_TYPES: Final[Mapping[type, str]] = {str: "text", int: "integer", float: "number", bool: "bool"}


def render() -> str:
    """Return the page, in Markdown."""
    lines = [_HEAD]
    for title, kind in SECTIONS:
        lines += [f"## `{title}`", "", f"{_summary(kind)}", ""]
        lines += ["| field | type | default | meaning |", "|---|---|---|---|"]
        lines += _rows(kind)
        lines.append("")
    lines += ["## Crypto presets", "", "`crypto_preset` supplies what is not given:", ""]
    for name in (CryptoPreset.MODERN, CryptoPreset.CLOUD_COMPAT):
        preset = PRESETS[name]
        lines += [f"* `{name}`", *_proposals(preset)]
        if PRESETS_OF_IKEV1[name] != preset:
            lines += ['  * with `ike.version = "ikev1"`']
            lines += [f"  {line}" for line in _proposals(PRESETS_OF_IKEV1[name])]
        lines.append(
            f"  * lifetimes {preset.ike_lifetime} s (IKE), {preset.ipsec_lifetime} s (ESP)"
        )
    lines += ["* `custom`: nothing; every algorithm has to be given", ""]
    return "\n".join(lines)


def _proposals(preset: Preset) -> list[str]:
    ike = [f"  * IKE `{text}`" for text in preset.ike]
    return ike + [f"  * ESP `{text}`" for text in preset.ipsec]


def _summary(kind: type[Model]) -> str:
    return (kind.__doc__ or "").split("\n", 1)[0].split(": ``", 1)[0].rstrip(".") + "."


def _rows(kind: type[Model]) -> Iterator[str]:
    for name, field in kind.model_fields.items():
        if table_of(field) is not None:
            continue  # a table of its own
        cells = (f"`{name}`", _type(field), _default(field), field.description or "")
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _extra(field: FieldInfo) -> dict[str, Any]:
    return dict(field.json_schema_extra) if isinstance(field.json_schema_extra, dict) else {}


def _type(field: FieldInfo) -> str:
    said = _extra(field).get("type")
    if said:
        return str(said)
    annotation = field.annotation
    if get_origin(annotation) is Literal:
        return " ".join(f"`{word}`" for word in get_args(annotation))
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return " ".join(f"`{one.value}`" for one in annotation)
    if get_origin(annotation) is tuple:
        return "list of text"
    low, high = _bound(field, "ge"), _bound(field, "le")
    if low is not None and high is not None:
        return f"{low}-{high}"
    return next(shown for kind, shown in _TYPES.items() if annotation is kind)


def _bound(field: FieldInfo, name: str) -> object:
    return next((getattr(one, name) for one in field.metadata if hasattr(one, name)), None)


def _default(field: FieldInfo) -> str:
    said = _extra(field).get("shown")
    if said:
        return str(said)
    if field.default is PydanticUndefined:
        return "required"
    value = field.default.value if isinstance(field.default, Enum) else field.default
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return f"`{value}`" if value != "" else '`""`'


if __name__ == "__main__":
    sys.stdout.write(render())
