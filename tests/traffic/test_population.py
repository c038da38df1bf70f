"""Visitors who were new earlier in a run come back in it; most come from where it is day."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from loadgen import traffic
from loadgen.errors import ScenarioError
from loadgen.model import Session
from loadgen.scenario import Scenario
from tests.traffic.conftest import SEED
from tests.traffic.look import SMALL, small


def day(again: float) -> Scenario:
    text = SMALL.replace("duration = 20", "duration = 21600").replace("rate = 10", "rate = 0.15")
    return Scenario.parse(f"{text}[population]\nagain = {again}\nreturning = 0.5\n", "day.toml")


def first_visits(sessions: list[Session]) -> dict[str, Session]:
    found: dict[str, Session] = {}
    for session in sessions:
        if not session.visitor.returning:
            found[session.visitor.user_id] = session
    return found


def test_some_of_the_returning_were_new_in_the_same_run() -> None:
    """Of those who return after four hours, an hour later or more, as the same person: 52 % within 5 points. That is
    60 % without those who drew somebody whose last session may not have expired (162 draws an hour, of 1,080 to 1,350).
    """
    sessions = list(traffic.draw_sessions(day(0.6), SEED))
    new = first_visits(sessions)
    late = [each for each in sessions if each.visitor.returning and each.start > 14400]
    again = [each for each in late if each.visitor.user_id in new]
    assert len(again) / len(late) == pytest.approx(0.6 * np.exp(-162 / 1200), abs=0.05)
    for session in again:
        before = new[session.visitor.user_id]
        assert session.start - before.start >= 3600
        assert (session.visitor.user_agent, session.visitor.country) == (
            before.visitor.user_agent,
            before.visitor.country,
        )
    assert np.mean([each.visitor.returning for each in sessions]) == pytest.approx(0.5, abs=0.03)


def test_without_it_nobody_does() -> None:
    sessions = list(traffic.draw_sessions(day(0.0), SEED))
    new = first_visits(sessions)
    assert not [each for each in sessions if each.visitor.returning and each.visitor.user_id in new]


def test_shares_agree_on_who_is_back() -> None:
    whole = list(traffic.draw_sessions(day(0.6), SEED))
    parts = [list(traffic.draw_sessions(day(0.6), SEED, (worker, 2))) for worker in range(2)]
    assert sorted((each for part in parts for each in part), key=lambda each: each.index) == whole
    assert all(before.start <= after.start for before, after in pairwise(whole))


MIXES = """
[population]
countries = { CH = 1 }
devices = { desktop = 3, mobile = 1 }
systems = { Windows = 50, Linux = 25, Android = 25 }
versions.desktop = { Chrome = { "99" = 1, "101" = 3 }, Firefox = { "115" = 1 } }
languages = { CH = { "de-CH" = 3, "fr-CH" = 1 } }
"""


def test_systems_versions_and_languages_are_those_that_a_scenario_states() -> None:
    scenario = Scenario.parse(SMALL.replace("rate = 10", "rate = 50") + MIXES, "mixes.toml")
    people = [each.visitor for each in traffic.draw_sessions(scenario, SEED)]

    def share(found: list[bool]) -> float:
        return float(np.mean(found))

    for name, expected in {"Windows": 0.5, "Linux": 0.25, "Android": 0.25}.items():
        assert share([each.os_name == name for each in people]) == pytest.approx(expected, abs=0.06)
    chrome = [each for each in people if each.browser_name == "Google Chrome" and each.device_type == "desktop"]
    assert share([each.browser_version == "101" for each in chrome]) == pytest.approx(0.75, abs=0.07)
    assert all(f"Chrome/{each.browser_version}.0.0.0" in each.user_agent for each in chrome)
    assert {each.browser_version for each in chrome} == {"99", "101"}
    assert {each.browser_version for each in people if each.browser_name == "Firefox"} == {"115"}
    german = [each.language for each in people if each.browser_name != "Firefox"]
    assert share([each == "de-CH" for each in german]) == pytest.approx(0.75, abs=0.06)


@pytest.mark.parametrize(
    "mixes",
    [
        'devices = { desktop = 1 }\nbrowsers = { "Samsung Internet" = 1 }',
        "devices = { mobile = 1 }\nsystems = { Windows = 1 }",
    ],
)
def test_mixes_that_no_browser_fits_are_refused(mixes: str) -> None:
    with pytest.raises(ScenarioError, match="small: population: no visitor can have these devices and"):
        next(traffic.draw_sessions(Scenario.parse(f"{SMALL}[population]\n{mixes}\n", "x.toml"), SEED))


def test_night_owls_come_from_where_it_is_day() -> None:
    """At 11:00 UTC, Japan's 20:00 and 05:00 in the middle of North America."""
    more = '[population]\ncountries = { JP = 1, US = 1 }\n[arrivals.day]\nstarts = "mon 11:00"\nratio = 10'
    sessions = list(traffic.draw_sessions(small(more).adjust(rate=3), 3))
    japanese = [session for session in sessions if session.visitor.country == "JP"]
    assert len(japanese) / len(sessions) > 0.8
