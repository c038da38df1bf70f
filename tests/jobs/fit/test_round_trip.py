"""Small round trips: a scenario's traffic is fitted, and the fit is near the scenario, as far as few sessions tell.

The same with 20,000 sessions of every shipped scenario are tests of `make bench` (tests/benchmarks).
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from loadgen.scenario import Exponential, Lognormal, Quantiles, Scenario, ThinkTime, Weibull
from tests.jobs.fit.law import find_error, find_p75
from tests.jobs.fit.round_trip import find_mean, find_variation, go_round

NIGHT_OWLS = """
name = "night-owls"
description = "A single-page application in one country, with custom events and a rhythm of the night."
duration = "24h"

[monitor]
domain = "notes.example.se"
telemetries = ["errors", "performance", "http", "interaction"]
custom_events = true

[client]
enableXRay = true

[arrivals]
rate = 0.02
day = { starts = "tue 00:00", ratio = 6, peak_hour = 23.5, trough_hour = 11 }

[population]
countries = { SE = 1 }
devices = { desktop = 60, mobile = 40 }
returning = 0.6
visitors = 600
back = 0.05

[pages.start]
path = "/"
title = "Notes"
bounce = 0.3
to = { note = 0.7, search = 0.1 }
exit = 0.2
api = ["GET /api/notes"]

[pages.note]
path = "/note/{note}"
title = "{note}"
route = true
to = { note = 0.5, start = 0.1, search = 0.15 }
exit = 0.25
api = ["GET /api/note/{note}", { method = "PUT", path = "/api/note/{note}", per_view = 0.4 }]
events = [{ type = "note_saved", per_view = 0.35, details = { note = "{note}", words = 120 } }]
think_time = { distribution = "lognormal", median = 50, sigma = 0.9 }

[pages.search]
path = "/search"
title = "Search"
route = true
to = { note = 0.8 }
exit = 0.2
events = [{ type = "searched", per_view = 0.9 }]
"""

PORTAL = """
name = "portal"
description = "A portal of a firm behind a log-in, in two countries, whose client keeps no cookies."
duration = "3h"

[monitor]
domain = "portal.example.de"
telemetries = ["errors", "performance", "http"]

[client]
allowCookies = false
enableXRay = true
recordAllRequests = true

[arrivals]
rate = 1

[population]
countries = { DE = 70, AT = 30 }
devices = { desktop = 97, tablet = 3 }
browsers = { Edge = 60, Chrome = 35, Firefox = 5 }
returning = 0.8
visitors = 1500
back = 0.04

[pages.login]
path = "/login"
entry = 80
to = { portal = 0.8, login = 0.05 }
exit = 0.15
api = [{ method = "POST", path = "/rest/session", via = "xhr" }]
think_time = { distribution = "lognormal", median = 9, sigma = 0.5 }

[pages.portal]
path = "/portal"
entry = 20
to = { orders = 0.6, order = 0.2 }
exit = 0.2
api = [{ path = "/rest/me", via = "xhr" }, { path = "/rest/news", via = "xhr", per_view = 0.7 }]

[pages.orders]
path = "/portal/orders"
route = true
to = { order = 0.7, portal = 0.1 }
exit = 0.2
api = [{ path = "/rest/orders", via = "xhr" }]

[pages.order]
path = "/portal/orders/{order}"
title = "Order {order}"
route = true
to = { orders = 0.5, order = 0.3 }
exit = 0.2
api = [{ path = "/rest/orders/{order}", via = "xhr" }]
think_time = { distribution = "lognormal", median = 70, sigma = 1 }

[telemetry]
api = { median_ms = 260, sigma = 0.6 }
"""

TOOLS = """
name = "tools"
description = "A shop for tools with visits of many pages, whose client keeps no cookies."
duration = "3h"

[monitor]
telemetries = ["errors", "performance", "http", "interaction"]
domain = "tools.example.fr"

[client]
allowCookies = false

