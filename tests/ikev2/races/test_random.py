"""Any mix of requests from both ends, any delay, loss, duplication and order (2.8, 2.25)."""

import pytest

from .plan import draw, failure
from .reading import report, shrink

RUNS = 1000  # ten times as many with --soak
GROUPS = 10


@pytest.mark.parametrize("group", range(GROUPS))
def test_whatever_both_ends_want_they_agree_in_the_end(group: int, times: int) -> None:
    """Each group has seeds of its own; a failing one is shrunk and drawn."""
    for seed in range(group, RUNS * times, GROUPS):
        plan = draw(seed)
        if failure(plan)[0]:
            pytest.fail(report(shrink(plan)), pytrace=False)
