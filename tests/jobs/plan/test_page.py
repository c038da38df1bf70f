"""A plan's page stands alone and is legible."""

from __future__ import annotations

import msgspec
import pytest

from loadgen.charts import make_linear_scale
from loadgen.jobs.plan.figures import CapacityPlan
from loadgen.jobs.plan.page import build_plan_page, place_quota_marks


def test_the_page_needs_nothing_from_anywhere(answer: CapacityPlan) -> None:
    text = build_plan_page(answer)
    assert not [word for word in ("http://", "https://", " src=", "@import", "url(") if word in text]
    assert text.count("<svg") == 4
    assert 'content="light dark"' in text


@pytest.mark.parametrize(
    ("quota", "labels"),
    [(10.0, ["quota 10/s", "needed 90/s"]), (200.0, ["needed 90/s", "quota 200/s"]),
     (88.0, ["quota 88/s", "needed 90/s"]), (90.0, ["needed and given 90/s"])],
)  # fmt: skip
def test_each_quota_has_a_mark_of_its_own(answer: CapacityPlan, quota: float, labels: list[str]) -> None:
    need = msgspec.structs.replace(answer.need, quota=90)
    asked = msgspec.structs.replace(answer.throttling, quota=quota)
    plan = msgspec.structs.replace(answer, need=need, throttling=asked)
    marks = place_quota_marks(plan, make_linear_scale(max(quota, 90.0) * 1.25))
    assert [mark.label for mark in marks] == labels
    assert [mark.end for mark in marks] == [*(mark.start for mark in marks[1:]), 1.0]