[arrivals]
rate = 1

[population]
countries = { FR = 80, BE = 20 }
returning = 0.35
back = 0.1

[pages.home]
path = "/"
entry = 55
to = { category = 0.55, product = 0.1 }
exit = 0.35
resources = { image = 10, script = 8, stylesheet = 2, font = 2 }

[pages.category]
path = "/c/{category}"
entry = 20
to = { product = 0.55, category = 0.15 }
exit = 0.3
resources = { image = 12 }

[pages.product]
path = "/p/{product}"
entry = 25
to = { product = 0.2, category = 0.2, cart = 0.12 }
exit = 0.48

[pages.cart]
path = "/cart"
to = { checkout = 0.45, product = 0.15 }
exit = 0.4
think_time = { distribution = "lognormal", median = 20, sigma = 0.7 }

[pages.checkout]
path = "/checkout"
to = { home = 0.2 }
exit = 0.8
think_time = { distribution = "lognormal", median = 80, sigma = 0.6 }

[pools]
product = { size = 80 }
category = { size = 9 }
"""

PAPER = """
name = "paper"
description = "A newspaper with short visits, whose client keeps no cookies."
duration = "3h"

[monitor]
telemetries = ["errors", "performance", "http", "interaction"]
domain = "blad.example.se"

[client]
allowCookies = false

[arrivals]
rate = 1.5

[population]
countries = { SE = 85, FI = 15 }
devices = { mobile = 75, desktop = 25 }
returning = 0.6
back = 0.05

[pages.front]
path = "/"
entry = 50
to = { article = 0.7 }
exit = 0.3
resources = { image = 10, script = 10 }

[pages.article]
path = "/news/{article}"
entry = 50
bounce = 0.6
to = { article = 0.2, front = 0.1 }
exit = 0.7
resources = { image = 4, script = 12 }

[pools]
article = { size = 150 }
"""

OWN = {"night-owls": NIGHT_OWLS, "portal": PORTAL, "tools": TOOLS, "paper": PAPER}


@pytest.mark.parametrize(("name", "sessions"), [("quickstart", 800), ("night-owls", 600), ("portal", 200)])
def test_a_fit_is_near_the_truth(name: str, sessions: int, tmp_path: Path) -> None:
    scenario = Scenario.parse(OWN[name], name) if name in OWN else Scenario.load(name)
    found = go_round(scenario, sessions, tmp_path)
    wrong = [each for each in found if not each.holds]
    assert len(found) >= 8
    assert not wrong


@pytest.mark.parametrize(
    ("law", "times"),
    [
        (Lognormal(distribution="lognormal", median=20, sigma=0.8), lambda stream: 20 * np.exp(0.8 * stream[0])),
        (Weibull(distribution="weibull", shape=0.7, scale=30), lambda stream: 30 * stream[1] ** (1 / 0.7)),
        (Exponential(distribution="exponential", mean=9), lambda stream: 9 * stream[1]),
        (
            Quantiles(distribution="quantiles", seconds=(1, 3, 9)),
            lambda stream: np.interp(stream[2], [0, 0.5, 1], [1, 3, 9]),
        ),
    ],
)
def test_mean_and_variation_of_think_times_are_those_of_draws(law: ThinkTime, times: Callable[[Any], Any]) -> None:
    stream, number = np.random.default_rng(2), 200_000
    drawn = times((stream.standard_normal(number), stream.standard_exponential(number), stream.random(number)))
    assert find_mean(law) == pytest.approx(drawn.mean(), rel=0.02)
    assert find_variation(law) == pytest.approx(drawn.std() / drawn.mean(), rel=0.03)


def test_an_error_is_told_however_few_people_there_are() -> None:
    values = np.random.default_rng(1).uniform(1, 2, 400)
    few, many = (find_error(values, np.arange(400) % people * 3, find_p75) for people in (7, 400))
    assert 0 < few < 0.1
    assert few == pytest.approx(many, rel=0.8)
