"""From what is there to what a scenario wants: the calls as data first, then made.

Rule: a plan is a list of RUM operations with their parameters and reasons; applying it does nothing else, and planning
again afterwards gives an empty one. What the scenario does not state is not changed.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from loadgen.aws.account import Account
from loadgen.aws.desired_state import build_creation, build_definitions, build_policy, build_settings
from loadgen.aws.monitor_state import MonitorState, make_call, read_state
from loadgen.model import Noun
from loadgen.scenario import Monitor, Scenario

CLOUDWATCH = "CloudWatch"
BATCH = 200
"""Definitions in one BatchCreate or BatchDelete call (the service model's documentation)."""


class PlannedCall(Noun):
    """One call of the plan."""

    operation: str  # the RUM API's name
    parameters: dict[str, Any]
    why: str


def plan_changes(account: Account, scenario: Scenario) -> list[PlannedCall]:
    """The calls that bring the scenario's monitor about."""
    monitor = scenario.monitor
    now = read_state(account, monitor.name, monitor.metrics is not None, monitor.policy is not None)
    calls = [] if now.monitor else [_plan_creation(scenario)]
    if now.monitor:
        calls += _plan_update(scenario, now.monitor)
        calls += _plan_tags(monitor, now.monitor, account)
    calls += _plan_metrics(monitor, now)
    if monitor.policy is not None:
        calls += _plan_policy(monitor, now, account)
    return calls


def _plan_creation(scenario: Scenario) -> PlannedCall:
    parameters = build_creation(scenario.monitor, scenario.client, {})
    return PlannedCall("CreateAppMonitor", parameters, "there is no app monitor of that name")


def _plan_update(scenario: Scenario, now: dict[str, Any]) -> Iterator[PlannedCall]:
    changes: dict[str, Any] = {}
    reasons = []
    shown = shown_settings(now)
    for key, wanted in {"Domain": scenario.monitor.domain, **build_settings(scenario.monitor, scenario.client)}.items():
        if key != "AppMonitorConfiguration":
            differing = {} if shown.get(key) == wanted else {key: wanted}
            changes |= differing
        else:
            there = shown.get(key, {})
            differing = {name: value for name, value in wanted.items() if not _is_same(there.get(name), value)}
            changes |= {key: differing} if differing else {}
        reasons += list(differing)
    if changes:
        yield PlannedCall(
            "UpdateAppMonitor", {"Name": scenario.monitor.name, **changes}, f"differs in {', '.join(reasons)}"
        )


def shown_settings(now: dict[str, Any]) -> dict[str, Any]:
    """GetAppMonitor's answer under the names of UpdateAppMonitor's parameters."""
    log = now.get("DataStorage", {}).get("CwLog", {}).get("CwLogEnabled", False)
    return {**now, "CwLogEnabled": log, "CustomEvents": now.get("CustomEvents", {"Status": "DISABLED"})}


def _is_same(there: Any, wanted: Any) -> bool:
    """Lists are sets to RUM; an empty one may be left out, and so may what is false."""
    if isinstance(wanted, list):
        return sorted(there or []) == sorted(wanted)
    return bool(there == wanted or (there is None and wanted is False))


def _plan_tags(monitor: Monitor, now: dict[str, Any], account: Account) -> Iterator[PlannedCall]:
    there = now.get("Tags", {})
    missing = {key: value for key, value in monitor.tags.items() if there.get(key) != value}
    if missing:
        arn = account.build_arn(monitor.name)
        yield PlannedCall("TagResource", {"ResourceArn": arn, "Tags": missing}, f"lacks {', '.join(missing)}")


def _plan_metrics(monitor: Monitor, now: MonitorState) -> Iterator[PlannedCall]:
    if monitor.metrics is None:
        return
    wanted = build_definitions(monitor.metrics)
    where = {"AppMonitorName": monitor.name, "Destination": CLOUDWATCH}
    there = any(each["Destination"] == CLOUDWATCH for each in now.destinations)
    if there and not wanted:
        yield PlannedCall("DeleteRumMetricsDestination", where, "no metrics are wanted; its definitions go with it")
    if not wanted:
        return
    if not there:
        yield PlannedCall("PutRumMetricsDestination", where, "metrics are wanted, and there is no destination for them")
    yield from _plan_definitions(where, wanted, now.definitions.get(CLOUDWATCH, []))


def _plan_definitions(
    where: dict[str, Any], wanted: list[dict[str, Any]], there: list[dict[str, Any]]
) -> Iterator[PlannedCall]:
    """Definitions are the same metric when name, namespace and dimensions are; what else differs is updated."""
    kept = {_metric_key(each): each for each in there}
    goal = {_metric_key(each): each for each in wanted}
    gone = [each["MetricDefinitionId"] for key, each in kept.items() if key not in goal]
    known = {each["MetricDefinitionId"] for each in kept.values()}
    gone += [each["MetricDefinitionId"] for each in there if each["MetricDefinitionId"] not in known]
    for part in _split(gone):
        yield PlannedCall("BatchDeleteRumMetricDefinitions", {**where, "MetricDefinitionIds": part}, "not wanted")
    for part in _split([each for key, each in goal.items() if key not in kept]):
        yield PlannedCall(
            "BatchCreateRumMetricDefinitions", {**where, "MetricDefinitions": part}, "wanted, and not there"
        )
    for key, each in goal.items():
        if key in kept and _content(kept[key]) != _content(each):
            number = kept[key]["MetricDefinitionId"]
            change = {**where, "MetricDefinition": each, "MetricDefinitionId": number}
            yield PlannedCall("UpdateRumMetricDefinition", change, f"{each['Name']} differs")


def _split(items: list[Any]) -> Iterator[list[Any]]:
    return (items[place : place + BATCH] for place in range(0, len(items), BATCH))


def _metric_key(one: dict[str, Any]) -> tuple[Any, ...]:
    namespace = one.get("Namespace")
    return (None if namespace == "AWS/RUM" else namespace, one["Name"], *sorted(one.get("DimensionKeys", {}).items()))


def _content(one: dict[str, Any]) -> dict[str, Any]:
    """What two equal definitions have in common, however their patterns are written."""
    pattern = msgspec.json.decode(one.get("EventPattern") or "{}")
    named = {key: value for key, value in one.items() if key not in {"MetricDefinitionId", "Namespace"}}
    return {**named, "EventPattern": pattern}


def _plan_policy(monitor: Monitor, now: MonitorState, account: Account) -> Iterator[PlannedCall]:
    named: dict[str, Any] = {"Name": monitor.name}
    if now.policy is not None and now.policy.get("PolicyRevisionId"):
        named["PolicyRevisionId"] = now.policy["PolicyRevisionId"]
    if not monitor.policy:
        if now.policy is not None:
            yield PlannedCall("DeleteResourcePolicy", named, "no policy is wanted")
        return
    document = build_policy(monitor.policy, account.build_arn(monitor.name))
    there = now.policy and msgspec.json.decode(now.policy["PolicyDocument"])
    if there != msgspec.json.decode(document):
        why = "there is no policy" if there is None else "the policy differs"
        yield PlannedCall("PutResourcePolicy", {**named, "PolicyDocument": document}, why)


def apply_changes(account: Account, calls: list[PlannedCall]) -> None:
    """Make the calls in order; a definition that RUM refuses stops with its reason."""
    for call in calls:
        make_call(account, call.operation, call.parameters)
