"""Which devices, systems and browsers visitors have: the tables of countries, raked to a scenario's mixes.

Rule: visitors have platforms of the table alone. A stated share that no platform has, or that does not go with the
others, is not reached; `find_unmet_shares` names it, because the visits themselves do not show it.
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
"""A share that falls short by more is told; those that go together are reached to a thousandth."""

ATTRIBUTES = {
    "devices": [platform.device for platform in PLATFORMS],
    "browsers": [platform.browser for platform in PLATFORMS],
    "systems": [platform.os for platform in PLATFORMS],
}
"""What each platform has of each mix, in the order in which a step of raking takes the mixes."""


class UnmetShare(NamedTuple):
    """A share of visitors that a scenario states and its visits fall short of."""

    mix: str  # devices, browsers or systems
    name: str
    stated: float
    reached: float
    partners: dict[str, list[str]]  # what platforms of this name have of the other mixes


def weigh_mixes(scenario: Scenario) -> Floats:
    """Weight of each platform (column) in each country (row) of the population, each row adding up to 1.

    Raises ScenarioError when no platform has what the population states.
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
    """The shares that a scenario states of devices, browsers and systems, and that its visitors fall short of."""
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
    """Whether some visitor has one of the devices and browsers that an incident names."""
    weights = weigh_mixes(scenario).sum(axis=0)
    for names, chosen in ((ATTRIBUTES["devices"], incident.devices), (ATTRIBUTES["browsers"], incident.browsers)):
        if chosen:
            weights = weights * np.isin(names, chosen)
    return bool(weights.any())


def _list_stated(population: Population) -> list[tuple[str, dict[str, float]]]:
    """The mixes that a population states."""
    mixes: list[tuple[str, dict[Any, float] | None]] = [
        ("devices", population.devices),
        ("browsers", population.browsers),
        ("systems", population.systems),
    ]
    return [(mix, {str(name): share for name, share in shares.items()}) for mix, shares in mixes if shares]


def _weigh_countries(population: Population) -> Floats:
    """The share of each country's visitors."""
    mass = np.array(list(population.countries.values()), dtype=np.float64)
    return np.asarray(mass / mass.sum(), dtype=np.float64)


def _list_names(names: list[str], has: Any) -> list[str]:
    """The different names at some places, in the order of the platforms."""
    return list(dict.fromkeys(name for name, there in zip(names, has.tolist(), strict=True) if there))
