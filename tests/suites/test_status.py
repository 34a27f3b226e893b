import pytest

from suites.encr import ENCR
from suites.integ import INTEG
from suites.kex import GROUP
from suites.keywords import Row, lookup
from suites.prf import PRF
from suites.status import UNNUMBERED, Status, is_standard

ROWS: tuple[Row, ...] = (*ENCR, *INTEG, *PRF, *GROUP)


def test_a_status_prints_as_its_word() -> None:
    assert f"{Status.LEGACY}" == "legacy"


def test_numbers_from_1024_on_are_for_private_use() -> None:
    assert [is_standard(one) for one in (UNNUMBERED, 1, 1023, 1024, 65535)] == [
        False, True, True, False, False,
    ]  # fmt: skip


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_every_aged_row_says_what_to_use_instead(row: Row) -> None:
    aged = row.status in (Status.LEGACY, Status.BROKEN)
    assert bool(row.instead) == aged
    if aged:
        better = lookup(row.instead)
        assert better is not None
        assert type(better) is type(row)
        assert better.status is Status.MUST
