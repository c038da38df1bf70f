"""Where visitors come from: a device that few visitors from far away have does not pass for a slow one."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import pytest

from loadgen.jobs.fit import select_sessions
from loadgen.jobs.fit.calibration.generated import make_steady, record_generated
from loadgen.jobs.fit.calibration.match_telemetry import OriginEffects, find_origin_effects, spread_origin_effects
from loadgen.jobs.fit.estimates.estimate import Seen, see_visits
from loadgen.jobs.fit.estimates.population import find_mobile
from loadgen.jobs.fit.estimates.vitals import match_device
from loadgen.jobs.fit.reading.recorded import Recorded
from loadgen.scenario import Scenario
from tests.jobs.fit.law import stretch
from tests.jobs.fit.round_trip import record

SESSIONS = 1200


def draw_visits(seed: int, **population: Any) -> Recorded:
    """Visits from a near and from a far country, half of them on mobiles."""
    scenario = stretch(Scenario.load("quickstart"), SESSIONS)
    mixes = {"countries": {"US": 1, "BR": 1}, "devices": {"desktop": 1, "mobile": 1}} | population
    return record(scenario.model_copy(update={"population": scenario.population.model_copy(update=mixes)}), seed)


def match_mobiles(seen: Seen, effects: OriginEffects, name: str) -> float:
    spread = spread_origin_effects(effects, seen.recorded, seen.loads)
    return match_device(seen.loads, True, effects=spread)[name].mean


@pytest.fixture(scope="module")
def sides() -> tuple[Seen, Seen]:
    """Visits of which nearly all on mobiles come from the far country, and visits of which half do."""
    visits, others = draw_visits(3), draw_visits(4)
    near = np.array([word == "US" for word in [*visits.words, ""]])[visits.sessions.country]
    left_out = find_mobile(visits) & near & (np.arange(len(near)) % 10 > 0)
    return see_visits(select_sessions(visits, ~left_out), 5), see_visits(others, 5)


@pytest.mark.parametrize("name", ["ttfb", "rtt"])
def test_visitors_from_far_away_do_not_make_their_device_slow(sides: tuple[Seen, Seen], name: str) -> None:
    seen, shown = sides
    effects = find_origin_effects(seen.recorded, seen.loads)
    plain, level = (match_mobiles(seen, each, name) - match_mobiles(shown, each, name) for each in ({}, effects))
    # half of the visitors more come from where network times are 1.7 times as long
    assert plain - level == pytest.approx(0.5 * np.log(1.7), abs=0.1)
    assert abs(level) < 0.2


def test_what_no_distance_changes_is_left_as_it_is(sides: tuple[Seen, Seen]) -> None:
    seen, _ = sides
    effects = find_origin_effects(seen.recorded, seen.loads)
    assert match_mobiles(seen, effects, "render") == pytest.approx(match_mobiles(seen, {}, "render"), abs=0.04)


def test_visits_of_one_language_or_of_none_have_no_effect() -> None:
    visits = draw_visits(5, countries={"SE": 1}, languages={"SE": {"sv-SE": 1}}, browsers={"Chrome": 1})
    unknown = visits.sessions._replace(language=np.full_like(visits.sessions.language, -1))
    for recorded in (visits, msgspec.structs.replace(visits, sessions=unknown)):
        effects = find_origin_effects(recorded, see_visits(recorded, 5).loads)
        assert all(abs(effect) < 1e-9 for by_language in effects.values() for effect in by_language.values())


def test_what_is_generated_to_match_does_not_depend_on_who_the_few_visitors_of_a_site_are() -> None:
    scenario = Scenario.load("quickstart")
    few = scenario.population.model_copy(
        update={"visitors": 3, "returning": 1.0, "devices": {"desktop": 1, "mobile": 1}}
    )
    steady = make_steady(scenario.model_copy(update={"population": few}), 400)
    assert find_mobile(record_generated(steady, 400, 1)).mean() == pytest.approx(0.5, abs=0.1)
