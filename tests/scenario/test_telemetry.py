"""Numbers of a scenario: those of the telemetry have largest values, up to which traffic can be drawn."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from itertools import islice

import pytest
from annotated_types import Le
from pydantic.fields import FieldInfo

from loadgen.errors import LoadgenError, ScenarioError
from loadgen.scenario import Scenario
from loadgen.scenario.problems import Section
from loadgen.scenario.telemetry import Telemetry
from loadgen.traffic import draw_sessions

PAGES = """
[pages.home]
path = "/"
slowness = 1000
api = ["GET /cart"]
exit = 1.0
"""


def list_numbers(model: type[Section], place: str) -> Iterator[tuple[str, FieldInfo]]:
    """Each number of a section and of the sections in it, by its name in a file."""
    for name, field in model.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, Section):
            yield from list_numbers(kind, f"{place}.{name}")
        elif kind in (float, int):
            yield f"{place}.{name}", field


def find_most(field: FieldInfo) -> float | None:
    """The largest value that a field takes."""
    return next((float(str(each.le)) for each in field.metadata if isinstance(each, Le)), None)


MOST = {name: find_most(field) for name, field in list_numbers(Telemetry, "telemetry")}


def test_every_number_has_a_largest_value() -> None:
    assert len(MOST) > 50
    assert [name for name, most in MOST.items() if most is None] == []


def test_the_largest_values_make_traffic_without_an_overflow() -> None:
    lines = [f"{name} = {most:.15g}" for name, most in MOST.items()]
    scenario = Scenario.parse(
        "\n".join(['name = "extreme"', "population.impatience = 5", *lines]) + PAGES, "extreme.toml"
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        sessions = list(islice(draw_sessions(scenario, 1), 20))
    assert all(load.events for session in sessions for load in session.loads)


def test_more_sessions_than_fit_into_memory_are_refused_when_they_are_drawn() -> None:
    scenario = Scenario.parse(f'name = "extreme"\nduration = "1h"\narrivals.rate = 1e6\n{PAGES}', "extreme.toml")
    with pytest.raises(LoadgenError, match="sessions would start"):
        next(draw_sessions(scenario, 1))


@pytest.mark.parametrize(
    "line",
    [
        "telemetry.mobile.inp_sigma = 900",
        "telemetry.desktop.mbit = 1e-300",
        "telemetry.api.median_ms = 1e300",
        "population.impatience = 900",
        "arrivals.rate = 1e300",
        'arrivals.flash_crowds = [{ at = "6m", times = 1e300 }]',
        'population.think_time.desktop = { distribution = "lognormal", median = 5, sigma = 500 }',
        'incidents = [{ kind = "slow_api", at = 5, times = 1e300 }]',
    ],
)
def test_what_no_visit_is_like_is_refused(line: str) -> None:
    with pytest.raises(ScenarioError, match=r"must be at (most|least)"):
        Scenario.parse(f'name = "extreme"\n{line}\n{PAGES}', "extreme.toml")
