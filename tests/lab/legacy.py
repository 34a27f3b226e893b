"""What makes strongSwan's usual connection one of IKEv1: aggressive mode, XAUTH, mode config."""

from collections.abc import Iterable
from typing import Any, Final, Literal

from tests.lab.strongswan import StrongSwan

Role = Literal["", "server", "client"]

USER: Final = "carol"
PASSWORD: Final = "carol pw 7201"  # noqa: S105 - of a lab
POOL: Final = "10.3.0.0/24"
"""Where strongSwan's mode config takes addresses from."""


def legacy(
    swan: StrongSwan,
    name: str = "net",
    *,
    aggressive: bool = False,
    xauth: Role = "",
    config: Role = "",
    push: bool = False,
    password: str = PASSWORD,
    attributes: Iterable[str] = (),
    lines: Iterable[str] = (),
    **settings: Any,
) -> str:
    """Return swanctl.conf for an IKEv1 connection; ``settings`` as of ``swan.connection``.

    ``xauth`` and ``config`` are strongSwan's part: the server asks for a user (gives an address),
    the client is one (takes it).  ``push``: the server pushes the address, unasked.  ``attributes``
    are more lines of the pool, as ``dns = 10.2.0.53``.
    """
    more = [f"aggressive = {'yes' if aggressive else 'no'}", *lines]
    after = ""
    if xauth == "server":
        more.append("remote-2 {\n auth = xauth\n round = 2\n}")
    elif xauth == "client":
        more.append(f"local-2 {{\n auth = xauth\n round = 2\n xauth_id = {USER}\n}}")
    if xauth:
        after += f'secrets {{ xauth-{name} {{\n id = {USER}\n secret = "{password}"\n}} }}\n'
    if config and push:
        more.append("pull = no")
    if config == "server":
        more.append(f"pools = {name}-pool")
        lines_of_pool = "\n ".join((f"addrs = {POOL}", *attributes))
        after += f"pools {{ {name}-pool {{\n {lines_of_pool}\n}} }}\n"
    elif config == "client":
        more.append("vips = 0.0.0.0")
    if config:
        settings = {_their_ts(config): "dynamic"} | settings
    return swan.connection(name, version=1, lines=more, **settings) + after


def _their_ts(config: Role) -> str:
    """Return whose selector is the address that mode config gives."""
    return "remote_ts" if config == "server" else "local_ts"
