"""Who came again, read off user ids and caches."""

from __future__ import annotations

from collections import Counter
from functools import cache
from pathlib import Path

import pytest

import loadgen
from loadgen.jobs.fit.calibration.generated import record_generated
from loadgen.jobs.fit.drafting.compose import weigh_groups
from loadgen.jobs.fit.estimates.estimate import Seen, see_visits
from loadgen.jobs.fit.estimates.population import (
    FEWEST_KNOWN,
    count_people,
    find_returning,
    guess_people,
    share_web_views,
)
from loadgen.scenario import Arrivals, Scenario
from tests.jobs.fit.forms import log_events, write_lines


@cache
def see_storefront(sessions: int, duration: float, **changes: float) -> Seen:
    """Visits to the storefront over so many seconds; a third party of it tells no sizes of its files."""
    scenario = Scenario.load("storefront")
    arrivals = Arrivals(rate=sessions / duration)
    people = scenario.population.model_copy(update=changes)
    told = scenario.model_copy(update={"arrivals": arrivals, "duration": duration, "population": people})
    return see_visits(record_generated(told, sessions, 5), 5)


def test_users_who_come_twice_tell_the_cache_and_so_the_share_of_returning_visitors() -> None:
    share = 0.6
    seen = see_storefront(500, 86_400, returning=share, visitors=75)
    found = find_returning(seen.recorded, seen.visits)
    assert found.known >= FEWEST_KNOWN
    assert found.share == pytest.approx(share, abs=3 * found.error)
    assert found.error < 0.2
    assert found.cached_again == pytest.approx(0.5, abs=0.12)


def test_how_often_users_come_twice_tells_how_many_they_are_and_who_was_new() -> None:
    """Whoever would come back within an hour comes as somebody else, so fewer pairs are seen than are drawn."""
    frequent = see_storefront(500, 86_400, returning=0.6, visitors=75)
    found = find_returning(frequent.recorded, frequent.visits)
    assert found.people == pytest.approx(75, rel=0.3)
    assert found.again == pytest.approx(0, abs=0.1)
    fresh = see_storefront(500, 86_400, returning=0.6, visitors=75, again=0.5)
    found = find_returning(fresh.recorded, fresh.visits)
    assert found.again == pytest.approx(0.5, abs=0.2)
    assert found.people == pytest.approx(75, rel=0.3)


def test_the_number_of_visitors_does_not_depend_on_the_sample_rate() -> None:
    whole = guess_people(10_000, 400, 7 * 86_400, 1.0)
    assert whole == pytest.approx(10_000**2 / 2 / 400, rel=0.1)
    assert guess_people(1_000, 4, 7 * 86_400, 0.1) == pytest.approx(whole, rel=0.05)


def test_data_of_less_than_an_hour_do_not_tell_the_number_of_visitors() -> None:
    assert guess_people(20, 6, 3500, 1.0) is None
    assert guess_people(20, 6, 6 * 3600, 1.0) is not None


def test_when_nobody_comes_twice_the_share_rests_on_the_usual_cache() -> None:
    seen = see_storefront(300, 60)
    found = find_returning(seen.recorded, seen.visits)
    assert (found.known, found.people, found.cached_again) == (0, None, None)
    assert found.share == pytest.approx(0.32, abs=0.12)


def test_files_of_hosts_that_tell_no_size_are_no_cached_files() -> None:
    seen = see_storefront(60, 60, returning=0.0)
    found = find_returning(seen.recorded, seen.visits)
    assert found.share == 0.0


def test_browsers_that_loadgen_has_on_no_such_device_are_replaced_by_its_own(tmp_path: Path) -> None:
    """Edge on phones: no browser of loadgen's is one."""
    events = log_events(loadgen.generate("quickstart", sessions=60, seed=5, start="2026-01-01"))
    for event in events:
        event["metadata"] |= {"browserName": "Microsoft Edge", "osName": "Android", "deviceType": "mobile"}
        event["metadata"].pop("aws:userAgent", None)
    write_lines(tmp_path / "events", events)
    people = loadgen.fit(tmp_path / "events").scenario.population
    assert people.devices == {"mobile": 100}
    assert people.systems is None
    assert people.browsers is None


def test_the_browsers_inside_apps_are_told_though_android_does_not_name_the_app() -> None:
    mix = {"Chrome": 40, "Safari": 28, "Instagram": 20, "Facebook": 12}
    scenario = Scenario.load("quickstart")
    people = scenario.population.model_copy(update={"browsers": mix, "devices": {"mobile": 1}, "returning": 0.0})
    recorded = record_generated(scenario.model_copy(update={"population": people}), 1500, 7)
    assert "Android WebView" in recorded.words
    counts = count_people(recorded, 1)
    shares = {name: 100 * number / counts.browsers.total() for name, number in counts.browsers.items()}
    assert shares == {name: pytest.approx(share, abs=5) for name, share in mix.items()}
    assert not counts.other_browsers


def test_web_views_without_a_named_app_are_of_the_first_app() -> None:
    assert share_web_views(Counter({"Chrome": 5, "Android WebView": 3})) == {"Chrome": 5, "Facebook": 3}
    assert share_web_views(Counter({"Instagram": 2, "Android WebView": 3})) == {"Instagram": 5}
    assert share_web_views(Counter({"Chrome": 5})) == {"Chrome": 5}


def test_a_mix_is_written_only_if_what_may_be_told_is_most_of_it() -> None:
    rare = {f"e{letter}-XX": 4 for letter in "abcdefgh"}
    mixes = {
        "FR": Counter({"fr-FR": 45} | rare),
        "DE": Counter({"de-DE": 45, "en-US": 9, "tr-TR": 2}),
        "NL": Counter({"nl-NL": 20}),
    }
    assert weigh_groups(mixes, 5) == {"DE": {"de-DE": pytest.approx(83, abs=1), "en-US": pytest.approx(17, abs=1)}}
