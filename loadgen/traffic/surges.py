"""How strong an incident is over time, and what a spike does to where visitors come from."""

from __future__ import annotations

import numpy as np

from loadgen.scenario import Incident, Spike, Surge
from loadgen.traffic.draws import Floats

AT_ONCE = 0.001
"""A ramp of no length takes so many seconds."""


def knots(incident: Incident | Surge) -> Floats:
    """When an incident begins, is whole, begins to go, and is over."""
    ramp = max(incident.ramp, AT_ONCE)
    return incident.at + np.cumsum([0.0, ramp, incident.length, ramp])


def strength(incident: Incident | Surge, at: Floats) -> Floats:
    """How strong it is at these run times, from 0 to 1."""
    return np.interp(at, knots(incident), [0.0, 1.0, 1.0, 0.0])


def spiked(spikes: list[Spike], countries: list[str], at: Floats) -> Floats | None:
    """Factor on how many come from each country (column) at these run times (row); None when nobody is part of one."""
    factor = None
    for spike in spikes:
        grown = strength(spike, at)
        if spike.countries and grown.any():
            factor = np.ones((len(at), len(countries))) if factor is None else factor
            part = np.array([name in spike.countries for name in countries])
            factor *= 1 + (spike.times - 1) * grown[:, None] * part
    return factor
