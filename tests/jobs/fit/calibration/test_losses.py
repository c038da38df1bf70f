"""A small batch limit of the client loses the last events of a page; a fit makes up for them."""

from __future__ import annotations

from pathlib import Path

import pytest

from loadgen.jobs.fit.calibration.losses import measure_shares
from loadgen.jobs.fit.estimates.estimate import see_visits
from loadgen.scenario import Scenario
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
