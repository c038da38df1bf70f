"""`loadgen.Monitors`: app monitors, tags, metrics and policies from Python; what removes something is confirmed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

import loadgen
from tests.paths import ROOT

NO_CALL = "nothing was (changed|deleted); type yes"


@pytest.fixture
def monitors() -> Iterator[loadgen.Monitors]:
    with loadgen.Endpoint(quota=None) as endpoint, loadgen.Monitors(endpoint.url) as opened:
        opened.create("shop", domains=["shop.example.com"], tags={"team": "web"}, sample_rate=0.5)
        yield opened


def agree(_: object) -> bool:
    return True


def test_what_is_created_can_be_read_changed_and_deleted(monitors: loadgen.Monitors) -> None:
    assert [each["Name"] for each in monitors.list_all()] == ["shop"]
    found = monitors.read("shop").monitor or {}
    assert (found["Domain"], found["Tags"]) == ("shop.example.com", {"team": "web"})
    assert found["AppMonitorConfiguration"]["SessionSampleRate"] == 0.5
    made = monitors.update("shop", sample_rate=1.0)
    assert (made.operation, made.parameters["Name"]) == ("UpdateAppMonitor", "shop")
    assert (monitors.read("shop").monitor or {})["AppMonitorConfiguration"]["SessionSampleRate"] == 1.0
    monitors.delete("shop", confirm=agree)
    assert monitors.list_all() == []


def test_nothing_is_removed_without_a_yes(monitors: loadgen.Monitors) -> None:
    monitors.enable_metrics("shop")
    monitors.put_policy("shop", public=True)
    for remove in (monitors.delete, monitors.disable_metrics, monitors.delete_policy):
        with pytest.raises(loadgen.LoadgenError, match=NO_CALL):
            remove("shop")
        with pytest.raises(loadgen.LoadgenError, match=NO_CALL):
            remove("shop", confirm=lambda _: False)
    with pytest.raises(loadgen.LoadgenError, match=NO_CALL):
        monitors.update("shop", domains=["other.example.com"])
    found = monitors.read("shop")
    assert found.policy is not None
    assert [each["Destination"] for each in found.destinations] == ["CloudWatch"]
    assert (found.monitor or {})["Domain"] == "shop.example.com"


def test_tags_are_a_mapping_or_words(monitors: loadgen.Monitors) -> None:
    monitors.add_tags("shop", {"stage": "demo"})
    monitors.add_tags("shop", ["cost=7", "team=data"])
    assert monitors.read_tags("shop") == {"team": "data", "stage": "demo", "cost": "7"}
    monitors.remove_tags("shop", "team")
    monitors.remove_tags("shop", ["cost"])
    assert monitors.read_tags("shop") == {"stage": "demo"}


def test_a_metric_is_added_changed_and_removed(monitors: loadgen.Monitors) -> None:
    monitors.enable_metrics("shop")
    [added] = monitors.add_metric("shop", metric="JsErrorCount").answer["MetricDefinitions"]
    identity = added["MetricDefinitionId"]
    monitors.change_metric("shop", identity, metric="PageViewCount")
    assert [each["Name"] for each in monitors.read("shop").definitions["CloudWatch"]] == ["PageViewCount"]
    monitors.remove_metrics("shop", [identity])
    assert monitors.read("shop").definitions == {"CloudWatch": []}


def test_the_state_that_a_scenario_wants_is_planned_and_made_once(monitors: loadgen.Monitors) -> None:
    scenario = loadgen.Scenario.load(ROOT / "scenarios" / "quickstart.toml")
    plans = monitors.plan(scenario, monitor="demo")
    assert [plan.monitor for plan in plans] == ["demo"]
    assert monitors.apply(plans, confirm=agree) == len(plans[0].calls) >= 1
    assert monitors.apply(monitors.plan(scenario, monitor="demo")) == 0


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"domain": "shop.example.com"}, "there is no option domain; the options are domains"),
        ({"domains": 7}, "domains: 7 is no valid value"),
        ({"domains": ["a.example.com"], "sample_rate": 2}, "sample_rate: 2 is out of range"),
        ({"domains": ["a.example.com"], "tags": ["team"]}, "team: write each as KEY=VALUE"),
        ({"domains": ["a.example.com"], "tags": 7}, "tags: 7 is no list"),
        ({}, "needs a domain"),
    ],
)
def test_a_wrong_option_is_one_line(monitors: loadgen.Monitors, options: dict[str, Any], said: str) -> None:
    with pytest.raises(loadgen.LoadgenError, match=said):
        monitors.create("blog", **options)
    assert [each["Name"] for each in monitors.list_all()] == ["shop"]


def test_monitors_that_are_not_open_say_how_to_open_them() -> None:
    with pytest.raises(loadgen.LoadgenError, match=r"write `with loadgen\.Monitors\(\.\.\.\) as monitors:`"):
        loadgen.Monitors("http://127.0.0.1:9").list_all()


WRONG: dict[str, Callable[[Any], object]] = {
    "read: None is no name of an app monitor": lambda opened: opened.read(None),
    "create: 3 is no name of an app monitor": lambda opened: opened.create(3, domains=["a.example.com"]),
    "put_policy: {} is no path": lambda opened: opened.put_policy("shop", {}),
    "apply: 'shop.toml' is no plan; give what `plan` returns": lambda opened: opened.apply("shop.toml"),
    "add_tags: 3 is no text": lambda opened: opened.add_tags("shop", {"a": 3}),
    "add_metric: metric is missing": lambda opened: opened.add_metric("shop"),
}


@pytest.mark.parametrize("said", WRONG)
def test_a_thing_of_a_wrong_type_is_one_line(monitors: loadgen.Monitors, said: str) -> None:
    with pytest.raises(loadgen.LoadgenError) as caught:
        WRONG[said](monitors)
    assert said.partition(": ")[2] in str(caught.value)
    assert "\n" not in str(caught.value)
