"""A scenario's monitor section → parameters of the RUM API. Pure.

Rule: the section is the wanted state. A member that the scenario's file does not state is never changed. Cookies and
X-Ray come from the scenario's client section.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

import msgspec

from loadgen.errors import ControlError
from loadgen.rum.metric_rules import EXTENDED_METRICS, EXTENDED_NAMESPACE, find_problem
from loadgen.rum.service_model import POLICY_VERSIONS, PUT_ACTION
from loadgen.scenario import Client, Metric, Monitor, Statement, covers_domain

STATED_BY = {
    "SessionSampleRate": "sample_rate",
    "Telemetries": "telemetries",
    "IncludedPages": "included_pages",
    "ExcludedPages": "excluded_pages",
    "FavoritePages": "favorite_pages",
    "IdentityPoolId": "identity_pool",
    "GuestRoleArn": "guest_role",
    "AllowCookies": "allowCookies",
    "EnableXRay": "enableXRay",
    "CustomEvents": "custom_events",
    "CwLogEnabled": "logs",
    "DeobfuscationConfiguration": "source_maps",
}
"""The members of the API, each with its name in a scenario: in [monitor], or in [client] by the web client's name."""

MOST_DOMAINS = 5
"""The most entries of DomainList (botocore's service model)."""


def build_creation(monitor: Monitor, client: Client | None, tags: dict[str, str]) -> dict[str, Any]:
    """Build CreateAppMonitor's parameters; a member that the scenario does not state has the scenario's default."""
    domains = {"DomainList": list(monitor.domains)} if monitor.domains else {"Domain": monitor.domain}
    every = {
        "Name": monitor.name,
        **domains,
        "AppMonitorConfiguration": build_configuration(monitor, client),
        **build_settings(monitor),
    }
    wanted = {**monitor.tags, **tags}
    return every | ({"Tags": wanted} if wanted else {})


def build_update(monitor: Monitor, client: Client, there: dict[str, Any]) -> dict[str, Any]:
    """Build UpdateAppMonitor's parameters, only those that the scenario states; `there` is the model's AppMonitor."""
    stated = monitor.stated | client.model_fields_set
    configuration = _select(build_configuration(monitor, client), stated)
    wanted = _select(build_settings(monitor), stated)
    if (domains := choose_domains(monitor, list_domains(there))) is not None:
        wanted["DomainList"] = domains
    return wanted | ({"AppMonitorConfiguration": configuration} if configuration else {})


def _select(members: dict[str, Any], stated: Collection[str]) -> dict[str, Any]:
    return {name: value for name, value in members.items() if STATED_BY[name] in stated}


def list_domains(there: dict[str, Any]) -> list[str]:
    """Return the domains of an AppMonitor, which gives one domain as Domain and several as DomainList."""
    one = there.get("Domain")
    return list(there.get("DomainList") or ([one] if one else []))


def choose_domains(monitor: Monitor, there: list[str]) -> list[str] | None:
    """Return the domains that an existing app monitor should have; None if the scenario states none.

    `domains` are all its domains. A single `domain` is added to the present domains, unless they cover it.
    """
    if monitor.domains is not None:
        return list(monitor.domains)
    if "domain" not in monitor.stated:
        return None
    if any(covers_domain(each, monitor.domain) for each in there):
        return there
    if len(there) >= MOST_DOMAINS:
        every = msgspec.json.encode([*there, monitor.domain]).decode()
        raise ControlError(
            f"app monitor {monitor.name} has {MOST_DOMAINS} domains, as many as RUM allows, and none is "
            f"{monitor.domain}; state at most {MOST_DOMAINS} of domains = {every}"
        )
    return [*there, monitor.domain]


def build_settings(monitor: Monitor) -> dict[str, Any]:
    """Build the parameters that CreateAppMonitor and UpdateAppMonitor share, without domains and configuration."""
    maps = {"Status": "ENABLED", "S3Uri": monitor.source_maps} if monitor.source_maps else {"Status": "DISABLED"}
    every: dict[str, Any] = {
        "CustomEvents": {"Status": "ENABLED" if monitor.custom_events else "DISABLED"},
        "CwLogEnabled": monitor.logs,
        "DeobfuscationConfiguration": None if monitor.source_maps is None else {"JavaScriptSourceMaps": maps},
    }
    return _drop_none(every)


def build_configuration(monitor: Monitor, client: Client | None) -> dict[str, Any]:
    """Build AppMonitorConfiguration, without the telemetries that only the web client knows."""
    every: dict[str, Any] = {
        "SessionSampleRate": monitor.sample_rate,
        "Telemetries": [name for name in monitor.telemetries if name not in ("interaction", "replay")],
        "AllowCookies": client.allowCookies if client else None,
        "EnableXRay": client.enableXRay if client else None,
        "IncludedPages": monitor.included_pages,
        "ExcludedPages": monitor.excluded_pages,
        "FavoritePages": monitor.favorite_pages,
        "IdentityPoolId": monitor.identity_pool,
        "GuestRoleArn": monitor.guest_role,
    }
    return {name: list(value) if isinstance(value, tuple) else value for name, value in _drop_none(every).items()}


def _drop_none(members: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not None}


def build_definitions(
    metrics: tuple[Metric, ...], label: Callable[[int], str] = "monitor.metrics[{}]".format
) -> list[dict[str, Any]]:
    """Build MetricDefinitionRequests. ControlError: a line for each that RUM would refuse, named by `label`."""
    definitions = [build_definition(metric) for metric in metrics]
    problems = [(place, problem) for place, one in enumerate(definitions) if (problem := find_problem(one)) is not None]
    if problems:
        raise ControlError(*(f"{label(place)}: {problem}" for place, problem in problems))
    return definitions


def build_definition(metric: Metric) -> dict[str, Any]:
    """Build a MetricDefinitionRequest; an extended metric gets the value key and pattern that RUM demands of it."""
    value, pattern = metric.value, metric.pattern
    rule = EXTENDED_METRICS.get(metric.name) if metric.namespace in {None, EXTENDED_NAMESPACE} else None
    if rule is not None:
        own: dict[str, Any] = {"event_type": [rule.event_type]}
        if rule.ranges:
            own["event_details"] = _nest(rule.path, [{"numeric": rule.ranges[-1]}])
        value, pattern = value or rule.value_key, own | pattern
    every = {
        "Name": metric.name,
        "Namespace": metric.namespace,
        "ValueKey": value,
        "UnitLabel": metric.unit,
        "DimensionKeys": dict(metric.dimensions) or None,
        "EventPattern": msgspec.json.encode(pattern).decode() if pattern else None,
    }
    return _drop_none(every)


def _nest(path: tuple[str, ...], value: Any) -> Any:
    for key in reversed(path):
        value = {key: value}
    return value


def build_policy(statements: tuple[Statement, ...], arn: str) -> str:
    """Build the resource policy of the app monitor with this ARN."""
    entries = [
        {
            "Effect": one.effect,
            "Principal": "*" if one.principal == "*" else {"AWS": one.principal},
            "Action": PUT_ACTION,
            "Resource": arn,
            **({"Condition": one.condition} if one.condition else {}),
        }
        for one in statements
    ]
    return msgspec.json.encode({"Version": POLICY_VERSIONS[0], "Statement": entries}).decode()
