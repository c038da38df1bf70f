"""A scenario file is read whole, or every mistake in it gets one line; its seed."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

from loadgen.errors import LoadgenError, ScenarioError
from loadgen.scenario import Scenario, resolve_seed

GOOD = """
name = "t"
[pages.home]
path = "/"
to = { item = 0.4 }
exit = 0.6
[pages.item]
path = "/item/{item}"
exit = 1.0
"""

MISTAKES = {
    "unknown field": ("sed = 1\n" + GOOD, ['sed: unknown field; did you mean "seed"?']),
    "unknown field deep": (
        GOOD + "[telemetry.mobile]\nttfb_median = 3",
        ['telemetry.mobile.ttfb_median: unknown field; did you mean "ttfb_median_ms"?'],
    ),
    "unknown field of a page": (GOOD + 'titel = "x"', ['pages.item.titel: unknown field; did you mean "title"?']),
    "unknown client setting": (
        GOOD + "[client]\nbatchlimit = 3",
        ['client.batchlimit: unknown field; did you mean "batchLimit"?'],
    ),
    "text for a number": ("duration = 5\nseed = 'x'\n" + GOOD, ['seed: must be a whole number, not "x"']),
    "fraction for a whole number": ("seed = 1.5\n" + GOOD, ["seed: must be a whole number, not 1.5"]),
    "number for text": (GOOD + "title = 3", ["pages.item.title: must be text in quotes, not 3"]),
    "truth for a number": (GOOD + "entry = true", ["pages.item.entry: must be a number, not true"]),
    "more sizes than files": (
        GOOD + "resources = { script = 1, kilobytes = { script = [180, 60] } }",
        ["pages.item.resources: kilobytes.script has 2 sizes for 1 files; leave some out, or write script = 2"],
    ),
    "a size of no kind of files": (
        GOOD + "resources = { kilobytes = { scripts = [180] } }",
        ['pages.item.resources.kilobytes.scripts: "scripts" is not known; did you mean "script"?'],
    ),
    "number for truth": (GOOD + "route = 1", ["pages.item.route: must be true or false, not 1"]),
    "number for a table": ("monitor = 3\n" + GOOD, ["monitor: must be a table, not 3"]),
    "text for a list": (GOOD + 'tags = "x"', ['pages.item.tags: must be a list in brackets, not "x"']),
    "infinite number": ("duration = inf\n" + GOOD, ["duration: must be a finite number, not inf"]),
    "bad length of time": (
        'duration = "5 weeks"\n' + GOOD,
        ['duration: "5 weeks" is not a length of time; write seconds as a number, or "30s", "5m", "2h", "7d"'],
    ),
    "no time at all": ("duration = 0\n" + GOOD, ["duration: must be above 0, not 0"]),
    "negative rate": (GOOD + "[arrivals]\nrate = -1", ["arrivals.rate: must be at least 0, not -1"]),
    "negative target": (
        GOOD + '[arrivals]\nstages = [{ duration = "1m", target = -2 }]',
        ["arrivals.stages[0].target: must be at least 0, not -2"],
    ),
    "probability above one": (GOOD + "[monitor]\nsample_rate = 10", ["monitor.sample_rate: must be at most 1, not 10"]),
    "stages beyond the end": (
        "duration = 30\n" + GOOD + '[arrivals]\nstages = [{ duration = "1m", target = 2 }]',
        ["arrivals.stages: they last 60 s, longer than the run's 30 s; write duration = 60"],
    ),
    "two app monitors of one name": (
        GOOD + '[[neighbours]]\nmonitor.name = "b"\narrivals.rate = 1\n' * 2,
        ['neighbours[1].monitor.name: "b" is taken; give each app monitor a name of its own'],
    ),
    "a neighbour without a name beside an unnamed monitor": (
        GOOD + "[[neighbours]]\nmonitor.sample_rate = 0.5\narrivals.rate = 1\n",
        ['neighbours[0].monitor.name: "loadgen" is taken; give each app monitor a name of its own'],
    ),
    "a neighbour's stages beyond the end": (
        GOOD + '[[neighbours]]\nmonitor.name = "b"\narrivals.stages = [{ duration = "2m", target = 1 }]\n',
        ["neighbours[0].arrivals.stages: they last 120 s, longer than the run's 60 s; write duration = 120"],
    ),
    "thresholds that nobody looks at": (
        GOOD
        + '[[neighbours]]\nmonitor.name = "b"\n[[neighbours.arrivals.stages]]\nduration = 9\ntarget = 1\n'
        + "thresholds.throttled_share = 0.1\n",
        [
            "neighbours[0].arrivals.stages[0].thresholds: a neighbour's stages have none; leave them out, or state "
            "them in thresholds or arrivals.stages"
        ],
    ),
    "a neighbour of a rate and visitors": (
        GOOD + '[[neighbours]]\nmonitor.name = "b"\narrivals = { rate = 1, visitors = 5 }\n',
        [
            "neighbours[0].arrivals.rate: does not go with visitors, who come when their pause is over; leave out "
            "one of the two"
        ],
    ),
    "unknown telemetry": (
        GOOD + '[monitor]\ntelemetries = ["error"]',
        ['monitor.telemetries[0]: "error" is not known; did you mean "errors"?'],
    ),
    "monitor name": (
        GOOD + '[monitor]\nname = ".shop"',
        [
            'monitor.name: ".shop" does not fit; '
            'write text of letters, digits, "-", ".", "_" and "#" that does not begin with "."'
        ],
    ),
    "probabilities that do not add up": (
        GOOD.replace("0.6", "0.5"),
        ["pages.home: to and exit add up to 0.9, not to 1; write exit = 0.6"],
    ),
    "too much probability": (
        GOOD.replace("exit = 0.6", "exit = 0").replace("0.4 }", "0.4, home = 0.9 }"),
        ["pages.home: to and exit add up to 1.3, not to 1; lower the values in to"],
    ),
    "unknown page": (
        GOOD.replace("item = 0.4", "itme = 0.4"),
        [
            'pages.home.to.itme: no such page; did you mean "item"?',
            "pages.item: nothing leads here; give it an entry weight or name it in another page's to",
        ],
    ),
    "no way out": (
        GOOD.replace("exit = 1.0", "to = { item = 1.0 }"),
        ["pages.item: no way out: a visit that comes here never ends; give it an exit above 0"],
    ),
    "nothing leads here": (
        GOOD + '[pages.lost]\npath = "/lost"\nexit = 1',
        ["pages.lost: nothing leads here; give it an entry weight or name it in another page's to"],
    ),
    "bounce without an alternative": (
        GOOD + "bounce = 0.5",
        ["pages.item.bounce: visits that do not bounce have nowhere to go; give the page a to"],
    ),
    "path without a slash": (
        GOOD.replace('"/"', '"home"'),
        ['pages.home.path: "home" does not fit; write text that begins with "/"'],
    ),
    "missing path": (GOOD.replace('path = "/"\n', ""), ['pages.home.path: missing; write it, such as path = "/"']),
    "missing name": (GOOD.replace('name = "t"', ""), ['name: missing; write it, such as name = "my-shop"']),
    "no pages": ('name = "t"', ["pages: missing; write at least one page, such as [pages.home]"]),
    "bad placeholder": (
        GOOD.replace("{item}", "{Item}"),
        ['pages.item.path: a placeholder is lower case between two braces, such as "{product}"'],
    ),
    "placeholder from nowhere": (
        GOOD + 'api = ["GET /api/{itme}"]',
        ['pages.item.api[0]: {itme} is not in the page\'s path; did you mean "item"?'],
    ),
    "not a call": (
        GOOD + 'api = ["/api"]',
        ['pages.item.api[0]: "/api" is not a call; write method and path, such as "GET /api/cart"'],
    ),
    "a date in a custom event": (
        GOOD + 'events = [{ type = "x", details = { day = 2026-11-21 } }]',
        ["pages.item.events[0].details.day: must be text, a number, true, false, a list or a table, not 2026-11-21"],
    ),
    "unknown distribution": (
        GOOD + 'think_time = { distribution = "weibul" }',
        ['pages.item.think_time: distribution "weibul" is not known; did you mean "weibull"?'],
    ),
    "unknown field of a distribution": (
        GOOD + 'think_time = { distribution = "weibull", shap = 2 }',
        ['pages.item.think_time.shap: unknown field; did you mean "shape"?'],
    ),
    "unknown device": (
        GOOD + "[population]\ndevices = { phone = 1 }",
        ['population.devices.phone: "phone" is not known; known here: desktop, mobile, tablet'],
    ),
    "country in words": (
        GOOD + "[population]\ncountries = { Germany = 1 }",
        [
            'population.countries.Germany: "Germany" does not fit; '
            'write text that is a country\'s two-letter code, such as "US"'
        ],
    ),
    "mix without weight": (
        GOOD + "[population]\ncountries = { DE = 0 }",
        ["population.countries: every weight is 0; give at least one a positive weight"],
    ),
    "outcomes above one": (
        GOOD + "[telemetry.api]\nnetwork = 0.7\nfailures = { 500 = 0.6 }",
        ["telemetry.api: failures and network add up to 1.3, more than 1; lower them"],
    ),
}


@pytest.mark.parametrize(("text", "lines"), MISTAKES.values(), ids=MISTAKES.keys())
def test_a_mistake_gets_its_line(text: str, lines: list[str]) -> None:
    with pytest.raises(ScenarioError) as caught:
        Scenario.parse(text, "shop.toml")
    assert str(caught.value).splitlines() == [f"shop.toml: {line}" for line in lines]


def test_all_mistakes_are_told_at_once() -> None:
    text = "sed = 1\nduration = -2\n" + GOOD.replace("0.6", "0.5") + "titel = 1\n[arrivals]\nrate = 'x'"
    with pytest.raises(ScenarioError) as caught:
        Scenario.parse(text, "shop.toml")
    places = [line.split(": ")[1] for line in str(caught.value).splitlines()]
    assert places == ["arrivals.rate", "duration", "pages.home", "pages.item.titel", "sed"]


def test_the_graph_is_checked_beside_wrong_types() -> None:
    with pytest.raises(ScenarioError) as caught:
        Scenario.parse(GOOD.replace('path = "/"', "path = 3").replace("0.6", "0.5"), "shop.toml")
    assert len(str(caught.value).splitlines()) == 2


@pytest.mark.parametrize("text", ["", "\n# nothing\n"])
def test_an_empty_file_is_told(text: str) -> None:
    with pytest.raises(ScenarioError, match=r"^s.toml: empty; write at least"):
        Scenario.parse(text, "s.toml")


def test_a_toml_error_tells_the_line() -> None:
    with pytest.raises(ScenarioError, match=r"^s.toml: not valid TOML: .*line 2"):
        Scenario.parse('name = "t"\npages = ]\n', "s.toml")


def test_a_missing_file_tells_what_there_is(tmp_path: Path) -> None:
    (tmp_path / "shop.toml").write_text(GOOD)
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "something else"\n')
    with pytest.raises(ScenarioError, match=r"shp.toml: no such file; .* has shop.toml$"):
        Scenario.load(tmp_path / "shp.toml")


def test_a_missing_file_tells_what_lies_in_the_folder_of_scenarios(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[project]")
    (tmp_path / "broken.toml").write_text("[project")
    with pytest.raises(ScenarioError, match=r"shp.toml: no such file$"):
        Scenario.load(tmp_path / "shp.toml")
    (tmp_path / "scenarios").mkdir()
    (tmp_path / "scenarios" / "shop.toml").write_text(GOOD)
    with pytest.raises(ScenarioError, match=r"no such file; .*scenarios has shop.toml$"):
        Scenario.load(tmp_path / "shp.toml")


def test_a_directory_is_told(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match="a directory, not a scenario file"):
        Scenario.load(tmp_path)


def test_text_that_is_not_utf8_is_told(tmp_path: Path) -> None:
    path = tmp_path / "s.toml"
    path.write_bytes(b'name = "caf\xe9"')
    with pytest.raises(ScenarioError, match="not UTF-8"):
        Scenario.load(path)


def test_lengths_of_time_may_have_units() -> None:
    spans = {"90": 90, '"30s"': 30, '"5m"': 300, '"2h"': 7200, '"7d"': 604800, '"250ms"': 0.25, '"1.5m"': 90}
    for written, seconds in spans.items():
        assert Scenario.parse(f"duration = {written}\n{GOOD}", "s").duration == seconds


def test_the_stages_set_the_duration() -> None:
    scenario = Scenario.parse(
        GOOD + '[arrivals]\nstages = [{ duration = "1m", target = 2 }, { duration = 30, target = 0 }]', "s"
    )
    assert scenario.duration == 90


def test_a_scenario_cannot_be_changed() -> None:
    scenario = Scenario.parse(GOOD, "s")
    with pytest.raises(Exception, match="frozen"):
        scenario.name = "other"  # type: ignore[misc]  # that it is read-only is the claim


def test_a_scenario_made_in_code_is_checked_too() -> None:
    with pytest.raises(ValueError, match="add up to 0"):
        Scenario.model_validate({"name": "t", "pages": {"home": {"path": "/"}}})


def test_adjusting_keeps_the_rest() -> None:
    scenario = Scenario.parse(GOOD + "[arrivals]\nrate = 4", "s")
    adjusted = scenario.adjust(duration=5, rate=2.5, sample_rate=0.1)
    assert (adjusted.duration, adjusted.arrivals.start_rate, adjusted.monitor.sample_rate) == (5, 10, 0.1)
    assert adjusted.pages == scenario.pages


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"duration": -1.0}, "duration: -1.0 is out of range; write a number above 0"),
        ({"duration": 0}, "duration: 0 is out of range; write a number above 0"),
        ({"rate": -0.5}, "rate: -0.5 is out of range; write a number of at least 0"),
        ({"rate": math.inf}, "rate: inf is out of range; write a finite number"),
        ({"rate": "2x"}, "rate: '2x' is no valid value; write a number"),
        ({"sample_rate": 1.5}, "sample_rate: 1.5 is out of range; write a number of at most 1"),
    ],
)
def test_impossible_changes_are_refused(change: dict[str, Any], problem: str) -> None:
    with pytest.raises(LoadgenError) as refused:
        Scenario.load("quickstart").adjust(**change)
    assert str(refused.value) == problem


@pytest.mark.parametrize(
    ("own", "given", "otherwise", "seed"),
    [(None, 7, 0, 7), (3, 7, 0, 7), (3, 0, 5, 0), (3, None, 5, 3), (None, None, 5, 5), (None, None, 0, 0)],
)
def test_a_seed_is_the_option_else_the_scenarios_else_the_callers(
    own: int | None, given: int | None, otherwise: int, seed: int
) -> None:
    scenario = Scenario.parse(GOOD, "t.toml").model_copy(update={"seed": own})
    assert resolve_seed(scenario, given, otherwise) == seed


def test_a_seed_that_nobody_gives_is_drawn_anew_each_time() -> None:
    scenario = Scenario.parse(GOOD, "t.toml")
    drawn = {resolve_seed(scenario, None) for _ in range(5)}
    assert len(drawn) > 1 and all(0 <= seed < 2**32 for seed in drawn)
