"""Clients of a gateway, over IKEv1: users, address pools, and who of the two ends is which.

XAUTH asks a user for a password after the pre-shared key (draft-beaulieu-ike-xauth-02); mode config
gives an inner address and what lies behind the gateway (draft-dukes-ike-mode-cfg-02).
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Network, ip_address
from typing import TYPE_CHECKING, Annotated, Final, Self

from pydantic import AfterValidator, Field, Strict, model_validator

from ikebana.config.fields import Address, Cidr, Listed, Model, Name, Network, distinct
from ikebana.config.problems import Loc, Refusal, did_you_mean, refuse, refuse_all
from ikebana.config.psk import PasswordField
from ikecore.profile import ConfigMode, Role
from suites.secret import Secret

if TYPE_CHECKING:
    from ikebana.config.connection import Connection

LONGEST_USER: Final = 128
LONGEST_BANNER: Final = 500
_LARGEST: Final = 8  # shortest prefix of a pool
_MOST_DNS: Final = 4


def _user_name(text: str) -> str:
    if not 0 < len(text.encode()) <= LONGEST_USER or not text.isprintable():
        raise refuse(f"a user name has 1 to {LONGEST_USER} printable octets", "such as alice")
    return text


def _ipv4(text: str) -> str:
    if ip_address(text).version != 4:
        raise refuse("mode config carries IPv4 addresses", "for instance 192.0.2.53")
    return text


def _pool_network(net: Network) -> Network:
    if net.version != 4 or net.prefixlen < _LARGEST:
        raise refuse(
            "a pool is an IPv4 network of at most 16,777,216 addresses", 'such as "10.9.0.0/24"'
        )
    return net


def _ipv4_network(net: Network) -> Network:
    if net.version != 4:
        raise refuse("mode config carries IPv4 networks", 'such as "10.1.0.0/16"')
    return net


def _banner(text: str) -> str:
    if len(text) > LONGEST_BANNER or not text.replace("\n", "").isprintable():
        raise refuse(f"a banner has at most {LONGEST_BANNER} printable characters", "shorten it")
    return text


UserName = Annotated[str, AfterValidator(_user_name)]


class User(Model):
    """Somebody whom a gateway knows: ``[[user]]``."""

    name: UserName = Field(description="Name; unique, and case counts.")
    password: PasswordField = Field(
        description="Password, as a `psk` is given: text or a reference.",
        json_schema_extra={"type": "text or reference"},
    )


class Pool(Model):
    """Inner addresses for clients: ``[[pool]]``."""

    name: Name = Field(description="Name; unique.")
    network: Annotated[Cidr, AfterValidator(_pool_network)] = Field(
        description="IPv4 network that the addresses are taken of; its first and last one stay "
        "free. The same client gets the same address again.",
        json_schema_extra={"type": "network"},
    )
    dns: Annotated[
        tuple[Annotated[Address, AfterValidator(_ipv4)], ...], Listed, AfterValidator(distinct)
    ] = Field(
        default=(),
        max_length=_MOST_DNS,
        description=f"Name servers that clients are told, at most {_MOST_DNS}.",
        json_schema_extra={"type": "list of IP addresses", "shown": "none"},
    )
    subnets: Annotated[
        tuple[Annotated[Cidr, AfterValidator(_ipv4_network)], ...],
        Listed,
        AfterValidator(distinct),
    ] = Field(
        default=(),
        description="Networks that clients are told to reach through the tunnel (Unity's split "
        "include); none: everything.",
        json_schema_extra={"type": "list of networks", "shown": "none"},
    )
    banner: Annotated[str, AfterValidator(_banner)] = Field(
        default="", description=f"Text for people, at most {LONGEST_BANNER} characters."
    )


class Xauth(Model):
    """A user's password after the pre-shared key, over IKEv1 only: ``[connection.xauth]``."""

    role: Annotated[Role, Strict(False)] = Field(
        default=Role.NONE,
        description="`client`: we are asked for user and password; `server`: we ask, and the peer "
        "is one of the users.",
    )
    user: UserName | None = Field(
        default=None,
        description="Who we are, as `client`.",
        json_schema_extra={"type": "text", "shown": "none"},
    )
    password: PasswordField | None = Field(
        default=None,
        description="Our password, as `client`: text or a reference, as a `psk` is given.",
        json_schema_extra={"type": "text or reference", "shown": "none"},
    )
    users: Annotated[tuple[UserName, ...], Listed, AfterValidator(distinct)] = Field(
        default=(),
        description="Names of the users that are let in, as `server`.",
        json_schema_extra={"type": "list of text", "shown": "every `[[user]]`"},
    )

    @model_validator(mode="after")
    def _fits_its_role(self) -> Self:
        of = {"user": Role.CLIENT, "password": Role.CLIENT, "users": Role.SERVER}
        _check_role("Xauth", self, of, required=("user", "password"))
        return self


