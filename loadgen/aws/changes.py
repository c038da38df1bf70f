"""From an app monitor's present state to the state that a scenario wants: plan the calls as data, then make them.

Rule: a plan is a list of RUM operations with parameters and reasons. Applying it does nothing else, and a new plan
afterwards is empty. A setting that the scenario does not state is not changed. Each call names what it takes away.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from loadgen.aws.account import Account, check_platform, make_call
from loadgen.aws.clients import explain_errors
from loadgen.aws.desired_state import (
    STATED_BY,
    build_creation,
    build_definitions,
    build_policy,
    build_update,
    list_domains,
)
from loadgen.errors import ControlError
from loadgen.model import Noun
from loadgen.rum.quotas import DEFINITIONS_PER_CALL
from loadgen.rum.service_model import EXCLUSIVE_PAGES
from loadgen.scenario import Monitor, Scenario

CLOUDWATCH = "CloudWatch"


class MonitorState(Noun):
    """All that RUM keeps of one app monitor; `monitor` is None if there is none."""

    monitor: dict[str, Any] | None
    destinations: list[dict[str, Any]] = msgspec.field(default_factory=list)
    definitions: dict[str, list[dict[str, Any]]] = msgspec.field(default_factory=dict)  # by destination or its ARN
    policy: dict[str, Any] | None = None  # PolicyDocument, PolicyRevisionId


def read_state(account: Account, name: str, metrics: bool = True, policy: bool = True) -> MonitorState:
    """Read an app monitor and, if asked for, its metrics and its policy."""
    found = account.look_up(name)
    if found is None:
        return MonitorState(None)
    doing, operation = f"listing the metrics destinations of {name!r}", "list_rum_metrics_destinations"
    targets = list(account.list_pages(doing, operation, "Destinations", AppMonitorName=name)) if metrics else []
    doing, operation = f"listing the metric definitions of {name!r}", "batch_get_rum_metric_definitions"
    definitions = {}
    for each in targets:
        where = {key: each[key] for key in ("Destination", "DestinationArn") if each.get(key)}
        pages = account.list_pages(doing, operation, "MetricDefinitions", AppMonitorName=name, **where)
        definitions[each.get("DestinationArn") or each["Destination"]] = list(pages)
    return MonitorState(found, targets, definitions, read_policy(account, name) if policy else None)


def read_policy(account: Account, name: str) -> dict[str, Any] | None:
    """Read an app monitor's resource policy with its revision; None if it has no policy."""
    from botocore.exceptions import ClientError

    with explain_errors(f"reading the resource policy of {name!r}"):
        try:
            found = account.rum.get_resource_policy(Name=name)
        except ClientError as error:
            if error.response["Error"].get("Code") == "PolicyNotFoundException":
                return None
            raise
    return {key: found[key] for key in ("PolicyDocument", "PolicyRevisionId") if key in found}


class PlannedCall(Noun):
    """One call of the plan."""

    operation: str  # the RUM API's name
    parameters: dict[str, Any]
    why: str
    takes_away: tuple[str, ...] = ()  # what the call removes, such as "domain www.example.com"


def plan_changes(account: Account, scenario: Scenario) -> list[PlannedCall]:
    """Plan the calls that bring the scenario's app monitor about. ControlError: RUM would refuse it."""
    monitor = scenario.monitor
    now = read_state(account, monitor.name, monitor.metrics is not None, monitor.policy is not None)
    calls = []
    if now.monitor is None:
        creation = build_creation(monitor, scenario.client, {})
        calls.append(PlannedCall("CreateAppMonitor", creation, "there is no app monitor of that name"))
    else:
        check_platform(now.monitor)
        calls += _plan_update(scenario, now.monitor)
        calls += _plan_tags(monitor, now.monitor, account)
    calls += _plan_metrics(monitor, now)
    if monitor.policy is not None:
        calls += _plan_policy(monitor, now, account)
    return calls


