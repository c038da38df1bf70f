"""Plan, then apply: the calls as data, and a second time nothing."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

import pytest

from loadgen.aws import Account, apply_changes, make_call, plan_changes, read_state
from loadgen.aws.changes import CLOUDWATCH
from loadgen.errors import ControlError
from loadgen.scenario import Scenario

PAGES = '[pages.home]\npath = "/"\nexit = 1\n'
WHOLE = """
domain = "shop.example.com"
sample_rate = 0.5
custom_events = true
telemetries = ["errors", "performance", "http"]
logs = true
tags = { team = "web" }
excluded_pages = ["https://shop.example.com/admin"]
identity_pool = "us-east-1:0a1b2c3d"
guest_role = "arn:aws:iam::123456789012:role/guest"
source_maps = "s3://maps/shop"
policy = [{ condition = { StringEquals = { "rum:alias" = ["demo"] } } }]
[[monitor.metrics]]
name = "JsErrorCount"
[[monitor.metrics]]
name = "Http5xxCount"
[[monitor.metrics]]
name = "NavigationSatisfiedTransaction"
[[monitor.metrics]]
name = "WebVitalsLargestContentfulPaint"
dimensions = { "metadata.browserName" = "BrowserName" }
pattern = { metadata = { browserName = ["Chrome"] } }
[[monitor.metrics]]
name = "Sold"
namespace = "shop"
value = "event_details.quantity"
unit = "Count"
pattern = { event_type = ["purchase"] }
"""


@pytest.fixture
def name() -> str:
    return f"demo-{uuid4()}"


def scenario(name: str, section: str = "", client: str = "") -> Scenario:
    return Scenario.parse(f'name = "x"\n[client]\n{client}\n[monitor]\nname = "{name}"\n{section}\n{PAGES}', "x.toml")


def operations(account: Account, wanted: Scenario) -> list[str]:
    return [call.operation for call in plan_changes(account, wanted)]


def test_a_missing_monitor_is_made_with_all_that_hangs_on_it(account: Account, name: str) -> None:
    wanted = scenario(name, WHOLE, "enableXRay = true")
    calls = plan_changes(account, wanted)
    assert [call.operation for call in calls] == [
        "CreateAppMonitor",
        "PutRumMetricsDestination",
        "BatchCreateRumMetricDefinitions",
        "PutResourcePolicy",
    ]
    apply_changes(account, calls)
    found = read_state(account, name)
    assert found.monitor is not None
    configuration = found.monitor["AppMonitorConfiguration"]
    assert configuration["SessionSampleRate"] == 0.5
    assert configuration["EnableXRay"] is configuration["AllowCookies"] is True
    assert configuration["ExcludedPages"] == ["https://shop.example.com/admin"]
    assert found.monitor["Tags"] == {"team": "web"}
    assert [each["Name"] for each in found.definitions[CLOUDWATCH]][-1] == "Sold"
    assert found.policy is not None
    assert "rum:alias" in found.policy["PolicyDocument"]


def test_applied_twice_it_does_nothing_the_second_time(account: Account, name: str) -> None:
    wanted = scenario(name, WHOLE)
    apply_changes(account, plan_changes(account, wanted))
    assert plan_changes(account, wanted) == []


@pytest.mark.parametrize(
    ("operation", "parameters", "mended_by"),
    [
        ("UpdateAppMonitor", {"AppMonitorConfiguration": {"SessionSampleRate": 0.9}}, "UpdateAppMonitor"),
        ("UpdateAppMonitor", {"CustomEvents": {"Status": "DISABLED"}}, "UpdateAppMonitor"),
        ("UpdateAppMonitor", {"CwLogEnabled": False}, "UpdateAppMonitor"),
        ("UpdateAppMonitor", {"Domain": "other.example.com"}, "UpdateAppMonitor"),
        ("UpdateAppMonitor", {"AppMonitorConfiguration": {"Telemetries": ["http"]}}, "UpdateAppMonitor"),
        ("DeleteResourcePolicy", {}, "PutResourcePolicy"),
    ],
)
def test_what_somebody_changed_is_changed_back_and_nothing_else(
    account: Account, name: str, operation: str, parameters: dict[str, Any], mended_by: str
) -> None:
    wanted = scenario(name, WHOLE)
    apply_changes(account, plan_changes(account, wanted))
    make_call(account, operation, {"Name": name, **parameters})
    calls = plan_changes(account, wanted)
    assert [call.operation for call in calls] == [mended_by]
    apply_changes(account, calls)
    assert plan_changes(account, wanted) == []


def test_an_update_sends_only_what_differs(account: Account, name: str) -> None:
    apply_changes(account, plan_changes(account, scenario(name, WHOLE)))
    (call,) = plan_changes(account, scenario(name, WHOLE.replace("sample_rate = 0.5", "sample_rate = 0.25")))
    assert call.parameters == {"Name": name, "AppMonitorConfiguration": {"SessionSampleRate": 0.25}}
    assert call.why == "differs in SessionSampleRate"


def test_what_a_scenario_does_not_state_is_left_alone(account: Account, name: str) -> None:
    apply_changes(account, plan_changes(account, scenario(name, WHOLE)))
    assert operations(account, scenario(name)) == []


def test_a_domain_is_added_to_those_that_are_there(account: Account, name: str) -> None:
    make_call(account, "CreateAppMonitor", {"Name": name, "DomainList": ["a.example.com", "b.example.com"]})
    (call,) = plan_changes(account, scenario(name, 'domain = "shop.example.com"'))
    assert call.parameters == {"Name": name, "DomainList": ["a.example.com", "b.example.com", "shop.example.com"]}
    assert call.takes_away == ()


@pytest.mark.parametrize(
    ("there", "section"),
    [
        (["shop.example.com", "www.example.com"], 'domain = "shop.example.com"'),
        (["*.example.com"], 'domain = "shop.example.com"'),
        (["shop.example.*", "x.example.com"], 'domain = "shop.example.com"'),
        (["x.example.com"], ""),
        (["b.example.com", "a.example.com"], 'domain = "a.example.com"\ndomains = ["a.example.com", "b.example.com"]'),
    ],
)
def test_domains_that_cover_the_site_are_left_as_they_are(
    account: Account, name: str, there: list[str], section: str
) -> None:
    make_call(account, "CreateAppMonitor", {"Name": name, "DomainList": there})
    assert plan_changes(account, scenario(name, section)) == []


def test_a_sixth_domain_is_refused_with_the_cure(account: Account, name: str) -> None:
    there = [f"d{number}.example.com" for number in range(5)]
    make_call(account, "CreateAppMonitor", {"Name": name, "DomainList": there})
    with pytest.raises(
        ControlError, match=r"has 5 domains, as many as RUM allows, and none is x\.example\.com; state at most 5 of"
    ):
        plan_changes(account, scenario(name, 'domain = "x.example.com"'))


@pytest.mark.parametrize(
    ("before", "after", "gone"),
    [
        ('domains = ["shop.example.com", "b.example.com"]', 'domains = ["shop.example.com"]', "domain b.example.com"),
        ('telemetries = ["errors", "http"]', 'telemetries = ["errors"]', "Telemetries http"),
        ('favorite_pages = ["/a", "/b"]', 'favorite_pages = ["/b"]', "FavoritePages /a"),
        ('source_maps = "s3://maps/shop"', 'source_maps = ""', "source maps s3://maps/shop"),
        ("custom_events = true", "custom_events = false", "custom events, which RUM drops from then on"),
        ('metrics = [{ name = "JsErrorCount" }]', 'metrics = [{ name = "SessionCount" }]', "metric JsErrorCount, "),
        ('metrics = [{ name = "JsErrorCount" }]', "metrics = []", "metrics destination CloudWatch"),
        ("policy = [{}]", "policy = []", 'policy statement {"Effect":"Allow"'),
        ("policy = [{}]", 'policy = [{ effect = "Deny" }]', 'policy statement {"Effect":"Allow"'),
    ],
)
def test_what_a_call_takes_away_is_told_with_it(
    account: Account, name: str, before: str, after: str, gone: str
) -> None:
    apply_changes(account, plan_changes(account, scenario(name, before)))
    calls = plan_changes(account, scenario(name, after))
    assert next(each for call in calls for each in call.takes_away).startswith(gone)
    apply_changes(account, calls)
    assert plan_changes(account, scenario(name, after)) == []


def test_included_pages_do_not_clear_excluded_ones_without_a_word(account: Account, name: str) -> None:
    page = '"https://shop.example.com/admin"'
    apply_changes(account, plan_changes(account, scenario(name, f"excluded_pages = [{page}]")))
    with pytest.raises(ControlError, match=r"holds either included or excluded pages; state excluded_pages = \[\]"):
        plan_changes(account, scenario(name, f"included_pages = [{page}]"))
    stated = scenario(name, f"included_pages = [{page}]\nexcluded_pages = []")
    apply_changes(account, plan_changes(account, stated))
    assert plan_changes(account, stated) == []


def test_an_app_monitor_for_phones_is_refused(account: Account, name: str) -> None:
    make_call(account, "CreateAppMonitor", {"Name": name, "Platform": "Android"})
    with pytest.raises(ControlError, match="is for Android, whose applications send OTLP"):
        plan_changes(account, scenario(name))
    with pytest.raises(ControlError, match="is for Android"):
        account.find(name)


def test_stated_but_empty_takes_away(account: Account, name: str) -> None:
    apply_changes(account, plan_changes(account, scenario(name, WHOLE)))
    bare = scenario(name, "sample_rate = 0.5\ncustom_events = true\nmetrics = []\npolicy = []\nexcluded_pages = []")
    assert operations(account, bare) == ["UpdateAppMonitor", "DeleteRumMetricsDestination", "DeleteResourcePolicy"]
    apply_changes(account, plan_changes(account, bare))
    assert plan_changes(account, bare) == []


def test_metrics_are_made_changed_and_deleted_one_by_one(account: Account, name: str) -> None:
    apply_changes(account, plan_changes(account, scenario(name, WHOLE)))
    changed = WHOLE.replace("Http5xxCount", "Http4xxCount").replace('unit = "Count"', 'unit = "Items"')
    calls = plan_changes(account, scenario(name, changed))
    assert [call.operation for call in calls] == [
        "BatchDeleteRumMetricDefinitions",
        "BatchCreateRumMetricDefinitions",
        "UpdateRumMetricDefinition",
    ]
    apply_changes(account, calls)
    assert plan_changes(account, scenario(name, changed)) == []


def test_more_definitions_than_a_call_takes_go_in_several(account: Account, name: str) -> None:
    many = ",".join(f'{{ name = "m{n}", namespace = "shop" }}' for n in range(450))
    wanted = scenario(name, f"metrics = [{many}]")
    calls = plan_changes(account, wanted)
    sizes = [len(call.parameters["MetricDefinitions"]) for call in calls if "MetricDefinitions" in call.parameters]
    assert sizes == [200, 200, 50]
    apply_changes(account, calls)
    assert plan_changes(account, wanted) == []


def test_tags_are_added_and_others_stay(account: Account, name: str) -> None:
    apply_changes(account, plan_changes(account, scenario(name, 'tags = { a = "1" }')))
    make_call(account, "TagResource", {"ResourceArn": account.build_arn(name), "Tags": {"mine": "x"}})
    (call,) = plan_changes(account, scenario(name, 'tags = { a = "2", b = "3" }'))
    assert call.parameters["Tags"] == {"a": "2", "b": "3"}
    apply_changes(account, [call])
    assert account.get(name)["Tags"] == {"a": "2", "b": "3", "mine": "x"}


def test_metrics_that_rum_would_refuse_are_told_before_any_call(account: Account, name: str) -> None:
    wanted = scenario(name, 'metrics = [{ name = "Nope" }, { name = "x", namespace = "AWS/x" }]')
    with pytest.raises(ControlError) as caught:
        plan_changes(account, wanted)
    assert [line.partition(":")[0] for line in str(caught.value).splitlines()] == [
        "monitor.metrics[0]",
        "monitor.metrics[1]",
    ]
    assert name not in account.list_names()


def test_a_refused_call_names_the_operation(account: Account, name: str) -> None:
    with pytest.raises(ControlError, match=f"DeleteAppMonitor on '{name}'"):
        make_call(account, "DeleteAppMonitor", {"Name": name})


def test_a_plan_is_data(account: Account, name: str) -> None:
    calls = [(call.operation, call.parameters) for call in plan_changes(account, scenario(name, WHOLE))]
    assert json.loads(json.dumps(calls))[0][1]["Name"] == name
