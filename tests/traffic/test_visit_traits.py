from __future__ import annotations

import numpy as np
import pytest

from loadgen.scenario import Arrivals, Scenario
from loadgen.traffic import draw_sessions, draw_traits
from tests.traffic.look import small

CROWD = small().model_copy(update={"arrivals": Arrivals(visitors=40, pause=10)})
BACK = small().model_copy(update={"population": small().population.model_copy(update={"back": 0.4, "bfcache": 0.8})})


@pytest.mark.parametrize("scenario", [small(), CROWD, BACK], ids=["open", "closed", "back"])
def test_traits_are_those_of_the_sessions(scenario: Scenario) -> None:
    share = (1, 3)
    sessions = {session.index: session for session in draw_sessions(scenario, 5, share)}
    drawn = list(draw_traits(scenario, 5, share))
    index, traits = (np.concatenate(column) for column in zip(*drawn, strict=True))
    assert sorted(index.tolist()) == sorted(sessions)
    pages = len(scenario.pages)
    views = traits[:, : 3 * pages].reshape(-1, pages, 3).sum(axis=1)
    _, loads, restored = views.T
    assert (loads + restored).tolist() == [len(sessions[each].loads) for each in index.tolist()]
    returning = [sessions[each].visitor.returning for each in index.tolist()]
    assert any(np.array_equal(column, returning) for column in traits.T)
    if scenario is BACK:
        assert restored.sum() > 0
