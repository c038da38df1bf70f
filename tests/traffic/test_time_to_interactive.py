"""When the client's plugin reports time to interactive, and from when it counts."""

from __future__ import annotations

import pytest

from loadgen import traffic
from loadgen.rum.events import FCP, LCP, NAVIGATION, TTI
from loadgen.scenario import Client, Scenario
from tests.traffic.conftest import SEED
from tests.traffic.look import SMALL, kinds, one, seen, small


def test_time_to_interactive_is_told_when_the_plugin_has_looked_often_enough() -> None:
    """It looks once a second; it tells at the look behind the first one that knows LCP, or at the 13th."""
    assert TTI not in kinds(traffic.draw_sessions(small(), SEED))
    soon = late = 0
    for session in seen(small(timeToInteractive=True), SEED):
        for load in session.loads:
            tti, fcp, lcp, navigation = (one(load, kind) for kind in (TTI, FCP, LCP, NAVIGATION))
            if tti and navigation and fcp:
                assert session.visitor.brand
                looks = tti.at - load.ready
                assert looks == pytest.approx(round(looks), abs=1e-3) and looks > 1.9
                document = navigation.details
                ready = max(fcp.details.value, document.domContentLoadedEventStart + document.domContentLoaded)
                in_time = lcp is not None and lcp.at - load.ready < 11 and looks < 12.5
                ready = max(ready, lcp.details.value) if lcp and in_time else ready
                assert in_time or looks > 12.9
                assert tti.at > lcp.at + 1 if lcp and in_time else True
                assert (tti.details["value"] - ready + 1) % 100 <= 2
                soon, late = soon + in_time, late + (not in_time)
    assert soon > 10 and late > 30


def test_what_is_called_interactive_counts_from_the_activation_of_a_prerendered_page() -> None:
    link = '[pages.item]\nlink = { prerender = 1, eagerness = "immediate" }'
    scenario = Scenario.parse(SMALL.replace("[pages.item]", link), "small.toml")
    scenario = scenario.model_copy(update={"client": Client(timeToInteractive=True)})
    told = [
        (load, tti)
        for session in seen(scenario, SEED)
        for load in session.loads
        if load.shown and load.shown > load.ready and (tti := one(load, TTI))
    ]
    assert len(told) > 5
    for load, tti in told:
        assert 1 <= tti.details["value"] < (tti.at - load.shown) * 1000
