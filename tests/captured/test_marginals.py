"""Figures that are published of real traffic, and what a dashboard shows of the shipped scenarios that claim them.

Intervals are as wide as the figure is sure and as the sample is small. scenarios/README.md says where two published
figures cannot both hold.
"""

from __future__ import annotations

from typing import NamedTuple

import pytest

from loadgen.scenario import Scenario
from tests.captured.marginals import measure
from tests.judge.visits import draw_visits
from tests.paths import SCENARIOS

SEED = 20261121


class Published(NamedTuple):
    """A published figure, and the interval in which ours must lie."""

    figure: float
    least: float
    most: float


BOTH = {
    "pages a session": Published(4.6, 4.1, 5.1),  # Contentsquare 2022
    "sessions of one page": Published(0.49, 0.44, 0.54),  # Contentsquare 2022: 47 % in e-commerce, 49 % of all
    "sessions of two pages": Published(0.17, 0.13, 0.21),  # law of surfing, fitted to the two above
    "LCP load time p75, mobile": Published(160, 120, 210),  # CrUX, median of good sites (Almanac 2024)
    "LCP is an image, mobile": Published(0.76, 0.72, 0.80),  # Almanac 2025
    "LCP is an image, desktop": Published(0.85, 0.77, 0.89),  # Almanac 2025
    "CLS above 1": Published(0.0, 0.0, 0.001),  # CrUX histograms
    "429 among API errors": Published(0.516, 0.45, 0.58),  # Cloudflare 2024
    "loads with LCP": Published(0.53, 0.35, 0.68),  # recorded visits: 40 to 53 %
    "loads with FID": Published(0.60, 0.45, 0.68),  # recorded visits: 53 to 60 %
    "cached files": Published(0.745, 0.68, 0.80),  # Facebook 2015
    "TTFB p75, mobile": Published(890, 750, 1030),  # CrUX, the median site
    "LCP p75, mobile": Published(2100, 1785, 2415),  # CrUX, the median site
    "LCP p75, desktop": Published(1700, 1445, 1955),  # CrUX, the median site
    "INP p75, mobile": Published(135, 104, 168),  # CrUX
    "CLS p75, mobile": Published(0.04, 0.03, 0.05),  # CrUX
    "TTFB p75, desktop": Published(725, 620, 830),  # CrUX, the median site
    "FCP p75, mobile": Published(1670, 1420, 1920),  # CrUX, the median site
    "FCP p75, desktop": Published(1300, 1105, 1495),  # CrUX, the median site
    "INP p75, desktop": Published(65, 48, 88),  # CrUX; steps of 8 ms
    "CLS p75, desktop": Published(0.06, 0.045, 0.075),  # CrUX
}

STOREFRONT = {
    **BOTH,
    "sessions with a load over 3 s": Published(0.181, 0.15, 0.215),  # Contentsquare 2022
    "sessions with a purchase": Published(0.023, 0.015, 0.031),  # Contentsquare 2021
    "cart abandonment": Published(0.70, 0.62, 0.78),  # Baymard
    "pages of a buyer": Published(22, 16, 32),  # Contentsquare 2022
    "sessions with a rage click": Published(0.06, 0.045, 0.075),  # Contentsquare 2022
}

WORLD = {**BOTH, "sessions with a load over 3 s": Published(0.181, 0.15, 0.26)}
"""Slower networks and farther servers than the web's, so that more loads are slow."""


@pytest.fixture(scope="module", params=["storefront", "global-mobile-day"])
def measured(request: pytest.FixtureRequest) -> tuple[dict[str, Published], dict[str, float]]:
    """What is published for a scenario, and what some 4,000 visits show."""
    name = request.param
    scenario = Scenario.load(SCENARIOS / f"{name}.toml").adjust(duration=120 if name == "storefront" else 4000)
    return STOREFRONT if name == "storefront" else WORLD, measure(draw_visits(scenario, SEED))


@pytest.mark.slow
def test_the_figures_of_a_shipped_scenario_are_those_of_the_web(
    measured: tuple[dict[str, Published], dict[str, float]],
) -> None:
    published, ours = measured
    out = {
        name: (ours[name], figure)
        for name, figure in published.items()
        if not figure.least <= ours[name] <= figure.most
    }
    assert not out
