"""What the control plane's verbs show, as lines."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgspec

from loadgen.aws import MonitorState
from loadgen.jobs.monitors.control import MadeCall, MonitorChanges

SUMMARY = ("Name", "Id", "State", "Platform", "Created")


def describe_call(made: MadeCall) -> list[str]:
    """One line: the operation, the app monitor, and the ids that the answer gives."""
    given, answer = made.parameters, made.answer
    name = given.get("Name") or given.get("AppMonitorName") or given.get("ResourceArn", "")
    found = answer.get("Id") or ", ".join(each["MetricDefinitionId"] for each in answer.get("MetricDefinitions", []))
    return [f"{made.operation}: {name}{f', id {found}' if found else ''}"]


def describe_plans(plans: Iterable[MonitorChanges]) -> list[str]:
    """Every call with its reason and parameters."""
    lines = []
    for plan in plans:
        if not plan.calls:
            lines.append(f"app monitor {plan.monitor} is as wanted: nothing to do")
        for call in plan.calls:
            lines += [f"{call.operation}: {call.why}", f"  {msgspec.json.encode(call.parameters).decode()}"]
            lines += [f"  takes away {each}" for each in call.takes_away]
    return lines


def describe_monitors(summaries: Iterable[dict[str, Any]]) -> list[str]:
    """A table of AppMonitorSummaries."""
    return _format_table(SUMMARY, [[each.get(key, "") for key in SUMMARY] for each in summaries])


def describe_tags(tags: dict[str, str]) -> list[str]:
    """A table of tags."""
    return _format_table(("Key", "Value"), sorted(tags.items()))


def describe_state(found: MonitorState) -> list[str]:
    """Everything about one app monitor."""
    lines = _format_table(("Setting", "Value"), _flatten(found.monitor or {})) + describe_metrics(found)
    if found.policy:
        lines.append(f"policy {found.policy.get('PolicyRevisionId', '')}: {found.policy['PolicyDocument']}")
    return lines


def describe_metrics(found: MonitorState) -> list[str]:
    """A table of the metric definitions of one app monitor."""
    rows = [
        (key, each["MetricDefinitionId"], each.get("Namespace", ""), each["Name"], each.get("EventPattern", ""))
        for key, definitions in found.definitions.items()
        for each in definitions
    ]
    return _format_table(("Destination", "Id", "Namespace", "Metric", "Pattern"), rows) if found.destinations else []


def _format_table(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> list[str]:
    """A table whose cells are never cut off: ids are for copying."""
    lines = [tuple(columns), *(tuple(map(str, row)) for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines]


def _flatten(value: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for key, each in value.items():
        if isinstance(each, dict):
            yield from _flatten(each, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", ", ".join(map(str, each)) if isinstance(each, list) else str(each)
