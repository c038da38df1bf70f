"""Scenario → when sessions start: along a rate, or by a closed population's visits."""

from __future__ import annotations

import numpy as np

from loadgen.scenario import Scenario
from loadgen.traffic import closed
from loadgen.traffic.arrivals import RateCurve, curve
from loadgen.traffic.arrivals import starts as along
from loadgen.traffic.block import Blocks
from loadgen.traffic.draws import Floats
from loadgen.traffic.seeds import Seeds


def rate(scenario: Scenario) -> RateCurve:
    """The mean rate of sessions over the run."""
    visitors = scenario.arrivals.visitors
    if visitors is None:
        return curve(scenario.arrivals, scenario.duration)
    steady = closed.mean_rate(Blocks(scenario, 0), visitors)
    return RateCurve(np.array([0.0, scenario.duration]), np.array([steady, steady]))


def starts(scenario: Scenario, seed: int) -> Floats:
    """The starts of all sessions of a run in ascending order, in seconds from its zero."""
    visitors = scenario.arrivals.visitors
    if visitors is None:
        return along(curve(scenario.arrivals, scenario.duration), Seeds(seed))
    return closed.visits(Blocks(scenario, seed), visitors, scenario.duration).start
