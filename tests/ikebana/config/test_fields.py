import pytest

from tests.ikebana.config.sample import CONNECTION, KEY, config, connection_problem, problem

ROOT = "connection[0]"


def _connection(**changed: str) -> str:
    lines = {"name": '"net"', "peer": '"10.99.0.2"', "psk": f'"{KEY}"'} | changed
    return "[[connection]]\n" + "\n".join(f"{key} = {value}" for key, value in lines.items())


@pytest.mark.parametrize("name", ["a", "x" * 128, "Zürich 東京", "=1+1", "-rf", "$(reboot)", "a.b"])
def test_a_name_may_be_any_text_that_is_fit_to_print(name: str) -> None:
    assert config(_connection(name=f'"{name}"')).connections[0].name == name


def test_a_name_is_normalized() -> None:
    assert config(_connection(name='"Zu\\u0308rich"')).connections[0].name == "Zürich"


@pytest.mark.parametrize(
    "name",
    [
        "",
        "x" * 129,
        " a",
        "a ",
        "a/b",
        "a\\u001b[2Jb",
        "a\\nb",
        "a\\u202eb",
        "a\\u2028b",
        "a\\u0000b",
    ],
)
def test_a_name_unfit_to_print_is_refused(name: str) -> None:
    found = problem(_connection(name=f'"{name}"'))
    assert (found.path, found.line) == (f"{ROOT}.name", 2)
    assert found.hint
    assert str(found).isprintable()


@pytest.mark.parametrize(
    ("peer", "meant"),
    [
        ("10.99.0.2", "10.99.0.2"),
        ("2001:DB8::0:1", "2001:db8::1"),
        ("Gate.Example.NET.", "gate.example.net"),
        ("sun", "sun"),
        ("my_host-1.lab", "my_host-1.lab"),
    ],
)
def test_a_peer_is_an_address_or_a_host_name(peer: str, meant: str) -> None:
    assert config(_connection(peer=f'"{peer}"')).connections[0].peer == meant


@pytest.mark.parametrize("peer", ["any", "%any", "::", "0.0.0.0", "ANY"])  # noqa: S104 (a spelling of any)
def test_every_spelling_of_any_is_one_value(peer: str) -> None:
    (one,) = config(_connection(peer=f'"{peer}"', remote_id='"x"')).connections
    assert one.is_any_peer


@pytest.mark.parametrize(
    "peer",
    [
        "", "10.0.0", "10.0.0.256", "1.2.3.4.5", "fe80::1%eth0", "224.0.0.1", "255.255.255.255",
        "a b", "-x.net", "x-.net", "a..b", "x" * 64, "a." * 130 + "a", "bücher.example", "@sun",
        "10.0.0.1/24", "a;reboot", "host:500", ":::",
    ],
)  # fmt: skip
def test_what_is_neither_is_refused_with_an_example(peer: str) -> None:
    found = problem(_connection(peer=f'"{peer}"'))
    assert (found.path, found.line) == (f"{ROOT}.peer", 3)
    assert found.hint


@pytest.mark.parametrize("identity", ["", "a b", "x" * 101, "%any", "a\\u0007b", "10.0.0.999"])
def test_an_identity_that_cannot_travel_is_refused(identity: str) -> None:
    found = connection_problem(f'local_id = "{identity}"')
    assert (found.path, found.line) == (f"{ROOT}.local_id", 5)


@pytest.mark.parametrize("identity", ["10.0.0.1", "ga.lab", "a@b.c", "C=CH, CN=gw", "keyid:x y"])
def test_identities_of_every_kind_are_taken(identity: str) -> None:
    assert config(CONNECTION + f'local_id = "{identity}"').connections[0].local_id == identity


@pytest.mark.parametrize(
    ("value", "path", "hint"),
    [
        ('["10.1.0.1/24"]', "[0]", "did you mean 10.1.0.0/24?"),
        ('["10.1.0.0/24", "x"]', "[1]", 'for instance "10.1.0.0/24"'),
        ('["10.1.0.0/33"]', "[0]", 'for instance "10.1.0.0/24"'),
        ("[7]", "[0]", 'for instance "10.1.0.0/24"'),
        ('"10.1.0.0/24"', "", "put it in brackets: [ … ]"),
        ("[]", "", "leave the key out for the default"),
        ('["10.1.0.0/24", "10.1.0.0/24"]', "", "name each once"),
    ],
)
def test_networks_are_refused_one_by_one(value: str, path: str, hint: str) -> None:
    found = connection_problem(f"local_subnets = {value}")
    assert (found.path, found.line, found.hint) == (f"{ROOT}.local_subnets{path}", 5, hint)


@pytest.mark.parametrize("address", ["0.0.0.0", "::", "x", "10.0.0.0/8", "239.1.1.1"])  # noqa: S104 (refused)
def test_an_address_to_listen_on_is_one_hosts(address: str) -> None:
    found = problem(f'[gateway]\nname = "g"\naddresses = ["10.0.0.1", "{address}"]')
    assert (found.path, found.line) == ("gateway.addresses[1]", 3)
