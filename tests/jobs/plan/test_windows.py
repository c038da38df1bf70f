"""A run's seconds are grouped by what its length lets one see."""

from __future__ import annotations

import pytest

from loadgen.jobs.plan.windows import divide_run
from loadgen.scenario import Arrivals, Day, Stage
from tests.jobs.plan.shop import SHOP


def test_hours_are_named_by_the_day_of_the_scenario() -> None:
    late = Arrivals(rate=1.0, day=Day(starts="fri 22:00"))
    found = divide_run(SHOP.model_copy(update={"arrivals": late, "duration": 86_400.0}))
    assert [name for name, _, _ in found[:4]] == ["22:00", "23:00", "00:00", "01:00"]


@pytest.mark.parametrize(
    ("duration", "count", "first"), [(60.0, 1, "whole run"), (86_400.0, 24, "00:00"), (7 * 86_400.0, 7, "day 1")]
)
def test_windows_follow_the_length(duration: float, count: int, first: str) -> None:
    found = divide_run(SHOP.adjust(duration=duration))
    assert (len(found), found[0][0]) == (count, first)
    assert found[-1][2] == duration


def test_stages_name_their_windows() -> None:
    stages = (Stage(duration=30.0, target=40.0), Stage(duration=60.0, target=40.0))
    found = divide_run(SHOP.model_copy(update={"arrivals": Arrivals(rate=5.0, stages=stages), "duration": 100.0}))
    assert [name for name, _, _ in found] == ["5 → 40/s", "hold 40/s", "hold 40/s"]
    assert [end for _, _, end in found] == [30, 90, 100]
