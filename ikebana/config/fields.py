"""The kinds of values a configuration is made of, each read and refused in one place."""

import unicodedata
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_interface, ip_network
from typing import Annotated, Any, Final, TypeAlias, get_args, get_origin

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    PlainSerializer,
    PlainValidator,
    ValidationInfo,
)
from pydantic.fields import FieldInfo

from ikebana.config.problems import refuse
from ikebana.config.psk import Sources
from ikecore.identities import Identity

ANY_PEER: Final = "any"
_ANY_PEER_WORDS: Final = frozenset({"any", "%any", "::", "0.0.0.0"})  # noqa: S104 (a peer)
_UNSPEAKABLE: Final = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
LONGEST_ID: Final = 100
MOST_MEMBERS: Final = 64

Network: TypeAlias = IPv4Network | IPv6Network


class Model(BaseModel):
    """A table of the file: frozen, no unknown keys, no silent conversions."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        strict=True,
        hide_input_in_errors=True,
        allow_inf_nan=False,
        validate_default=False,
    )


def table_of(field: FieldInfo) -> type[Model] | None:
    """Return the model of a field that is a table or a list of tables, else None."""
    kind = field.annotation
    inner = get_args(kind)[0] if get_origin(kind) is tuple else kind
    return inner if isinstance(inner, type) and issubclass(inner, Model) else None


def listed(most: int) -> BeforeValidator:
    """Turn TOML's list into a tuple; one lone value is the commonest slip."""

    def check(value: object) -> object:
        if isinstance(value, str):
            raise refuse("must be a list", "put it in brackets: [ … ]")
        if isinstance(value, list) and len(value) > most:
            raise refuse(f"{len(value)} members", f"at most {most}")
        return tuple(value) if isinstance(value, list) else value

    return BeforeValidator(check)


Listed: Final = listed(MOST_MEMBERS)


def nearest_of(low: int, high: int, unit: str) -> AfterValidator:
    """Accept 0 (no limit) and ``low`` to ``high``; otherwise name the nearest accepted value."""
    return AfterValidator(lambda value: _within(value, low, high, unit, "no limit"))


def lasting(low: int, high: int, zero: str = "no limit") -> AfterValidator:
    """Accept 0 (``zero`` says what it means) and seconds so long; in a laboratory from 1 s on."""

    def check(value: int, info: ValidationInfo) -> int:
        is_lab = isinstance(info.context, Sources) and info.context.is_lab
        return _within(value, 1 if is_lab else low, high, "s", zero)

    return AfterValidator(check)


def _within(value: int, low: int, high: int, unit: str, zero: str) -> int:
    if value == 0 or low <= value <= high:
        return value
    near = low if value < low else high
    raise refuse(f"must be 0 ({zero}) or {low} to {high} {unit}", f"the nearest accepted is {near}")


def _plain_text(what: str, text: str, longest: int) -> str:
    if len(text) > longest:
        raise refuse(f"{what} has {len(text)} characters", f"at most {longest}")
    if any(unicodedata.category(one) in _UNSPEAKABLE for one in text):
        raise refuse(f"{what} has control, format or line separator characters", "leave them out")
    return text


def _name(text: str) -> str:
    text = _plain_text("the name", unicodedata.normalize("NFC", text), 128)
    if not text:
        raise refuse("the name is empty", "give it 1 to 128 characters")
    if "/" in text:
        raise refuse("a name has no '/'", f"for instance {text.replace('/', '-')}")
    if text != text.strip():
        raise refuse("the name begins or ends with a space", "take it away")
    return text


def _remarks(text: str) -> str:
    return _plain_text("the text", text, 255)


def _identity(text: str) -> str:
    _plain_text("the identity", text, LONGEST_ID)
    try:
        Identity.parse(text)
    except ValueError as why:
        raise refuse(str(why), str(getattr(why, "hint", ""))) from None
    return text


def _address(text: str) -> str:
    try:
        found = ip_address(text)
    except ValueError:
        raise refuse("not an IP address", "for instance 192.0.2.1 or 2001:db8::1") from None
    if found.version == 6 and found.scope_id is not None:
        raise refuse("an address with a zone is not supported", "write it without the %")
    if found.is_unspecified:
        raise refuse("not an address of one host", "leave it out to use all addresses")
    if found.is_multicast or text == "255.255.255.255":
        raise refuse("a group's address is no gateway's", "write a unicast address")
    return str(found)


def _peer(text: str) -> str:
    word = text.strip().lower()
    if word in _ANY_PEER_WORDS:
        return ANY_PEER
    if word.startswith("@"):
        raise refuse(
            "customer gateways are not yet supported by this version",
            'write the address: peer = "192.0.2.1"',
        )
    if ":" in word or word.rpartition(".")[2].isdigit():
        return _address(word)
    return _host(word)


def _host(word: str) -> str:
    labels = word.removesuffix(".").split(".")
    if not word.isascii():
        raise refuse("a host name is ASCII", "write it in its xn-- form")
    spelt = all(
        0 < len(one) <= 63
        and one.replace("-", "").replace("_", "").isalnum()
        and one[0] != "-" != one[-1]
        for one in labels
    )
    if not spelt or len(word) > 253:
        raise refuse("neither an IP address nor a host name", 'for instance "192.0.2.1" or "any"')
    return ".".join(labels)


def cidr(value: object) -> Network:
    """Read a network in its usual spelling; refuse bits behind its mask."""
    if not isinstance(value, str):
        raise refuse("must be a network in quotes", 'for instance "10.1.0.0/24"')
    try:
        return ip_network(value)
    except ValueError:
        pass
    try:
        near = ip_interface(value).network
    except ValueError:
        raise refuse("not a network", 'for instance "10.1.0.0/24"') from None
    raise refuse("the address has bits behind its mask", f"did you mean {near}?")


def filled(value: tuple[Any, ...]) -> tuple[Any, ...]:
    """Refuse an empty list (``min_length`` would also count the members that are refused)."""
    if not value:
        raise refuse("the list is empty", "leave the key out for the default")
    return value


def distinct(value: tuple[Any, ...]) -> tuple[Any, ...]:
    """Refuse a member that comes twice."""
    seen = set()
    for one in value:
        if one in seen:
            raise refuse(f"{one} comes twice", "name each once")
        seen.add(one)
    return value


Name = Annotated[str, AfterValidator(_name)]
Remarks = Annotated[str, AfterValidator(_remarks)]
IdentityText = Annotated[str, AfterValidator(_identity)]
Address = Annotated[str, AfterValidator(_address)]
Addresses = Annotated[tuple[Address, ...], Listed, AfterValidator(filled), AfterValidator(distinct)]
Peer = Annotated[str, AfterValidator(_peer)]
Cidr = Annotated[Network, PlainValidator(cidr), PlainSerializer(str, return_type=str)]
Cidrs = Annotated[tuple[Cidr, ...], Listed, AfterValidator(filled), AfterValidator(distinct)]
