"""A missing need is told in words that help."""

from tests.lab.needs import find, missing


def test_a_missing_program_is_told_with_its_package() -> None:
    assert "apt-get install no-such-program" in missing("no-such-program")
    assert find("no-such-program") is None


def test_what_is_there_is_not_missing() -> None:
    assert "python3" not in missing("python3")
