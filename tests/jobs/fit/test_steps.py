"""How visits go on and end: probabilities of all visitors, though those who stay are seen most."""

from __future__ import annotations

import numpy as np
import pytest

from loadgen.jobs.fit.recorded import Bools
from loadgen.jobs.fit.steps import fit_leaving
from loadgen.jobs.fit.visits import Visits

BOUNCE, EXIT = 0.5, 0.35


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
    nothing, never = np.zeros(len(session), dtype=np.int64), np.zeros(len(session), dtype=bool)
    visits = Visits(session, nothing, nothing, nothing.astype(float), number, nothing, first, last,
                    nothing.astype(float), nothing, nothing, nothing, never, ~never, last)  # fmt: skip
    return visits, ~last


def test_exits_are_those_of_all_visitors_though_the_persistent_see_most_pages() -> None:
    visits, gone = walk_visits(6_000, 1.5)
    later = ~visits.first
    assert visits.ended[later].mean() < EXIT - 0.15
    found = fit_leaving(visits, gone, np.zeros(1))
    assert found.persistence == pytest.approx(1.5, abs=0.15)
    assert found.bounce[0] == pytest.approx(BOUNCE, abs=0.02)
    assert found.exit[0] == pytest.approx(EXIT, abs=0.03)


def test_visitors_who_are_alike_have_no_persistence() -> None:
    visits, gone = walk_visits(3_000, 0.0)
    found = fit_leaving(visits, gone, np.zeros(1))
    assert found.persistence == 0
    assert found.exit[0] == pytest.approx(visits.ended[~visits.first].mean())


def test_steps_that_the_client_cannot_see_are_steps_of_those_who_stay() -> None:
    visits, gone = walk_visits(3_000, 0.0)
    hidden = 0.5 * len(visits.page)
    found = fit_leaving(visits, gone, np.array([hidden]))
    staying = (gone & ~visits.first).sum() + hidden
    assert found.exit[0] == pytest.approx(
        visits.ended[~visits.first].sum() / (visits.ended[~visits.first].sum() + staying)
    )
