"""Clients of a gateway: users, pools, and who of the two ends is which."""

from ipaddress import IPv4Network

import pytest

from ikebana.config.access import Access
from ikebana.config.compile import TunnelPlan, compile_config
from ikecore.profile import ConfigMode, Role, Uniqueness
from suites.secret import Secret
from tests.ikebana.config.sample import CONNECTION, KEY, config, connection_problem, problems

DIRECTORY = """
[[user]]
name = "alice"
password = "wonderland"
[[user]]
name = "bob"
password = { hex = "626f62" }
[[pool]]
name = "road"
network = "10.9.0.0/24"
dns = ["10.1.0.53"]
subnets = ["10.1.0.0/16"]
banner = "Welcome"
"""
SERVER = f"""
[[connection]]
name = "clients"
peer = "any"
remote_id = "keyid:staff"
psk = "{KEY}"
ike.version = "ikev1"
local_subnets = ["0.0.0.0/0"]
xauth = {{ role = "server" }}
address = {{ role = "server", pool = "road", method = "push" }}
"""
CLIENT = """\
ike.version = "ikev1"
xauth = { role = "client", user = "alice", password = "wonderland" }
address = { role = "client" }
"""


def plan(text: str) -> TunnelPlan:
    (found,) = compile_config(config(text)).tunnels
    return found


def test_a_server_knows_its_users_and_its_pool() -> None:
    found = plan(DIRECTORY + SERVER)
    assert (found.legacy.xauth, found.legacy.addresses) == (Role.SERVER, Role.SERVER)
    assert found.legacy.config_mode is ConfigMode.PUSH
    names = [(name, secret.reveal()) for name, secret in found.access.users]
    assert names == [("alice", b"wonderland"), ("bob", b"bob")]
    pool = found.access.pool
    assert pool is not None
    assert (pool.network, pool.dns) == (IPv4Network("10.9.0.0/24"), ("10.1.0.53",))
    assert (pool.subnets, pool.banner) == (("10.1.0.0/16",), "Welcome")
    assert found.uniqueness is Uniqueness.NEVER


def test_the_networks_behind_clients_are_their_pool() -> None:
    found = plan(DIRECTORY + SERVER)
    assert list(map(str, found.remote_subnets)) == ["10.9.0.0/24"]
    assert str(found.children[0]) == "0.0.0.0/0 === 10.9.0.0/24"
    bad = problems(DIRECTORY + SERVER + 'remote_subnets = ["10.8.0.0/24"]\n')
    assert [one.path for one in bad] == ["connection[0].remote_subnets"]
    assert bad[0].message == "clients come from the pool's network, 10.9.0.0/24"
    rules = (
        'routing_mode = "policy"\n[[connection.spd_policies]]\nlocal_cidrs = ["10.1.0.0/24"]\n'
        'remote_cidrs = ["10.9.0.0/24"]\n'
    )
    text = DIRECTORY + SERVER.replace('local_subnets = ["0.0.0.0/0"]\n', "") + rules
    assert [one.path for one in problems(text)] == ["connection[0].spd_policies"]


def test_only_the_users_named_are_let_in() -> None:
    text = DIRECTORY + SERVER.replace(
        'xauth = { role = "server" }', 'xauth = { role = "server", users = ["bob"] }'
    )
    assert [name for name, _ in plan(text).access.users] == ["bob"]


def test_a_client_has_a_user_and_a_password_and_no_networks_of_its_own() -> None:
    found = plan(CONNECTION + CLIENT)
    assert found.access.user == "alice"
    assert found.access.password == Secret(b"wonderland")
    assert found.access.learns_networks
    assert not plan(CONNECTION + CLIENT + 'remote_subnets = ["10.1.0.0/16"]').access.learns_networks
    bad = connection_problem(CLIENT + 'local_subnets = ["10.7.0.0/24"]')
    assert bad.message == "the address that the peer gives us is our side"


def test_a_connection_without_clients_has_none() -> None:
    assert plan(CONNECTION).access == Access()


