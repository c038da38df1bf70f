"""A plan that several tests look at."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from loadgen.jobs.plan.capacity import build_plan
from loadgen.jobs.plan.figures import CapacityPlan
from loadgen.jobs.progress import ignore_progress
from loadgen.verb_options import PlanOptions
from tests.jobs.plan.shop import SHOP

BUSY = SHOP.adjust(duration=60.0, rate=5.0)


@pytest.fixture(scope="package", autouse=True)
def few_sessions_are_tried() -> Iterator[None]:
    """Client settings are tried on fewer sessions than a real plan's."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("loadgen.jobs.plan.rehearse.TRIED_SESSIONS", 150)
        yield


@pytest.fixture(scope="package")
def answer() -> CapacityPlan:
    return build_plan([BUSY], 3, PlanOptions(quota=20.0, rates=(0.1, 1.0)), ignore_progress)
