"""The rules of one metric definition, extended or custom. Pure.

Rule: they are those of the model's documentation of MetricDefinitionRequest. An extended metric has no Namespace (or
AWS/RUM) and a name, value key and event pattern of the table; a custom metric has a namespace of its own, and its keys
are fields of RUM events. Every dimension must also be in the event pattern.
"""

from __future__ import annotations

from math import prod
from typing import Any

import msgspec

from loadgen.model import Noun
from loadgen.rum.events import CLS, FID, HTTP, INP, JS_ERROR, LCP, NAVIGATION, PAGE_VIEW, RESOURCE, SESSION_START

EXTENDED_NAMESPACE = "AWS/RUM"

DIMENSIONS = {
    "metadata.pageId": "PageId",
    "metadata.browserName": "BrowserName",
    "metadata.deviceType": "DeviceType",
    "metadata.osName": "OSName",
    "metadata.countryCode": "CountryCode",
    "event_details.fileType": "FileType",
}
"""Dimensions of extended metrics."""

FIRST_KEYS = frozenset(
    """
    account_id application_Id application_version application_name batch_id event_details event_id event_interaction
    event_timestamp event_type event_version log_stream metadata sessionId user_details userId
    """.split()  # noqa: SIM905  a list of quoted names would fill a screen
)
"""First-level keys of RUM events that custom metrics may use."""


class Extended(Noun):
    """What one extended metric must say."""

    event_type: str
    value_key: str | None = None
    path: tuple[str, ...] = ()  # in event_details
    ranges: tuple[list[Any], ...] = ()  # the numeric matches allowed there


EXTENDED = {
    "PerformanceNavigationDuration": Extended(NAVIGATION, "event_details.duration"),
    "PerformanceResourceDuration": Extended(RESOURCE, "event_details.duration"),
    # The documentation's own text says ">" for the satisfied ones, its example "<": both pass.
    "NavigationSatisfiedTransaction": Extended(NAVIGATION, None, ("duration",), ([">", 2000], ["<", 2000])),
    "NavigationToleratedTransaction": Extended(NAVIGATION, None, ("duration",), ([">=", 2000, "<", 8000],)),
    "NavigationFrustratedTransaction": Extended(NAVIGATION, None, ("duration",), ([">=", 8000],)),
    "WebVitalsCumulativeLayoutShift": Extended(CLS, "event_details.value"),
    "WebVitalsFirstInputDelay": Extended(FID, "event_details.value"),
    "WebVitalsLargestContentfulPaint": Extended(LCP, "event_details.value"),
    "WebVitalsInteractionToNextPaint": Extended(INP, "event_details.value"),
    "JsErrorCount": Extended(JS_ERROR),
    "HttpErrorCount": Extended(HTTP),
    "SessionCount": Extended(SESSION_START),
    "PageViewCount": Extended(PAGE_VIEW),
    "Http4xxCount": Extended(HTTP, None, ("response", "status"), ([">=", 400, "<", 500],)),
    "Http5xxCount": Extended(HTTP, None, ("response", "status"), ([">=", 500, "<=", 599],)),
}


def wrong_with(definition: dict[str, Any]) -> str | None:
    """What is wrong with a definition that fits the model's shapes, in one sentence; None when nothing is."""
    text = definition.get("EventPattern")
    pattern: Any = None
    if text:
        try:
            pattern = msgspec.json.decode(text)
        except (msgspec.DecodeError, RecursionError):
            return "eventPattern must be a JSON object"
        if not isinstance(pattern, dict):
            return "eventPattern must be a JSON object"
    namespace = definition.get("Namespace")
    extended = namespace is None or namespace == EXTENDED_NAMESPACE
    problem = _wrong_extended(definition, pattern) if extended else _wrong_custom(definition, pattern)
    return problem or _wrong_dimensions(definition.get("DimensionKeys") or {}, pattern or {}, extended)


def _wrong_extended(definition: dict[str, Any], pattern: dict[str, Any] | None) -> str | None:
    name = definition["Name"]
    rule = EXTENDED.get(name)
    if rule is None:
        return f"name {name} is not an extended metric; a custom metric needs a namespace"
    if definition.get("ValueKey") != rule.value_key:
        return f"valueKey of {name} must be {rule.value_key or 'null'}"
    if pattern is None:
        return "eventPattern is required for an extended metric"
    if pattern.get("event_type") != [rule.event_type]:
        return f'eventPattern of {name} must include "event_type": ["{rule.event_type}"]'
    if rule.ranges and found(pattern, ("event_details", *rule.path)) not in [[{"numeric": one}] for one in rule.ranges]:
        where = ".".join(("event_details", *rule.path))
        return f"eventPattern of {name} must match {where} with numeric {msgspec.json.encode(rule.ranges[0]).decode()}"
    return None


def _wrong_custom(definition: dict[str, Any], pattern: dict[str, Any] | None) -> str | None:
    if definition["Namespace"].startswith("AWS/"):
        return "namespace must not start with AWS/"
    fields = (definition.get("ValueKey") or "event_type", *(definition.get("DimensionKeys") or {}))
    for key in (*(field.partition(".")[0] for field in fields), *(pattern or {})):
        if key not in FIRST_KEYS:
            return f"{key} is not a first-level key of RUM events"
    if pattern:
        if pattern.get("event_details") and not pattern.get("event_type"):
            return "eventPattern with event_details must also have event_type"
        if not _single(pattern):
            return "eventPattern of a custom metric may hold arrays of one value only"
    return None


def _single(pattern: Any) -> bool:
    """Every array of values holds one; the array of a numeric match is an expression, not values."""
    if isinstance(pattern, dict):
        return all(key == "numeric" or _single(value) for key, value in pattern.items())
    if isinstance(pattern, list):
        return len(pattern) == 1 and _single(pattern[0])
    return True


def _wrong_dimensions(dimensions: dict[str, str], pattern: dict[str, Any], extended: bool) -> str | None:
    for field, name in dimensions.items():
        if extended and DIMENSIONS.get(field) != name:
            return f"dimensionKeys of an extended metric cannot hold {field}: {name}"
        if found(pattern, tuple(field.split("."))) is None:
            return f"dimensionKeys: {field} must also be in eventPattern"
    return None


def found(pattern: Any, path: tuple[str, ...]) -> Any:
    """What a pattern holds at a path, None when nothing."""
    for key in path:
        pattern = pattern.get(key) if isinstance(pattern, dict) else None
    return pattern


def weight(definition: dict[str, Any]) -> int:
    """How much of the destination's limit a definition takes: each combination of dimension values counts."""
    pattern = msgspec.json.decode(definition.get("EventPattern") or "{}")
    values = (found(pattern, tuple(field.split("."))) for field in definition.get("DimensionKeys") or {})
    return prod(max(1, len(value)) for value in values if isinstance(value, list))