def _plan_update(scenario: Scenario, now: dict[str, Any]) -> Iterator[PlannedCall]:
    monitor, shown = scenario.monitor, read_settings(now)
    _check_page_lists(monitor, shown)
    wanted = build_update(monitor, scenario.client, now)
    configuration = wanted.pop("AppMonitorConfiguration", {})
    there = shown.get("AppMonitorConfiguration", {})
    changed = {name: value for name, value in wanted.items() if not _is_same(shown.get(name), value)}
    inner = {name: value for name, value in configuration.items() if not _is_same(there.get(name), value)}
    if changed or inner:
        given = changed | ({"AppMonitorConfiguration": inner} if inner else {})
        why, losses = f"differs in {', '.join([*changed, *inner])}", tuple(find_losses(now, given))
        yield PlannedCall("UpdateAppMonitor", {"Name": monitor.name, **given}, why, losses)


def find_losses(now: dict[str, Any], given: dict[str, Any]) -> Iterator[str]:
    """Yield what UpdateAppMonitor with the parameters `given` takes away from the AppMonitor `now`."""
    shown = read_settings(now)
    inner, there = given.get("AppMonitorConfiguration", {}), shown.get("AppMonitorConfiguration", {})
    one = {"DomainList": [given["Domain"]]} if "Domain" in given else {}
    cleared: dict[str, Any] = {
        other: [] for name, other in EXCLUSIVE_PAGES.items() if inner.get(name) and other not in inner
    }
    yield from _find_losses(shown, given | one)
    yield from _find_losses(there, inner | cleared)


def read_settings(now: dict[str, Any]) -> dict[str, Any]:
    """Return GetAppMonitor's answer under the names of UpdateAppMonitor's parameters."""
    log = now.get("DataStorage", {}).get("CwLog", {}).get("CwLogEnabled", False)
    custom = now.get("CustomEvents", {"Status": "DISABLED"})
    maps = now.get("DeobfuscationConfiguration", {"JavaScriptSourceMaps": {"Status": "DISABLED"}})
    shown = {"CwLogEnabled": log, "CustomEvents": custom, "DeobfuscationConfiguration": maps}
    return {**now, **shown, "DomainList": list_domains(now)}


def _is_same(there: Any, wanted: Any) -> bool:
    """Return whether RUM treats two values as the same: lists are sets, and [] and False may be left out."""
    if isinstance(wanted, list):
        return sorted(there or []) == sorted(wanted)
    return bool(there == wanted or (there is None and wanted is False))


def _find_losses(there: dict[str, Any], changed: dict[str, Any]) -> Iterator[str]:
    """Yield what the members of an update take away from the present settings."""
    for name, wanted in changed.items():
        if isinstance(wanted, list):
            label = "domain" if name == "DomainList" else name
            yield from (f"{label} {each}" for each in there.get(name) or [] if each not in wanted)
        elif name == "CustomEvents" and wanted["Status"] == "DISABLED":
            yield "custom events, which RUM drops from then on"
        elif name == "DeobfuscationConfiguration":
            before, after = (each["JavaScriptSourceMaps"].get("S3Uri") for each in (there[name], wanted))
            yield from [f"source maps {before}"] if before and before != after else []


def _check_page_lists(monitor: Monitor, shown: dict[str, Any]) -> None:
    """Raise ControlError if a stated page list would silently clear the other: RUM holds only one of the two."""
    configuration = shown.get("AppMonitorConfiguration", {})
    for mine, member in ((monitor.included_pages, "ExcludedPages"), (monitor.excluded_pages, "IncludedPages")):
        other = STATED_BY[member]
        if mine and configuration.get(member) and other not in monitor.stated:
            raise ControlError(
                f"app monitor {monitor.name} has {member} {', '.join(configuration[member])}, and RUM holds either "
                f"included or excluded pages; state {other} = [] to remove them"
            )


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
    is_there = any(each["Destination"] == CLOUDWATCH for each in now.destinations)
    there = now.definitions.get(CLOUDWATCH, [])
    if is_there and not wanted:
        losses = (f"metrics destination {CLOUDWATCH}", *map(_describe_definition, there))
        why = "the scenario wants no metrics; the destination's definitions are deleted with it"
        yield PlannedCall("DeleteRumMetricsDestination", where, why, losses)
    if not wanted:
        return
    if not is_there:
        yield PlannedCall("PutRumMetricsDestination", where, "metrics are wanted, and there is no destination for them")
    yield from _plan_definitions(where, wanted, there)


