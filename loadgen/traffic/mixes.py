"""Visitors' devices, systems and browsers: the tables of countries, adjusted (raked) to the mixes of a scenario.

Rule: visitors have only platforms of the table. A stated share that no platform has, or that contradicts other stated
shares, is not reached; `find_unmet_shares` names such shares, because the visits themselves do not show them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from loadgen.errors import ScenarioError
from loadgen.scenario import Population, Scenario, Targeted
from loadgen.traffic.draws import Floats
from loadgen.traffic.platforms import PLATFORMS, rake, weigh_platforms

RAKING_STEPS = 20
UNMET = 0.02
"""A share is reported as unmet if it falls short by more than this; shares without contradiction reach a thousandth."""

ATTRIBUTES = {
    "devices": [platform.device for platform in PLATFORMS],
    "browsers": [platform.browser for platform in PLATFORMS],
    "systems": [platform.os for platform in PLATFORMS],
}
"""By mix: the name that each platform has in it. A step of raking takes the mixes in this order."""


class UnmetShare(NamedTuple):
    """A share of visitors that a scenario states and its visits do not reach."""

    mix: str  # devices, browsers or systems
    name: str
    stated: float
    reached: float
    partners: dict[str, list[str]]  # by other mix: the names in it that platforms of this name have


def weigh_mixes(scenario: Scenario) -> Floats:
    """Compute the weight of each platform (column) in each country (row) of the population; a row adds up to 1.

    Raises ScenarioError if no platform fits all mixes that the population states.
    """
    population = scenario.population
    mass = _weigh_countries(population)
    weights = weigh_platforms(list(population.countries))
    weights /= weights.sum(axis=1, keepdims=True)
    for _ in range(RAKING_STEPS):
        for mix, shares in _list_stated(population):
            weights = rake(weights, ATTRIBUTES[mix], shares, mass)
    if not weights.any():
        stated = " and ".join(mix for mix, _ in _list_stated(population))
        raise ScenarioError(
            f"{scenario.name}: population: no visitor can have these {stated} together; state some that go together, "
            "such as browsers = { Firefox = 1 } with devices = { desktop = 1 }"
        )
    return weights


def find_unmet_shares(scenario: Scenario) -> Iterator[UnmetShare]:
    """Yield the shares of devices, browsers and systems that a scenario states and its visitors do not reach."""
    weights = _weigh_countries(scenario.population) @ weigh_mixes(scenario)
    for mix, shares in _list_stated(scenario.population):
        total = sum(shares.values())
        for name, share in shares.items():
            has = np.array(ATTRIBUTES[mix]) == name
            reached = float(weights[has].sum())
            if share / total - reached > UNMET or (share and not reached):
                others = {other: _list_names(names, has) for other, names in ATTRIBUTES.items() if other != mix}
                yield UnmetShare(mix, name, share / total, reached, others)


def can_hit(scenario: Scenario, incident: Targeted) -> bool:
    """Whether some visitor has a device and a browser that an incident names."""
    weights = weigh_mixes(scenario).sum(axis=0)
    for names, chosen in ((ATTRIBUTES["devices"], incident.devices), (ATTRIBUTES["browsers"], incident.browsers)):
        if chosen:
            weights = weights * np.isin(names, chosen)
    return bool(weights.any())


def _list_stated(population: Population) -> list[tuple[str, dict[str, float]]]:
    """Return the mixes that a population states, by name."""
    return [(mix, dict(shares)) for mix in ATTRIBUTES if (shares := getattr(population, mix))]


def _weigh_countries(population: Population) -> Floats:
    """Return the share of visitors of each country."""
    mass = np.array(list(population.countries.values()), dtype=np.float64)
    return np.asarray(mass / mass.sum(), dtype=np.float64)


def _list_names(names: list[str], has: Any) -> list[str]:
    """Return the different names of the platforms that `has` marks, in the order of the platforms."""
    return list(dict.fromkeys(name for name, there in zip(names, has.tolist(), strict=True) if there))
