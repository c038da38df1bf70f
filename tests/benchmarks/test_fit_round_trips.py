"""Round trips of 20,000 sessions: each scenario's traffic is fitted, and the fit is compared with the scenario's truth.

Each figure has the bound that the claim gives it, or a wider one where chance alone takes it further: by the chance of
so many sessions and people, one round trip in a hundred has a figure outside. So none may lie outside.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

import loadgen
from loadgen.scenario import Scenario, list_shipped
from tests.jobs.fit.consumers import tell_apart
from tests.jobs.fit.round_trip import Off, compare, fit_traffic, go_round
from tests.jobs.fit.test_round_trip import OWN

pytestmark = pytest.mark.bench

SESSIONS = 20_000
COMPARED = 6_000
"""Sessions of each side that a classifier compares; by chance alone its AUC is 0.5 ± 0.01."""
NAMES = [*list_shipped(), "night-owls"]
"""The last is a single-page application that no shipped scenario resembles."""

WITHOUT_COOKIES = ("portal", "tools", "paper")
"""Sites whose loads are sessions, which no fit joins to visits again: an application with route changes, a shop with
visits of many pages, and a newspaper with short ones. Of the last two steps and times between loads are not seen."""
SECONDS_A_MILLION = 60.0
"""Of one core, for reading, fitting and judging a million events."""


def check(found: list[Off]) -> None:
    wrong = [each for each in found if not each.holds]
    assert not wrong, [f"{each.what}: {each.truth:.4g}, fitted {each.fitted:.4g}, off {each.error:+.4f} of "
                       f"±{each.allowed:.4f}" for each in wrong]  # fmt: skip


def load_truth(name: str) -> Scenario:
    """A scenario of one app monitor without incidents: a fit is of one, and knows none."""
    if name in OWN:
        return Scenario.parse(OWN[name], name)
    return Scenario.load(name).monitors[0].model_copy(update={"incidents": ()})


@pytest.fixture(scope="module")
def fit_once(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Scenario]:
    """The fit to a scenario's traffic, made when it is first asked for."""
    return cache(lambda name: fit_traffic(load_truth(name), SESSIONS, tmp_path_factory.mktemp(name)))


@pytest.mark.parametrize("name", [*NAMES, WITHOUT_COOKIES[0]])
def test_a_scenario_survives(name: str, fit_once: Callable[[str], Scenario]) -> None:
    check(compare(load_truth(name), fit_once(name), SESSIONS))


@pytest.mark.parametrize("name", [*NAMES, *WITHOUT_COOKIES])
def test_a_classifier_cannot_tell_what_a_fit_generates_from_what_it_was_fitted_to(
    name: str, fit_once: Callable[[str], Scenario]
) -> None:
    found = tell_apart(load_truth(name), fit_once(name), COMPARED)
    assert found.auc <= 0.55, found.telling[:10]


def test_a_tenth_of_the_sessions_tells_as_much_as_a_tenth_can(tmp_path: Path) -> None:
    check(go_round(Scenario.load("storefront"), SESSIONS, tmp_path, sample_rate=0.1))


def test_a_million_events_take_less_than_a_minute_of_one_core(tmp_path: Path) -> None:
    file = tmp_path / "bodies.ndjson"
    with file.open("wb") as out:
        out.writelines(body + b"\n" for body in loadgen.generate("storefront", sessions=7_500, seed=2))
    began = time.process_time()
    found = loadgen.fit(file)
    assert time.process_time() - began < SECONDS_A_MILLION * found.events / 1e6
