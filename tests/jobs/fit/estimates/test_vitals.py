"""Vitals by device: a few long visits do not pass for the device, nor what is no load's own time for a slow one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from loadgen.jobs.fit.calibration.calibrate import ROUNDS
from loadgen.jobs.fit.calibration.match_telemetry import correct_lcp_parts, correct_shared_slowness, correct_shifts
from loadgen.jobs.fit.estimates.estimate import Seen, see_visits
from loadgen.jobs.fit.estimates.vitals import find_lcp_parts, find_shifts, match_logarithms, weigh_loads
from loadgen.jobs.fit.reading.recorded import Floats, Ints
from loadgen.scenario import Scenario
from loadgen.scenario.telemetry import Shifts
from tests.jobs.fit.round_trip import record, stretch

VISITS, SPREAD, COMMON = 400, 0.8, 0.7


def draw_loads(seed: int, slower: float = 0.0) -> tuple[Floats, Ints]:
    """Times of loads whose median is 1, and whose visits they are: most visits have one load, a few have very many.

    `slower`: how much slower visits with more than ten loads are, as a logarithm.
    """
    stream = np.random.default_rng(seed)
    number = np.minimum(np.ceil(stream.pareto(1.1, VISITS)), 120).astype(np.int64)
    session = np.repeat(np.arange(VISITS), number)
    visit = np.sqrt(COMMON) * stream.standard_normal(VISITS) + slower / SPREAD * (number > 10)
    load = np.sqrt(1 - COMMON) * stream.standard_normal(len(session))
    return np.exp(SPREAD * (visit[session] + load)), session


def test_a_few_long_visits_do_not_pass_for_the_device() -> None:
    drawn = [draw_loads(seed) for seed in range(30)]
    alike = np.array([match_logarithms(values).mean for values, _ in drawn])
    fair = [match_logarithms(values, session) for values, session in drawn]
    assert np.sqrt(np.mean([each.mean**2 for each in fair])) < 0.6 * np.sqrt((alike**2).mean())
    assert np.mean([each.spread for each in fair]) == pytest.approx(SPREAD, rel=0.1)


def test_those_who_load_much_count_by_their_loads_where_they_surely_are_slower() -> None:
    values, session = (np.concatenate(parts) for parts in zip(*(
        (values, session + VISITS * seed) for seed in range(20) for values, session in [draw_loads(seed, slower=1.0)]
    ), strict=True))  # fmt: skip
    even = float(np.log(values).mean())
    assert even > 0.3
    assert float(weigh_loads(np.log(values), session) @ np.log(values)) == pytest.approx(even, abs=0.1)


def plant(**telemetry: Any) -> Seen:
    scenario = stretch(Scenario.load("quickstart"), 250)
    changed = scenario.telemetry.model_copy(update=telemetry | {"interactions_per_minute": 3.0})
    return see_visits(record(scenario.model_copy(update={"telemetry": changed}), 3), 5)


def test_layout_shifts_are_moved_to_where_they_show_what_was_recorded() -> None:
    truth, guess = {"loading": 0.8, "single": 0.3}, {"loading": 0.2, "single": 0.9}
    seen = plant(shifts=Shifts(**truth))
    assert find_shifts(seen.loads)[1] > 100
    for _ in range(ROUNDS.count(1.0)):  # a load that is complete before its next frame cannot shift while it loads
        correct_shifts(guess, seen, plant(shifts=Shifts(**guess)))
    assert guess == {name: pytest.approx(share, abs=0.15) for name, share in truth.items()}


@pytest.mark.parametrize("share", [0.1, 0.8])
def test_what_a_visitor_s_loads_have_in_common_is_moved_to_where_it_shows_what_was_recorded(share: float) -> None:
    telemetry = {"shared_slowness": 0.45}
    correct_shared_slowness(telemetry, plant(shared_slowness=share), plant(**telemetry))
    assert telemetry["shared_slowness"] == pytest.approx(share, abs=0.12)


def test_the_parts_of_an_image_s_time_are_moved_to_where_they_show_what_was_recorded() -> None:
    truth, guess = (15.0, 55.0, 30.0), (50.0, 20.0, 30.0)
    seen, shown = plant(lcp_parts=truth), plant(lcp_parts=guess)
    assert find_lcp_parts(seen.recorded)[1] > 100
    telemetry = {"lcp_parts": list(guess)}
    correct_lcp_parts(telemetry, seen, shown)
    assert sum(telemetry["lcp_parts"]) == pytest.approx(100, abs=0.2)
    before, after = (np.abs(np.array(each) - truth).sum() for each in (guess, telemetry["lcp_parts"]))
    assert after < before / 2  # of the three rounds one


def test_loads_of_different_visitors_count_alike() -> None:
    values = np.random.default_rng(1).standard_normal(50)
    assert weigh_loads(values, np.arange(50)) == pytest.approx(np.full(50, 1 / 50))
    assert weigh_loads(values[:2], np.array([3, 3])) == pytest.approx([0.5, 0.5])