class InnerAddress(Model):
    """An inner address by mode config, over IKEv1 only: ``[connection.address]``."""

    role: Annotated[Role, Strict(False)] = Field(
        default=Role.NONE,
        description="`client`: the peer gives us an address, which our packets then come from; "
        "`server`: we give it one of a pool, and `remote_subnets` is the pool's network.",
    )
    pool: Name | None = Field(
        default=None,
        description="Name of the `[[pool]]`, as `server`.",
        json_schema_extra={"type": "text", "shown": "none"},
    )
    method: Annotated[ConfigMode, Strict(False)] = Field(
        default=ConfigMode.PULL,
        description="`pull`: the client asks; `push`: the server tells unasked.",
    )

    @model_validator(mode="after")
    def _fits_its_role(self) -> Self:
        _check_role("InnerAddress", self, {"pool": Role.SERVER}, required=("pool",))
        return self


def _check_role(
    title: str, model: Xauth | InnerAddress, roles: dict[str, Role], required: Sequence[str]
) -> None:
    """Refuse a field of another role, and the lack of one of this role's."""
    found = []
    for name, role in roles.items():
        is_given = name in model.model_fields_set and getattr(model, name) is not None
        if is_given and model.role is not role:
            found.append(Refusal((name,), f'only with role = "{role}"', "leave it out"))
        elif model.role is role and name in required and not is_given:
            found.append(Refusal((name,), f'required with role = "{role}"', "add it"))
    if found:
        raise refuse_all(title, found)


# -- what the daemon works from -------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class PoolPlan:
    """A pool for the daemon: its network, and what goes with each address."""

    name: str
    network: IPv4Network
    dns: tuple[str, ...] = ()
    subnets: tuple[str, ...] = ()
    banner: str = ""


@dataclass(frozen=True, slots=True)
class Access:
    """Who a connection's client is: ourselves, or the users and the pool for them.

    Unhashable, as passwords are.  Other users do not make it another one: they come and go while
    the connection stays.
    """

    user: str = ""
    password: Secret = field(default_factory=lambda: Secret(b""))
    users: tuple[tuple[str, Secret], ...] = field(default=(), compare=False)
    pool: PoolPlan | None = None
    learns_networks: bool = False  # as client: routes follow what the gateway tells


@dataclass(frozen=True, slots=True)
class Directory:
    """The users and the pools of a configuration."""

    users: tuple[User, ...] = ()
    pools: tuple[Pool, ...] = ()

    def access(self, one: "Connection") -> Access:
        """Return what a connection, which is valid, needs of both."""
        xauth, address = one.xauth, one.address
        let_in = xauth.users or tuple(user.name for user in self.users)
        is_server = xauth.role is Role.SERVER
        pool = next((pool for pool in self.pools if pool.name == address.pool), None)
        return Access(
            user=xauth.user or "",
            password=xauth.password.secret if xauth.password is not None else Secret(b""),
            users=tuple(
                (user.name, user.password.secret)
                for user in self.users
                if is_server and user.name in let_in
            ),
            pool=None if pool is None else _pool_plan(pool),
            learns_networks=address.role is Role.CLIENT
            and "remote_subnets" not in one.model_fields_set,
        )


def _pool_plan(pool: Pool) -> PoolPlan:
    network = IPv4Network(pool.network)
    return PoolPlan(pool.name, network, pool.dns, tuple(map(str, pool.subnets)), pool.banner)


# -- what no table can tell of itself -------------------------------------------------------------
def access_refusals(
    directory: Directory, numbered: Iterable[tuple[int, "Connection"]]
) -> Iterator[Refusal]:
    """Find names taken twice and names that nobody has; places start at the root."""
    yield from _twice("user", [user.name for user in directory.users])
    yield from _twice("pool", [pool.name for pool in directory.pools])
    users = {user.name for user in directory.users}
    pools = {pool.name: pool.network for pool in directory.pools}
    for at, one in numbered:
        root: Loc = ("connection", at)
        for index, name in enumerate(one.xauth.users):
            if name not in users:
                yield Refusal(
                    (*root, "xauth", "users", index),
                    "there is no such user",
                    did_you_mean(name, sorted(users)) or "add a [[user]]",
                )
        if one.xauth.role is Role.SERVER and not users:
            yield Refusal((*root, "xauth", "role"), "there is no user at all", "add a [[user]]")
        if one.address.pool is None:
            continue
        network = pools.get(one.address.pool)
        if network is None:
            yield Refusal(
                (*root, "address", "pool"),
                "there is no such pool",
                did_you_mean(one.address.pool, sorted(pools)) or "add a [[pool]]",
            )
        elif one.spd_policies or one.remote_subnets != (network,):
            yield Refusal(
                (*root, "spd_policies" if one.spd_policies else "remote_subnets"),
                f"clients come from the pool's network, {network}",
                "leave it out",
            )


def _twice(kind: str, names: Sequence[str]) -> Iterator[Refusal]:
    for at, name in enumerate(names):
        if name in names[:at]:
            yield Refusal(
                (kind, at, "name"), f"name_taken: there is a {kind} {name!r} already", "rename one"
            )
