"""Any mix of requests from both ends, any delay, loss, duplication and order (2.8, 2.25)."""

import pytest

from tests.pair.plan import Plan, draw

from .plan import failure
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


def test_a_failing_life_is_shrunk_to_what_matters_and_drawn() -> None:
    plan = next(plan for plan in map(draw, range(1000)) if len(plan.wishes) > 6 and plan.mischief)
    (kind,) = {plan.wishes[3].kind}
    lost = next(deed for deed in plan.mischief if not deed.delays)

    def fails(less: Plan) -> bool:
        return lost in less.mischief and kind in {wish.kind for wish in less.wishes}

    small = shrink(plan, fails)
    assert small.mischief == (lost,)
    assert [wish.kind for wish in small.wishes] == [kind]
    head, _, setting, names, *drawn = report(small).splitlines()
    assert head.startswith(f"seed {plan.seed}: ")
    assert setting.startswith(f"{plan.initiator} initiated; window 1; no PFS; 1 child(ren)")
    assert names.split() == ["moon", "sun"]
    assert f"* {small.wishes[0]}" in drawn
    assert any("IKE_SA_INIT 0 [0.000 → 0.010" in line for line in drawn)
