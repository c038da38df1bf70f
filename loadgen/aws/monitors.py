"""From what is there to what is wanted: the calls as data first, then made.

Rule: a plan is a list of RUM operations with their parameters and reasons; applying it does nothing else, and planning
again afterwards gives an empty one. What the scenario does not state is not asked for.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from loadgen.aws.account import Account
from loadgen.aws.desired_state import creation, definitions, policy_document, settings
from loadgen.aws.session import explained
from loadgen.errors import ControlError
from loadgen.model import Noun
from loadgen.scenario import Scenario
from loadgen.scenario.monitor import Monitor

CLOUDWATCH = "CloudWatch"
BATCH = 200
"""Definitions in one BatchCreate or BatchDelete call (the service model's documentation)."""


class Call(Noun):
    """One call of the plan."""

    operation: str  # the RUM API's name
    parameters: dict[str, Any]
    why: str


class State(Noun):
    """All that RUM keeps of one monitor; None where there is none."""

    monitor: dict[str, Any] | None
    destinations: list[dict[str, Any]] = msgspec.field(default_factory=list)
    definitions: dict[str, list[dict[str, Any]]] = msgspec.field(default_factory=dict)  # by destination, or its ARN
    policy: dict[str, Any] | None = None  # PolicyDocument, PolicyRevisionId


def state(account: Account, name: str, metrics: bool = True, policy: bool = True) -> State:
    """Read a monitor, and the parts that are asked for."""
    found = account.lookup(name)
    if found is None:
        return State(None)
    targets = destinations(account, name) if metrics else []
    per_target = {
        each.get("DestinationArn") or each["Destination"]: kept_definitions(
            account, name, each["Destination"], each.get("DestinationArn")
        )
        for each in targets
    }
    return State(found, targets, per_target, kept_policy(account, name) if policy else None)


def destinations(account: Account, name: str) -> list[dict[str, Any]]:
    """MetricDestinationSummary of a monitor."""
    with explained(f"listing the metrics destinations of {name!r}"):
        pages = account.rum.get_paginator("list_rum_metrics_destinations").paginate(AppMonitorName=name)
        return [each for page in pages for each in page.get("Destinations", [])]


def kept_definitions(account: Account, name: str, destination: str, arn: str | None) -> list[dict[str, Any]]:
    """MetricDefinition of one destination."""
    where = {"AppMonitorName": name, "Destination": destination} | ({"DestinationArn": arn} if arn else {})
    with explained(f"listing the metric definitions of {name!r}"):
        pages = account.rum.get_paginator("batch_get_rum_metric_definitions").paginate(**where)
        return [each for page in pages for each in page.get("MetricDefinitions", [])]


def kept_policy(account: Account, name: str) -> dict[str, Any] | None:
    """A monitor's resource policy and its revision."""
    from botocore.exceptions import ClientError

    with explained(f"reading the resource policy of {name!r}"):
        try:
            found = account.rum.get_resource_policy(Name=name)
        except ClientError as error:
            if error.response["Error"].get("Code") == "PolicyNotFoundException":
                return None
            raise
    return {key: found[key] for key in ("PolicyDocument", "PolicyRevisionId") if key in found}


# Plan


def plan(account: Account, scenario: Scenario) -> list[Call]:
    """The calls that bring the scenario's monitor about."""
    monitor = scenario.monitor
    now = state(account, monitor.name, monitor.metrics is not None, monitor.policy is not None)
    calls = [] if now.monitor else [_create(scenario)]
    if now.monitor:
        calls += _update(scenario, now.monitor)
        calls += _tags(monitor, now.monitor, account)
    calls += _metrics(monitor, now)
    if monitor.policy is not None:
        calls += _policy(monitor, now, account)
    return calls


def _create(scenario: Scenario) -> Call:
    parameters = creation(scenario.monitor, scenario.client, {})
    return Call("CreateAppMonitor", parameters, "there is no app monitor of that name")


def _update(scenario: Scenario, now: dict[str, Any]) -> Iterator[Call]:
    changes: dict[str, Any] = {}
    reasons = []
    shown = shown_settings(now)
    for key, wanted in {"Domain": scenario.monitor.domain, **settings(scenario.monitor, scenario.client)}.items():
        if key != "AppMonitorConfiguration":
            differing = {} if shown.get(key) == wanted else {key: wanted}
            changes |= differing
        else:
            there = shown.get(key, {})
            differing = {name: value for name, value in wanted.items() if not _same(there.get(name), value)}
            changes |= {key: differing} if differing else {}
        reasons += list(differing)
    if changes:
        yield Call("UpdateAppMonitor", {"Name": scenario.monitor.name, **changes}, f"differs in {', '.join(reasons)}")


def shown_settings(now: dict[str, Any]) -> dict[str, Any]:
    """GetAppMonitor's answer under the names of UpdateAppMonitor's parameters."""
    log = now.get("DataStorage", {}).get("CwLog", {}).get("CwLogEnabled", False)
    return {**now, "CwLogEnabled": log, "CustomEvents": now.get("CustomEvents", {"Status": "DISABLED"})}


def _same(there: Any, wanted: Any) -> bool:
    """Lists are sets to RUM; an empty one may be left out, and so may what is false."""
    if isinstance(wanted, list):
        return sorted(there or []) == sorted(wanted)
    return bool(there == wanted or (there is None and wanted is False))


def _tags(monitor: Monitor, now: dict[str, Any], account: Account) -> Iterator[Call]:
    there = now.get("Tags", {})
    missing = {key: value for key, value in monitor.tags.items() if there.get(key) != value}
    if missing:
        arn = account.arn(monitor.name)
        yield Call("TagResource", {"ResourceArn": arn, "Tags": missing}, f"lacks {', '.join(missing)}")


def _metrics(monitor: Monitor, now: State) -> Iterator[Call]:
    if monitor.metrics is None:
        return
    wanted = definitions(monitor.metrics)
    where = {"AppMonitorName": monitor.name, "Destination": CLOUDWATCH}
    there = any(each["Destination"] == CLOUDWATCH for each in now.destinations)
    if there and not wanted:
        yield Call("DeleteRumMetricsDestination", where, "no metrics are wanted; its definitions go with it")
    if not wanted:
        return
    if not there:
        yield Call("PutRumMetricsDestination", where, "metrics are wanted, and there is no destination for them")
    yield from _definitions(where, wanted, now.definitions.get(CLOUDWATCH, []))


def _definitions(where: dict[str, Any], wanted: list[dict[str, Any]], there: list[dict[str, Any]]) -> Iterator[Call]:
    """Definitions are the same metric when name, namespace and dimensions are; what else differs is updated."""
    kept = {_metric_key(each): each for each in there}
    goal = {_metric_key(each): each for each in wanted}
    gone = [each["MetricDefinitionId"] for key, each in kept.items() if key not in goal]
    known = {each["MetricDefinitionId"] for each in kept.values()}
    gone += [each["MetricDefinitionId"] for each in there if each["MetricDefinitionId"] not in known]
    for part in _parts(gone):
        yield Call("BatchDeleteRumMetricDefinitions", {**where, "MetricDefinitionIds": part}, "not wanted")
    for part in _parts([each for key, each in goal.items() if key not in kept]):
        yield Call("BatchCreateRumMetricDefinitions", {**where, "MetricDefinitions": part}, "wanted, and not there")
    for key, each in goal.items():
        if key in kept and _content(kept[key]) != _content(each):
            number = kept[key]["MetricDefinitionId"]
            change = {**where, "MetricDefinition": each, "MetricDefinitionId": number}
            yield Call("UpdateRumMetricDefinition", change, f"{each['Name']} differs")


def _parts(items: list[Any]) -> Iterator[list[Any]]:
    return (items[place : place + BATCH] for place in range(0, len(items), BATCH))


def _metric_key(one: dict[str, Any]) -> tuple[Any, ...]:
    namespace = one.get("Namespace")
    return (None if namespace == "AWS/RUM" else namespace, one["Name"], *sorted(one.get("DimensionKeys", {}).items()))


def _content(one: dict[str, Any]) -> dict[str, Any]:
    """What two equal definitions have in common, however their patterns are written."""
    pattern = msgspec.json.decode(one.get("EventPattern") or "{}")
    named = {key: value for key, value in one.items() if key not in {"MetricDefinitionId", "Namespace"}}
    return {**named, "EventPattern": pattern}


def _policy(monitor: Monitor, now: State, account: Account) -> Iterator[Call]:
    named: dict[str, Any] = {"Name": monitor.name}
    if now.policy is not None and now.policy.get("PolicyRevisionId"):
        named["PolicyRevisionId"] = now.policy["PolicyRevisionId"]
    if not monitor.policy:
        if now.policy is not None:
            yield Call("DeleteResourcePolicy", named, "no policy is wanted")
        return
    document = policy_document(monitor.policy, account.arn(monitor.name))
    there = now.policy and msgspec.json.decode(now.policy["PolicyDocument"])
    if there != msgspec.json.decode(document):
        why = "there is no policy" if there is None else "the policy differs"
        yield Call("PutResourcePolicy", {**named, "PolicyDocument": document}, why)


# Apply


def apply(account: Account, calls: list[Call]) -> None:
    """Make the calls in order; a definition that RUM refuses stops with its reason."""
    for call in calls:
        make(account, call.operation, call.parameters)


def make(account: Account, operation: str, parameters: dict[str, Any]) -> dict[str, Any]:
    """One call by the RUM API's name."""
    from botocore import xform_name

    named = parameters.get("Name") or parameters.get("AppMonitorName") or parameters.get("ResourceArn", "")
    doing = f"{operation} on {named!r}" if named else operation
    with explained(doing, f"rum:{operation}"):
        answer: dict[str, Any] = getattr(account.rum, xform_name(operation))(**parameters)
    if errors := answer.get("Errors"):
        lines = [f"{doing}: {_named(each)}: {each.get('ErrorMessage')} ({each.get('ErrorCode')})" for each in errors]
        raise ControlError("\n".join(lines))
    answer.pop("ResponseMetadata", None)
    return answer


def _named(error: dict[str, Any]) -> str:
    return str(error.get("MetricDefinitionId") or error.get("MetricDefinition", {}).get("Name"))
