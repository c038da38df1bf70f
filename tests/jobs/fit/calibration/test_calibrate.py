"""A small batch limit loses events, and links are clicked whatever the rate of inputs is: both are made up for."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from loadgen.jobs.fit.calibration.calibrate import (
    ROUNDS,
    correct_inputs,
    count_inputs,
    find_minutes,
    guess_inputs,
    measure_shares,
)
from loadgen.jobs.fit.calibration.generated import make_steady, record_generated
from loadgen.jobs.fit.drafting.compose_telemetry import compose_inputs
from loadgen.jobs.fit.drafting.draft import Draft
from loadgen.jobs.fit.estimates.estimate import Seen, estimate, see_visits
from loadgen.scenario import Resources, Scenario
from tests.jobs.fit.round_trip import fit_traffic, record, stretch

SITE = """
name = "leaflet"
arrivals.rate = 1

[monitor]
telemetries = ["errors", "performance", "interaction"]
custom_events = true

[client]
batchLimit = 12

[population]
think_time.desktop = { distribution = "lognormal", median = 9, sigma = 0.6 }
think_time.mobile = { distribution = "lognormal", median = 9, sigma = 0.6 }

[pages.home]
path = "/"
to = { thanks = 0.4 }
exit = 0.6
clicks = [{ id = "more", per_view = 0.6 }]
events = [{ type = "seen", per_view = 0.5 }]

[pages.thanks]
path = "/thanks"
exit = 1
events = [{ type = "lead" }]

[telemetry]
errors = { sessions = 0.4, per_session = 2, messages = 2 }
"""


def test_events_that_a_batch_limit_loses_are_made_up_for(tmp_path: Path) -> None:
    """The shares are twice as near to the truth as what the data show, and generate what the data show."""
    scenario = Scenario.parse(SITE, "leaflet.toml")
    fitted = fit_traffic(scenario, 800, tmp_path)
    assert fitted.client.batchLimit == 12
    shown, again = (
        measure_shares(see_visits(record(stretch(each, 800), seed), 5)) for each, seed in ((scenario, 11), (fitted, 12))
    )
    home, thanks = fitted.pages["home"], fitted.pages["thanks"]
    for key, truth, found in (
        (("home", "seen"), 0.5, home.events[0].per_view),
        (("home", "BUTTON", "more", ""), 0.6, home.clicks[0].per_view),
        (("thanks", "lead"), 1.0, thanks.events[0].per_view),
        (("", "sessions"), 0.4, fitted.telemetry.errors.sessions),
    ):
        assert shown[key] < 0.7 * truth
        assert abs(found - truth) < 0.5 * (truth - shown[key])
        assert again[key] == pytest.approx(shown[key], rel=0.15)
    assert fitted.telemetry.errors.per_session == pytest.approx(2, abs=0.3)


SESSIONS = 1_000


@cache
def see_inputs(
    rate: float, *telemetries: str, rage: float = 0.06, listeners: float = 0.6, sessions: int = SESSIONS
) -> Seen:
    """Visits to the shop of quickstart with so many inputs a minute."""
    scenario = Scenario.load("quickstart")
    few = Resources(stylesheet=0, script=1, font=0, image=0)
    telemetry = scenario.telemetry.model_copy(
        update={"interactions_per_minute": rate, "resources": few, "rage_clicks": rage, "pointer_listeners": listeners}
    )
    monitor = scenario.monitor.model_copy(update={"telemetries": telemetries})
    changed = scenario.model_copy(update={"telemetry": telemetry, "monitor": monitor})
    return see_visits(record_generated(make_steady(changed, sessions), sessions, 5), 5)


@pytest.mark.parametrize("telemetries", [("performance",), ("performance", "interaction")])
@pytest.mark.parametrize("rate", [0.25, 1.0])
def test_inputs_that_lack_are_made_up_for_at_once(telemetries: tuple[str, ...], rate: float) -> None:
    """Links are clicked whatever the rate, so a ratio of counts would take many rounds."""
    recorded, shown = see_inputs(rate, *telemetries), see_inputs(0.5, *telemetries)
    missing = (count_inputs(recorded) - count_inputs(shown)) / find_minutes(shown)
    assert correct_inputs(0.5, missing) == pytest.approx(rate, rel=0.25)


@pytest.mark.parametrize(("rate", "telemetries"), [(6.0, ("performance", "interaction")), (0.1, ("performance",))])
def test_any_rate_of_inputs_is_found_in_as_many_rounds_as_there_are(rate: float, telemetries: tuple[str, ...]) -> None:
    """Where few inputs come and clicks are not recorded, 1,000 visits have five loads with an input less at 0.09."""
    many = 2 * SESSIONS if rate < 1 else SESSIONS
    recorded = see_inputs(rate, *telemetries, sessions=many)
    found = guess_inputs(recorded)
    for _ in ROUNDS:
        shown = see_inputs(found, *telemetries, sessions=many)
        found = correct_inputs(found, (count_inputs(recorded) - count_inputs(shown)) / find_minutes(shown))
    assert found == pytest.approx(rate, rel=0.1)


def find_inputs(seen: Seen) -> dict[str, float]:
    """What a fit writes of inputs; each has a comment."""
    draft = Draft("x", "y")
    compose_inputs(draft, seen, estimate(seen, 1.0, 5))
    found: dict[str, float] = draft.sections["telemetry"]
    assert all(f"{name}: " in draft.comments["telemetry"] for name in found)
    return found


@pytest.mark.parametrize(("rage", "listeners"), [(0.2, 0.9), (0.02, 0.3)])
def test_bursts_of_clicks_and_named_targets_are_what_the_scenario_says(rage: float, listeners: float) -> None:
    shown = see_inputs(0.25, "performance", "interaction", rage=rage, listeners=listeners)
    found = find_inputs(shown)
    assert found["rage_clicks"] == pytest.approx(rage, abs=0.04)
    assert found["pointer_listeners"] == pytest.approx(listeners, abs=0.1)
    calm = see_inputs(0.25, "performance", "interaction", rage=0.0)
    assert count_inputs(shown) == pytest.approx(count_inputs(calm), rel=0.02)  # bursts are no other inputs


def test_where_no_clicks_are_recorded_bursts_are_not_told() -> None:
    assert "rage_clicks" not in find_inputs(see_inputs(0.25, "performance"))
