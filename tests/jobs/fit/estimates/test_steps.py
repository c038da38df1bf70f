"""How visits go on and end: probabilities of all visitors, though those who stay are seen most."""

from __future__ import annotations

import numpy as np
import pytest

from loadgen.jobs.fit.estimates.estimate import see_visits
from loadgen.jobs.fit.estimates.steps import fit_leaving
from loadgen.jobs.fit.reading.recorded import Bools
from loadgen.jobs.fit.visits.visits import CacheReturns, Visits
from loadgen.scenario import Scenario
from tests.jobs.fit.round_trip import record

BOUNCE, EXIT = 0.5, 0.35


def keep_still(visits: Visits) -> CacheReturns:
    """No returns from the browser's cache."""
    return CacheReturns(np.arange(len(visits.page)), np.zeros(0, dtype=np.int64))


def walk_visits(sessions: int, persistence: float) -> tuple[Visits, Bools]:
    """Visits to one page whose visitors' log-odds of leaving differ so much, and which of the views have a next one."""
    stream = np.random.default_rng(4)
    z, weight = np.polynomial.hermite_e.hermegauss(31)
    middle = {
        mean: min(np.linspace(-6, 6, 2_000), key=lambda odds: abs(
            (weight / (1 + np.exp(-odds - persistence * z))).sum() / weight.sum() - mean))
        for mean in (BOUNCE, EXIT)
    }  # fmt: skip
    own = persistence * stream.standard_normal(sessions)
    depth = np.zeros(sessions, dtype=np.int64)
    active = np.arange(sessions)
    while active.size:
        depth[active] += 1
        odds = np.where(depth[active] == 1, middle[BOUNCE], middle[EXIT]) + own[active]
        active = active[stream.random(active.size) > 1 / (1 + np.exp(-odds))]
        active = active[depth[active] < 200]
    session = np.repeat(np.arange(sessions), depth)
    number = np.concatenate([np.arange(each) for each in depth])
    first, last = number == 0, number == depth[session] - 1
    parent = np.where(first, -1, np.arange(len(session)) - 1)
    nothing, never = np.zeros(len(session), dtype=np.int64), np.zeros(len(session), dtype=bool)
    visits = Visits(session, nothing, nothing, nothing.astype(float), nothing, parent, first, last,
                    nothing.astype(float), nothing, nothing, nothing, never, ~never, last, nothing)  # fmt: skip
    return visits, ~last


def test_exits_are_those_of_all_visitors_though_the_persistent_see_most_pages() -> None:
    visits, gone = walk_visits(6_000, 1.5)
    later = ~visits.first
    assert visits.ended[later].mean() < EXIT - 0.15
    found = fit_leaving(visits, gone, np.zeros(1), keep_still(visits))
    assert found.persistence == pytest.approx(1.5, abs=0.15)
    assert found.bounce[0] == pytest.approx(BOUNCE, abs=0.02)
    assert found.exit[0] == pytest.approx(EXIT, abs=0.03)


def test_visitors_who_are_alike_have_no_persistence() -> None:
    visits, gone = walk_visits(3_000, 0.0)
    found = fit_leaving(visits, gone, np.zeros(1), keep_still(visits))
    assert found.persistence == 0
    assert found.exit[0] == pytest.approx(visits.ended[~visits.first].mean())


def test_steps_that_the_client_cannot_see_are_steps_of_those_who_stay() -> None:
    visits, gone = walk_visits(3_000, 0.0)
    hidden = 0.5 * len(visits.page)
    found = fit_leaving(visits, gone, np.array([hidden]), keep_still(visits))
    staying = (gone & ~visits.first).sum() + hidden
    assert found.exit[0] == pytest.approx(
        visits.ended[~visits.first].sum() / (visits.ended[~visits.first].sum() + staying)
    )


GAMES = """
name = "games"
duration = "20m"
monitor.telemetries = ["interaction"]
client.sessionEventLimit = 45
arrivals.rate = 0.7
telemetry.interactions_per_minute = 8
population.impatience = 0

[pages.lobby]
path = "/"
bounce = 0.2
to = { game = 0.8 }
exit = 0.2

[pages.game]
path = "/game/{game}"
route = true
to = { game = 0.6, lobby = 0.2 }
exit = 0.2
"""


def test_visitors_whom_the_event_limit_cut_do_not_pass_for_such_as_stay() -> None:
    """An end near the limit may be a cut and is left out; so must be a step there, else visitors seem to differ."""
    seen = see_visits(record(Scenario.parse(GAMES, "games.toml"), 3), 5)
    assert seen.cuts.full.mean() > 0.25
    found = seen.steps.leaving
    assert found.persistence == 0
    assert found.exit[seen.site.names.index("game")] == pytest.approx(0.2, abs=0.03)
