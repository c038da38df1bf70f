"""Lean traffic: a rare kind of device is generated alone, with its vitals."""

from __future__ import annotations

import numpy as np
import pytest

from loadgen.jobs.fit.calibration.generated import find_rare_device, make_lean, restrict_to_device, show_draft
from loadgen.jobs.fit.drafting.compose import compose
from loadgen.jobs.fit.drafting.draft import Draft
from loadgen.jobs.fit.estimates.estimate import Seen, estimate, see_visits
from loadgen.rum import events as rum
from loadgen.scenario import Scenario
from tests.jobs.fit.law import stretch
from tests.jobs.fit.round_trip import record

SESSIONS = 600


@pytest.fixture(scope="module")
def seen() -> Seen:
    """Visits to an application whose visitors mostly have desktops."""
    return see_visits(record(stretch(Scenario.load("saas-dashboard"), SESSIONS), 3), 5)


@pytest.fixture(scope="module")
def draft(seen: Seen) -> Draft:
    return compose(seen, estimate(seen, 1.0, 5), "fitted", 1.0, 5)


def test_a_kind_of_device_is_rare_below_a_quarter_of_the_loads(seen: Seen) -> None:
    assert find_rare_device(seen) is True
    place = np.arange(len(seen.loads.small))
    for small, rare in ((place % 5 > 0, False), (place % 3 == 0, None), (place < 5, None), (place < 0, None)):
        assert find_rare_device(seen._replace(loads=seen.loads._replace(small=small))) is rare


@pytest.mark.parametrize("small", [True, False])
def test_a_device_alone_has_all_the_loads(seen: Seen, draft: Draft, small: bool) -> None:
    shown = show_draft(restrict_to_device(make_lean(draft), small), 250, seen)
    assert len(shown.loads.small) > 250
    assert (shown.loads.small == small).all()
    for kind, is_there in ((rum.LCP, True), (rum.INP, True), (rum.HTTP, False), (rum.DOM, False), (rum.XRAY, False)):
        assert (len(shown.recorded.find_rows(kind)) > 0) == is_there, kind


def test_the_draft_itself_is_left_as_it_is(draft: Draft) -> None:
    before = draft.write()
    restrict_to_device(make_lean(draft), True)
    assert draft.write() == before
