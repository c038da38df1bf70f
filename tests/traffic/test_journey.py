"""Dwell times follow the law that the scenario states: Kolmogorov–Smirnov at 0.1 %, fixed seed."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from loadgen import traffic
from loadgen.rum.events import FCP
from loadgen.scenario import Scenario
from loadgen.traffic.draws import Choice
from tests.traffic.conftest import SEED
from tests.traffic.look import SMALL, readable

LAWS = {
    '{ distribution = "weibull", shape = 0.75, scale = 40 }': stats.weibull_min(0.75, scale=40).cdf,
    '{ distribution = "lognormal", median = 20, sigma = 0.8 }': stats.lognorm(0.8, scale=20).cdf,
    '{ distribution = "exponential", mean = 30 }': stats.expon(scale=30).cdf,
    '{ distribution = "quantiles", seconds = [0, 10, 60] }': lambda x: np.interp(x, [0, 10, 60], [0, 0.5, 1]),
}


@pytest.mark.parametrize("law", LAWS)
def test_dwell_times_follow_their_law(law: str) -> None:
    text = SMALL.replace('path = "/"', f'path = "/"\nthink_time = {law}') + "[telemetry]\ntab_switches = 0"
    sessions = traffic.draw_sessions(Scenario.parse(text, "small.toml").adjust(rate=5), SEED)
    looked = []
    for session in map(readable, sessions):
        for load, after in zip(session.loads, (*session.loads[1:], None), strict=True):
            paint = [event.details.value for event in load.events if event.type == FCP]
            if load.events[0].page.id == "/" and paint:
                looked.append((after.at if after else load.hides[-1]) - max(load.ready, load.at + paint[0] / 1000))
    assert len(looked) > 1000
    assert stats.kstest(looked, LAWS[law]).pvalue > 0.001


def test_one_number_is_picked_as_a_column_of_them_is() -> None:
    law = Choice([[0.2, 0.0, 0.8], [1.0, 1.0, 0.0]])
    uniform = np.append(np.linspace(0, 1, 99, endpoint=False), [0.2, 0.5])
    for row in (0, 1):
        assert [law.pick_one(each, row) for each in uniform.tolist()] == law.pick(uniform, row).tolist()
