"""The rules that a metric definition, extended or custom, must keep. Pure.

Rule (the model's documentation of MetricDefinitionRequest): an extended metric has no Namespace (or AWS/RUM), and its
name, value key and event pattern are those of the table below. A custom metric has a namespace of its own, and its keys
are fields of RUM events. Every dimension must also be in the event pattern.
"""

from __future__ import annotations

from math import prod
from typing import Any

import msgspec

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
"""The dimension of each field that an extended metric may use."""

FIRST_KEYS = frozenset(
    """
    account_id application_Id application_version application_name batch_id event_details event_id event_interaction
    event_timestamp event_type event_version log_stream metadata sessionId user_details userId
    """.split()  # noqa: SIM905  a list of quoted names would fill a screen
)
"""First-level keys of RUM events that custom metrics may use."""


class ExtendedMetric(msgspec.Struct, frozen=True, gc=False):
    """What the definition of one extended metric must contain."""

    event_type: str
    value_key: str | None = None
    path: tuple[str, ...] = ()  # of the field in event_details whose value the pattern matches
    ranges: tuple[list[Any], ...] = ()  # the numeric matches that the pattern may have for that field


EXTENDED_METRICS = {
    "PerformanceNavigationDuration": ExtendedMetric(NAVIGATION, "event_details.duration"),
    "PerformanceResourceDuration": ExtendedMetric(RESOURCE, "event_details.duration"),
    # For satisfied transactions the documentation's text says ">", its example "<": both pass.
    "NavigationSatisfiedTransaction": ExtendedMetric(NAVIGATION, None, ("duration",), ([">", 2000], ["<", 2000])),
    "NavigationToleratedTransaction": ExtendedMetric(NAVIGATION, None, ("duration",), ([">=", 2000, "<", 8000],)),
    "NavigationFrustratedTransaction": ExtendedMetric(NAVIGATION, None, ("duration",), ([">=", 8000],)),
    "WebVitalsCumulativeLayoutShift": ExtendedMetric(CLS, "event_details.value"),
    "WebVitalsFirstInputDelay": ExtendedMetric(FID, "event_details.value"),
    "WebVitalsLargestContentfulPaint": ExtendedMetric(LCP, "event_details.value"),
    "WebVitalsInteractionToNextPaint": ExtendedMetric(INP, "event_details.value"),
    "JsErrorCount": ExtendedMetric(JS_ERROR),
    "HttpErrorCount": ExtendedMetric(HTTP),
    "SessionCount": ExtendedMetric(SESSION_START),
    "PageViewCount": ExtendedMetric(PAGE_VIEW),
    "Http4xxCount": ExtendedMetric(HTTP, None, ("response", "status"), ([">=", 400, "<", 500],)),
    "Http5xxCount": ExtendedMetric(HTTP, None, ("response", "status"), ([">=", 500, "<=", 599],)),
}


def find_problem(definition: dict[str, Any]) -> str | None:
    """Return the first problem of a definition that fits the model's shapes, as a sentence; None if there is none."""
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
    problem = _check_extended(definition, pattern) if extended else _check_custom(definition, pattern)
    return problem or _check_dimensions(definition.get("DimensionKeys") or {}, pattern or {}, extended)


def _check_extended(definition: dict[str, Any], pattern: dict[str, Any] | None) -> str | None:
    name = definition["Name"]
    rule = EXTENDED_METRICS.get(name)
    if rule is None:
        return f"name {name} is not an extended metric; a custom metric needs a namespace"
    if definition.get("ValueKey") != rule.value_key:
        return f"valueKey of {name} must be {rule.value_key or 'null'}"
    if pattern is None:
        return "eventPattern is required for an extended metric"
    if pattern.get("event_type") != [rule.event_type]:
        return f'eventPattern of {name} must include "event_type": ["{rule.event_type}"]'
    if rule.ranges and get_at_path(pattern, ("event_details", *rule.path)) not in [
        [{"numeric": one}] for one in rule.ranges
    ]:
        where = ".".join(("event_details", *rule.path))
        return f"eventPattern of {name} must match {where} with numeric {msgspec.json.encode(rule.ranges[0]).decode()}"
    return None


def _check_custom(definition: dict[str, Any], pattern: dict[str, Any] | None) -> str | None:
    if definition["Namespace"].startswith("AWS/"):
        return "namespace must not start with AWS/"
    fields = (definition.get("ValueKey") or "event_type", *(definition.get("DimensionKeys") or {}))
    for key in (*(field.partition(".")[0] for field in fields), *(pattern or {})):
        if key not in FIRST_KEYS:
            return f"{key} is not a first-level key of RUM events"
    if pattern:
        if pattern.get("event_details") and not pattern.get("event_type"):
            return "eventPattern with event_details must also have event_type"
        if not _has_single_values(pattern):
            return "eventPattern of a custom metric may hold arrays of one value only"
    return None


def _has_single_values(pattern: Any) -> bool:
    """Whether every array of values has one item; the array of a numeric match is an expression and has more."""
    if isinstance(pattern, dict):
        return all(key == "numeric" or _has_single_values(value) for key, value in pattern.items())
    if isinstance(pattern, list):
        return len(pattern) == 1 and _has_single_values(pattern[0])
    return True


def _check_dimensions(dimensions: dict[str, str], pattern: dict[str, Any], extended: bool) -> str | None:
    for field, name in dimensions.items():
        if extended and DIMENSIONS.get(field) != name:
            return f"dimensionKeys of an extended metric cannot hold {field}: {name}"
        if get_at_path(pattern, tuple(field.split("."))) is None:
            return f"dimensionKeys: {field} must also be in eventPattern"
    return None


def get_at_path(pattern: Any, path: tuple[str, ...]) -> Any:
    """Get the value at a path of a pattern, None where there is none."""
    for key in path:
        pattern = pattern.get(key) if isinstance(pattern, dict) else None
    return pattern


def count_combinations(definition: dict[str, Any]) -> int:
    """Count a definition's combinations of dimension values, each of which counts against the destination's limit."""
    pattern = msgspec.json.decode(definition.get("EventPattern") or "{}")
    values = (get_at_path(pattern, tuple(field.split("."))) for field in definition.get("DimensionKeys") or {})
    return prod(max(1, len(value)) for value in values if isinstance(value, list))
