"""What a scenario implies is what its sessions do."""

from __future__ import annotations

import numpy as np
import pytest

from loadgen import traffic
from loadgen.model import Session
from loadgen.rum.events import PAGE_VIEW
from loadgen.scenario import Scenario
from tests.traffic.look import events, small


def test_the_implied_figures_are_those_of_the_sessions(storefront: Scenario, crowd: list[Session]) -> None:
    """Two samples of some 5,000 visits: bounces within 3 points, means within 8 %."""
    figures = traffic.describe(storefront)
    depth = np.array([len(list(events([session], PAGE_VIEW))) for session in crowd])
    length = np.array([session.loads[-1].hides[-1] for session in crowd])
    assert figures.bounce == pytest.approx((depth == 1).mean(), abs=0.03)
    assert figures.pages == pytest.approx(depth.mean(), rel=0.08)
    assert figures.seconds == pytest.approx(length.mean(), rel=0.08)
    assert figures.peak_rate == 40
    assert sum(figures.views.values()) == pytest.approx(1)


def test_a_chain_has_the_figures_of_its_probabilities() -> None:
    """Home (0.4 leave) then item (0.5 leave): bounce 0.4 within 2 points when nothing else plays in."""
    plain = small("[population]\nback = 0\nreload = 0\nimpatience = 0")
    assert traffic.describe(plain).bounce == pytest.approx(0.4, abs=0.02)
