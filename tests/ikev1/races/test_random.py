"""Any mix of requests from both ends, any delay, loss, duplication and order."""

import pytest

from .plan import draw, failure
from .reading import report, shrink

RUNS = 300  # more than three times as many with --soak
SOAKED = 1000
GROUPS = 10


@pytest.mark.parametrize("group", range(GROUPS))
def test_whatever_both_ends_want_they_agree_in_the_end(group: int, times: int) -> None:
    """Each group has seeds of its own; a failing one is shrunk and drawn."""
    for seed in range(group, RUNS if times == 1 else SOAKED, GROUPS):
        plan = draw(seed)
        if failure(plan)[0]:
            pytest.fail(report(shrink(plan)), pytrace=False)
