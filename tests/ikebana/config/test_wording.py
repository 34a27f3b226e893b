import pytest

from tests.ikebana.config.sample import CONNECTION, connection_problem, problem


@pytest.mark.parametrize(
    ("lines", "path", "message", "hint"),
    [
        ("lokal_id = 1", "lokal_id", "unknown key", "did you mean local_id?"),
        ("dpd.intervall_s = 1", "dpd.intervall_s", "unknown key", "did you mean interval_s?"),
        ("lifetime_s = 1", "lifetime_s", "unknown key",
         "it belongs below [connection.ike] or [connection.ipsec]"),
        ("ike.x = 1", "ike.x", "unknown key", None),
        ("local_asn = 1", "local_asn", "is not yet supported by this version", "leave it out"),
        ("dpd.interval_s = 0", "dpd.interval_s", "must be at least 1", "the nearest accepted is 1"),
        ("dpd.interval_s = '8'", "dpd.interval_s", "must be a whole number", ""),
        ("dpd.interval_s = 8.5", "dpd.interval_s", "must be a whole number", ""),
        ("retry.factor = '2'", "retry.factor", "must be a number", ""),
        ("enabled = 'yes'", "enabled", "must be true or false", ""),
        ("remarks = []", "remarks", "must be text, in quotes", ""),
        ("ike = []", "ike", "must be a table", ""),
        ("labels = 1", "labels", "must be a table", ""),
        ("local_subnets = 1", "local_subnets", "must be a list: [ … ]", ""),
        ("initiation = 'pasive'", "initiation", "must be one of: active, on_demand, passive",
         "did you mean passive?"),
        ("initiation = 1", "initiation", "must be one of: active, on_demand, passive", ""),
    ],
)  # fmt: skip
def test_pydantics_findings_are_told_in_our_words(
    lines: str, path: str, message: str, hint: str | None
) -> None:
    found = connection_problem(lines)
    assert (found.path, found.line, found.message) == (f"connection[0].{path}", 5, message)
    assert hint is None or found.hint == hint


def test_a_missing_key_is_told_with_its_meaning() -> None:
    found = problem(CONNECTION.replace('name = "net"\n', ""))
    assert (found.path, found.line, found.message) == ("connection[0].name", 1, "is missing")
    assert found.hint.startswith("Name")


def test_too_many_members_are_counted() -> None:
    texts = ", ".join(['"aes128gcm16"'] * 33)
    found = connection_problem(f"ipsec.proposals = [{texts}]")
    assert found.message == "more than 32 members"
