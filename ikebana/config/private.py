"""Numbers for what IANA has not numbered: ``[gateway.private_ids]``."""

from collections.abc import Iterator, Mapping
from typing import Any, Self

from pydantic import Field, model_validator

from ikebana.config.crypto import IkeSettings, IpsecSettings
from ikebana.config.fields import Model
from ikebana.config.presets import Preset
from ikebana.config.problems import Loc, Refusal, refuse_all
from ikecore.keywords import parse_proposal
from ikecore.proposals import Protocol, unnumbered

_FIRST, _LAST = 1024, 65535  # private use (RFC 7296 section 3.3.2's registries)


def _number(what: str) -> Any:
    return Field(
        default=None,
        ge=_FIRST,
        le=_LAST,
        description=what,
        json_schema_extra={"type": f"{_FIRST}-{_LAST}", "shown": "none"},
    )


class PrivateIds(Model):
    """Transform numbers of algorithms without one of IANA's: ``[gateway.private_ids]``.

    They are for private use, so both ends have to be told the same.
    """

    sm4: int | None = _number("SM4 in CBC mode, transform type 1.")
    sm4gcm16: int | None = _number("SM4 in Galois/counter mode, transform type 1.")
    prfsm3: int | None = _number("HMAC-SM3 as pseudorandom function, transform type 2.")
    sm3: int | None = _number("HMAC-SM3 as integrity algorithm, 16 octets sent, transform type 3.")

    @property
    def numbers(self) -> Mapping[str, int]:
        """Return what is configured, by keyword."""
        return self.model_dump(exclude_none=True)

    @model_validator(mode="after")
    def _tells_them_apart(self) -> Self:
        if self.sm4 is not None and self.sm4 == self.sm4gcm16:
            raise refuse_all(
                "PrivateIds", [Refusal(("sm4gcm16",), "the same as sm4", "give it another")]
            )
        return self


def lacking(
    name: str,
    settings: IkeSettings | IpsecSettings,
    protocol: Protocol,
    preset: Preset,
    numbers: Mapping[str, int],
) -> Iterator[Refusal]:
    """Find algorithms that no number is configured for; places start at the connection."""
    for index, text in enumerate(settings.keywords(preset)):
        for word in unnumbered(parse_proposal(text, protocol)):
            if word in numbers:
                continue
            place: Loc = (name,)
            if settings.proposals:
                place = (name, "proposals", index)
            elif single := [one for one in settings.singles if getattr(settings, one) == word]:
                place = (name, single[0])
            yield Refusal(
                place,
                f"{word} has no number of IANA's, and none is configured",
                f"[gateway] private_ids = {{ {word} = N }}: {_FIRST} to {_LAST}, the peer's own",
            )