@pytest.mark.parametrize(
    ("lines", "path", "message"),
    [
        (
            'xauth = { role = "client", user = "a" }',
            "xauth.password",
            'required with role = "client"',
        ),
        ('xauth = { role = "server", user = "a" }', "xauth.user", 'only with role = "client"'),
        ('xauth = { users = ["a"] }', "xauth.users", 'only with role = "server"'),
        ('address = { role = "server" }', "address.pool", 'required with role = "server"'),
        ('address = { pool = "x" }', "address.pool", 'only with role = "server"'),
    ],
)
def test_each_role_has_its_own_fields(lines: str, path: str, message: str) -> None:
    found = problems(CONNECTION + 'ike.version = "ikev1"\n' + lines)
    assert (f"connection[0].{path}", message) in [(one.path, one.message) for one in found]


def test_clients_and_their_addresses_are_ikev1s() -> None:
    found = problems(CONNECTION + CLIENT.replace("ikev1", "ikev2"))
    assert [one.path for one in found] == ["connection[0].xauth.role", "connection[0].address.role"]


def test_a_client_begins_and_a_server_waits() -> None:
    found = problems(CONNECTION + CLIENT + 'initiation = "passive"')
    assert [one.message for one in found] == ["a client begins"] * 2
    text = DIRECTORY + SERVER.replace('peer = "any"', 'peer = "192.0.2.7"')
    assert [one.message for one in problems(text)] == ["clients begin"] * 2


def test_inner_addresses_are_a_tunnels() -> None:
    found = problems(CONNECTION + CLIENT + 'ipsec.mode = "transport"\n')
    assert "connection[0].ipsec.mode" in [one.path for one in found]


def test_names_are_there_and_there_once() -> None:
    text = DIRECTORY + SERVER.replace('pool = "road"', 'pool = "rood"').replace(
        'role = "server" }', 'role = "server", users = ["alcie"] }', 1
    )
    hints = {one.path: one.hint for one in problems(text)}
    assert hints["connection[0].xauth.users[0]"] == "did you mean alice?"
    assert hints["connection[0].address.pool"] == "did you mean road?"
    twice = problems(DIRECTORY + DIRECTORY.replace('"bob"', '"rob"'))
    assert [one.path for one in twice] == ["user[2].name", "pool[1].name"]
    nobody = problems(SERVER.replace('address = { role = "server", pool = "road"', "#"))
    assert nobody[0].message == "there is no user at all"


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ('[[pool]]\nname = "a"\nnetwork = "2001:db8::/64"', "pool[0].network"),
        ('[[pool]]\nname = "a"\nnetwork = "0.0.0.0/0"', "pool[0].network"),
        ('[[pool]]\nname = "a"\nnetwork = "10.0.0.0/24"\ndns = ["::1"]', "pool[0].dns[0]"),
        ('[[pool]]\nname = "a"\nnetwork = "10.0.0.0/24"\nsubnets = ["::/0"]', "pool[0].subnets[0]"),
        ('[[pool]]\nname = "a"\nnetwork = "10.0.0.0/24"\nbanner = "\\u0007"', "pool[0].banner"),
        ('[[user]]\nname = ""\npassword = "x"', "user[0].name"),
        ('[[user]]\nname = "a"', "user[0].password"),
        ('[[user]]\nname = "a"\npassword = ""', "user[0].password"),
        ("user = 1", "user"),
        ("[pool]\n", "pool"),
    ],
)
def test_what_no_user_or_pool_is_is_refused(text: str, path: str) -> None:
    assert [one.path for one in problems(text)] == [path]


def test_a_password_is_never_shown_and_named_as_what_it_is() -> None:
    (bad,) = problems('[[user]]\nname = "a"\npassword = { file = "nowhere.txt" }')
    assert bad.message.startswith("password file nowhere.txt")
    found = config(DIRECTORY)
    assert "wonderland" not in repr(found)
    assert "wonderland" not in str(found.directory.users[0].model_dump())
