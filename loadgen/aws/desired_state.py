"""A scenario's monitor section → parameters of the RUM API. Pure.

Rule: the section is a wanted state. What it leaves out (None) is not touched; cookies and X-Ray are those of the
scenario's client.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from loadgen.errors import ControlError
from loadgen.rum.metric_rules import EXTENDED_METRICS, EXTENDED_NAMESPACE, find_problem
from loadgen.scenario import Client, Metric, Monitor, Statement

ACTION = "rum:PutRumEvents"
POLICY_VERSION = "2012-10-17"


def build_creation(monitor: Monitor, client: Client | None, tags: dict[str, str]) -> dict[str, Any]:
    """CreateAppMonitor's parameters."""
    every = {"Name": monitor.name, "Domain": monitor.domain, **build_settings(monitor, client)}
    wanted = {**monitor.tags, **tags}
    return every | ({"Tags": wanted} if wanted else {})


def build_settings(monitor: Monitor, client: Client | None) -> dict[str, Any]:
    """What CreateAppMonitor and UpdateAppMonitor share, beside the domain."""
    every: dict[str, Any] = {
        "AppMonitorConfiguration": build_configuration(monitor, client),
        "CustomEvents": {"Status": "ENABLED" if monitor.custom_events else "DISABLED"},
    }
    if monitor.logs is not None:
        every["CwLogEnabled"] = monitor.logs
    if monitor.source_maps is not None:
        maps = {"Status": "ENABLED", "S3Uri": monitor.source_maps}
        every["DeobfuscationConfiguration"] = {"JavaScriptSourceMaps": maps}
    return every


def build_configuration(monitor: Monitor, client: Client | None) -> dict[str, Any]:
    """AppMonitorConfiguration; "interaction" is the web client's own and unknown to the API."""
    stated: dict[str, Any] = {
        "SessionSampleRate": monitor.sample_rate,
        "Telemetries": [name for name in monitor.telemetries if name != "interaction"],
        "AllowCookies": client.allowCookies if client else None,
        "EnableXRay": client.enableXRay if client else None,
        "IncludedPages": _listed(monitor.included_pages),
        "ExcludedPages": _listed(monitor.excluded_pages),
        "FavoritePages": _listed(monitor.favorite_pages),
        "IdentityPoolId": monitor.identity_pool,
        "GuestRoleArn": monitor.guest_role,
    }
    return {name: value for name, value in stated.items() if value is not None}


def _listed(values: tuple[str, ...] | None) -> list[str] | None:
    return None if values is None else list(values)


def build_definitions(
    metrics: tuple[Metric, ...], label: Callable[[int], str] = "monitor.metrics[{}]".format
) -> list[dict[str, Any]]:
    """MetricDefinitionRequests. Raises ControlError with a line for each that RUM would refuse, named by `label`."""
    made = [build_definition(metric) for metric in metrics]
    problems = [(place, problem) for place, one in enumerate(made) if (problem := find_problem(one)) is not None]
    if problems:
        raise ControlError("\n".join(f"{label(place)}: {problem}" for place, problem in problems))
    return made


def build_definition(metric: Metric) -> dict[str, Any]:
    """One MetricDefinitionRequest; an extended metric gets the value key and the pattern that RUM demands of it."""
    value, pattern = metric.value, metric.pattern
    rule = EXTENDED_METRICS.get(metric.name) if metric.namespace in {None, EXTENDED_NAMESPACE} else None
    if rule is not None:
        own: dict[str, Any] = {"event_type": [rule.event_type]}
        if rule.ranges:
            own["event_details"] = _nested(rule.path, [{"numeric": rule.ranges[-1]}])
        value, pattern = value or rule.value_key, own | pattern
    stated = {
        "Name": metric.name,
        "Namespace": metric.namespace,
        "ValueKey": value,
        "UnitLabel": metric.unit,
        "DimensionKeys": dict(metric.dimensions) or None,
        "EventPattern": msgspec.json.encode(pattern).decode() if pattern else None,
    }
    return {name: content for name, content in stated.items() if content is not None}


def _nested(path: tuple[str, ...], value: Any) -> Any:
    for key in reversed(path):
        value = {key: value}
    return value


def build_policy(statements: tuple[Statement, ...], arn: str) -> str:
    """The resource policy for the monitor of that ARN."""
    made = [
        {
            "Effect": one.effect,
            "Principal": "*" if one.principal == "*" else {"AWS": one.principal},
            "Action": ACTION,
            "Resource": arn,
            **({"Condition": one.condition} if one.condition else {}),
        }
        for one in statements
    ]
    return msgspec.json.encode({"Version": POLICY_VERSION, "Statement": made}).decode()
