"""What the control plane's verbs show, as lines no longer than the terminal, but for JSON, which is for copying."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator, Sequence
from textwrap import wrap
from typing import Any

import msgspec

from loadgen.aws import MonitorState
from loadgen.jobs.monitors.control import MadeCall, MonitorChanges

SUMMARY = ("Name", "Id", "State", "Platform", "Created")


def describe_call(made: MadeCall) -> list[str]:
    """The operation with the app monitor, and the ids that the answer gives, a line each."""
    given, answer = made.parameters, made.answer
    name = given.get("Name") or given.get("AppMonitorName") or given.get("ResourceArn", "")
    found = [each["MetricDefinitionId"] for each in answer.get("MetricDefinitions", [])]
    found += [answer["Id"]] if answer.get("Id") else []
    return [f"{made.operation}: {name}", *(f"  id {each}" for each in found)]


def describe_plans(plans: Iterable[MonitorChanges]) -> list[str]:
    """Every call with its reason and parameters."""
    lines = []
    for plan in plans:
        if not plan.calls:
            lines.append(f"app monitor {plan.monitor} is as wanted: nothing to do")
        for call in plan.calls:
            lines += _fold(f"{call.operation}: {call.why}")
            lines.append(f"  {msgspec.json.encode(call.parameters).decode()}")
            lines += [part for each in call.takes_away for part in _fold(f"  takes away {each}")]
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
        lines += [f"policy {found.policy.get('PolicyRevisionId', '')}", f"  {found.policy['PolicyDocument']}"]
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
    """A table whose cells are never cut off: ids are for copying. Where it is too wide, each row is a few lines."""
    lines = [tuple(columns), *(tuple(map(str, row)) for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    if sum(widths) + 2 * (len(widths) - 1) > shutil.get_terminal_size().columns:
        return [line for row in lines[1:] for line in _format_row(columns, row)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines]


def _format_row(columns: Sequence[str], row: Sequence[str]) -> Iterator[str]:
    """A row as its first cell, and each other one below it by the name of its column."""
    yield from _fold(row[0])
    for column, cell in zip(columns[1:], row[1:], strict=True):
        text = cell if len(columns) == 2 else f"{column}: {cell}"
        yield from _fold(f"  {text}") if not cell.startswith("{") else (f"  {column}:", f"  {cell}")


def _fold(line: str) -> list[str]:
    """The lines that a line takes on the terminal, broken between words."""
    width = shutil.get_terminal_size().columns
    return wrap(line, width, subsequent_indent="    ", break_on_hyphens=False, break_long_words=False) or [line]


def _flatten(value: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for key, each in value.items():
        if isinstance(each, dict):
            yield from _flatten(each, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", ", ".join(map(str, each)) if isinstance(each, list) else str(each)
