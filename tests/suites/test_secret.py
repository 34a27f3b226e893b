from suites.secret import Secret


def test_it_prints_as_its_length() -> None:
    key = Secret(b"k" * 32)
    assert repr(key) == str(key) == f"{key}" == "<32 octets>"
    assert "kk" not in repr([key])


def test_only_reveal_gives_the_octets() -> None:
    assert Secret(b"\x01\x02").reveal() == b"\x01\x02"
    assert len(Secret(b"\x01\x02")) == 2
    assert not hasattr(Secret(b""), "__dict__")


def test_equal_octets_make_equal_secrets() -> None:
    assert Secret(b"same") == Secret(b"same")
    assert Secret(b"same") != Secret(b"else")
    assert Secret(b"same") != Secret(b"same, longer")
    assert Secret(b"same") != b"same"


def test_it_cannot_become_a_dictionary_key() -> None:
    try:
        hash(Secret(b"k"))
    except TypeError:
        return
    raise AssertionError("hashed")