def _plan_definitions(
    where: dict[str, Any], wanted: list[dict[str, Any]], there: list[dict[str, Any]]
) -> Iterator[PlannedCall]:
    """Plan the calls for definitions: those with the same name, namespace and dimensions are updated, not replaced."""
    kept = {_identify_metric(each): each for each in there}
    goal = {_identify_metric(each): each for each in wanted}
    staying = {each["MetricDefinitionId"] for key, each in kept.items() if key in goal}
    for part in _split([each for each in there if each["MetricDefinitionId"] not in staying]):
        given = {**where, "MetricDefinitionIds": [each["MetricDefinitionId"] for each in part]}
        losses = tuple(map(_describe_definition, part))
        yield PlannedCall("BatchDeleteRumMetricDefinitions", given, "not wanted", losses)
    for part in _split([each for key, each in goal.items() if key not in kept]):
        given = {**where, "MetricDefinitions": part}
        yield PlannedCall("BatchCreateRumMetricDefinitions", given, "wanted, and not there")
    for key, each in goal.items():
        if key in kept and _normalize_metric(kept[key]) != _normalize_metric(each):
            number = kept[key]["MetricDefinitionId"]
            change = {**where, "MetricDefinition": each, "MetricDefinitionId": number}
            yield PlannedCall("UpdateRumMetricDefinition", change, f"{each['Name']} differs")


def _describe_definition(one: dict[str, Any]) -> str:
    namespace = f"{one['Namespace']}/" if one.get("Namespace") else ""
    dimensions = ", ".join(one.get("DimensionKeys", {}).values())
    return f"metric {namespace}{one['Name']}{f' by {dimensions}' if dimensions else ''}, {one['MetricDefinitionId']}"


def _split(items: list[Any]) -> Iterator[list[Any]]:
    return (items[place : place + DEFINITIONS_PER_CALL] for place in range(0, len(items), DEFINITIONS_PER_CALL))


def _identify_metric(one: dict[str, Any]) -> tuple[Any, ...]:
    namespace = one.get("Namespace")
    return (None if namespace == "AWS/RUM" else namespace, one["Name"], *sorted(one.get("DimensionKeys", {}).items()))


def _normalize_metric(one: dict[str, Any]) -> dict[str, Any]:
    """Return the members by which two definitions are compared, with the pattern decoded."""
    pattern = msgspec.json.decode(one.get("EventPattern") or "{}")
    named = {key: value for key, value in one.items() if key not in {"MetricDefinitionId", "Namespace"}}
    return {**named, "EventPattern": pattern}


def _plan_policy(monitor: Monitor, now: MonitorState, account: Account) -> Iterator[PlannedCall]:
    named: dict[str, Any] = {"Name": monitor.name}
    if now.policy is not None and now.policy.get("PolicyRevisionId"):
        named["PolicyRevisionId"] = now.policy["PolicyRevisionId"]
    there = _read_statements(now.policy["PolicyDocument"]) if now.policy else []
    if not monitor.policy:
        if now.policy is not None:
            losses = tuple(map(_describe_statement, there))
            yield PlannedCall("DeleteResourcePolicy", named, "no policy is wanted", losses)
        return
    document = build_policy(monitor.policy, account.build_arn(monitor.name))
    if now.policy is None or msgspec.json.decode(now.policy["PolicyDocument"]) != msgspec.json.decode(document):
        wanted = _read_statements(document)
        losses = tuple(_describe_statement(each) for each in there if each not in wanted)
        why = "there is no policy" if now.policy is None else "the policy differs"
        yield PlannedCall("PutResourcePolicy", {**named, "PolicyDocument": document}, why, losses)


def _read_statements(document: str) -> list[Any]:
    """Return the statements of a policy document, which may hold a single statement without a list."""
    statements = msgspec.json.decode(document).get("Statement", [])
    return statements if isinstance(statements, list) else [statements]


def _describe_statement(statement: Any) -> str:
    return f"policy statement {msgspec.json.encode(statement).decode()}"


def apply_changes(account: Account, calls: list[PlannedCall]) -> None:
    """Make the calls in order. ControlError: RUM refused one; the calls after it are not made."""
    for call in calls:
        make_call(account, call.operation, call.parameters)
