"""What the daemon raises."""

from ikebana.control.daemon import Conflict, NotFound


def test_not_found_names_what_was_asked_and_what_exists() -> None:
    error = NotFound("tokio", ["tokyo"])
    assert (str(error), error.name, error.known) == ("no connection 'tokio'", "tokio", ("tokyo",))
    assert isinstance(error, LookupError)


def test_conflict_has_a_hint() -> None:
    error = Conflict("net is disabled", "set enabled = true")
    assert (str(error), error.hint) == ("net is disabled", "set enabled = true")
