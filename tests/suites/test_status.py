import pytest

from suites.encr import ENCR
from suites.integ import INTEG
from suites.kex import GROUP
from suites.keywords import Row, lookup
from suites.prf import PRF
from suites.status import Status

ROWS: tuple[Row, ...] = (*ENCR, *INTEG, *PRF, *GROUP)


def test_a_status_prints_as_its_word() -> None:
    assert f"{Status.LEGACY}" == "legacy"


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_every_aged_row_says_what_to_use_instead(row: Row) -> None:
    aged = row.status in (Status.LEGACY, Status.BROKEN)
    assert bool(row.instead) == aged
    if aged:
        better = lookup(row.instead)
        assert better is not None
        assert type(better) is type(row)
        assert better.status is Status.MUST
