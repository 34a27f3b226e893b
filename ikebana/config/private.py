"""Numbers for what IANA has not numbered: ``[gateway.private_ids]``."""

from collections.abc import Iterator, Mapping
from typing import Any, Final, Self

from pydantic import Field, model_validator

from ikebana.config.crypto import IkeSettings, IpsecSettings
from ikebana.config.fields import Model
from ikebana.config.origin import origin
from ikebana.config.presets import Preset
from ikebana.config.problems import Refusal, refuse_all
from ikecore.keywords import parse_proposal
from ikecore.profile import IkeVersion
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


def _old_number(what: str, last: int = _LAST) -> Any:
    return Field(
        default=None,
        ge=1,
        le=last,
        description=what,
        json_schema_extra={"type": f"1-{last}", "shown": "none"},
    )


_OLD: Final = "ikev1_"
_PHASE_1: Final = {"sm4": "sm4", "sm3": "sm3", "prfsm3": "sm3"}
_PHASE_2: Final = {"sm4": "esp_sm4", "sm3": "auth_sm3"}


class PrivateIds(Model):
    """Transform numbers of algorithms without one of IANA's: ``[gateway.private_ids]``.

    They are for private use, so both ends have to be told the same.
    """

    sm4: int | None = _number("SM4 in CBC mode, transform type 1.")
    sm4gcm16: int | None = _number("SM4 in Galois/counter mode, transform type 1.")
    prfsm3: int | None = _number("HMAC-SM3 as pseudorandom function, transform type 2.")
    sm3: int | None = _number("HMAC-SM3 as integrity algorithm, 16 octets sent, transform type 3.")

    ikev1_sm4: int | None = _old_number("SM4 in CBC mode, IKEv1 phase 1 Encryption Algorithm.")
    ikev1_sm3: int | None = _old_number("SM3, IKEv1 phase 1 Hash Algorithm.")
    ikev1_esp_sm4: int | None = _old_number("SM4 in CBC mode, ESP transform in IKEv1.", 255)
    ikev1_auth_sm3: int | None = _old_number("HMAC-SM3, Authentication Algorithm of ESP in IKEv1.")

    @property
    def numbers(self) -> Mapping[str, int]:
        """Return what is configured for IKEv2, by keyword."""
        given: dict[str, int] = self.model_dump(exclude_none=True)
        return {name: number for name, number in given.items() if not name.startswith(_OLD)}

    @property
    def legacy(self) -> tuple[tuple[str, int], ...]:
        """Return what is configured for IKEv1, by the field's name without ``ikev1_``."""
        given: dict[str, int] = self.model_dump(exclude_none=True)
        return tuple(
            (name.removeprefix(_OLD), number)
            for name, number in given.items()
            if name.startswith(_OLD)
        )

    def of_version(self, version: IkeVersion) -> tuple[Mapping[str, int], Mapping[str, int]]:
        """Return the numbers for IKE and for ESP and AH, by keyword; ``any`` has IKEv2's."""
        if version is not IkeVersion.IKEV1:
            return self.numbers, self.numbers
        old = dict(self.legacy)
        phase_1 = {word: old[name] for word, name in _PHASE_1.items() if name in old}
        phase_2 = {word: old[name] for word, name in _PHASE_2.items() if name in old}
        return phase_1, phase_2

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
    *,
    is_old: bool = False,
) -> Iterator[Refusal]:
    """Find algorithms that no number is configured for; places start at the connection.

    ``is_old``: the numbers are IKEv1's.
    """
    fields = _PHASE_1 if protocol is Protocol.IKE else _PHASE_2
    for index, text in enumerate(settings.keywords(preset)):
        for word in unnumbered(parse_proposal(text, protocol)):
            if word in numbers:
                continue
            place = origin(name, settings, index, word)
            field = f"{_OLD}{fields.get(word, word)}" if is_old else word
            first = 1 if is_old else _FIRST
            yield Refusal(
                (name,) if place == ("crypto_preset",) else place,
                f"{word} has no number of IANA's, and none is configured",
                f"[gateway] private_ids = {{ {field} = N }}: {first} to {_LAST}, the peer's own",
            )
