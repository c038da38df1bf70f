"""The views of `loadgen monitors`, `tags` and `metrics`: lines no longer than the terminal is wide.

Lines of JSON are never broken, because they are meant for copying.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator, Sequence
from textwrap import wrap
from typing import Any

import msgspec

from loadgen.aws import MonitorState
from loadgen.jobs.monitors.requests import MadeCall, MonitorChanges

SUMMARY = ("Name", "Id", "State", "Platform", "Created")


def describe_deletion(found: MonitorState) -> list[str]:
    """Describe what is deleted together with an app monitor, and what stays."""
    monitor = found.monitor or {}
    count = sum(map(len, found.definitions.values()))
    lines = [
        f"app monitor {monitor['Name']} ({monitor['Id']}), {monitor.get('State')}, created {monitor.get('Created')}",
        f"with it go its events, {len(found.destinations)} metrics destinations with {count} definitions, "
        f"{'its' if found.policy else 'no'} resource policy and {len(monitor.get('Tags', {}))} tags",
    ]
    group = monitor.get("DataStorage", {}).get("CwLog", {}).get("CwLogGroup")
    return lines + ([f"the log group {group} stays"] if group else [])


def describe_call(made: MadeCall) -> list[str]:
    """Describe a call that was made: the operation with its app monitor, and a line for each id in the answer."""
    given, answer = made.parameters, made.answer
    name = given.get("Name") or given.get("AppMonitorName") or given.get("ResourceArn", "")
    found = [each["MetricDefinitionId"] for each in answer.get("MetricDefinitions", [])]
    found += [answer["Id"]] if answer.get("Id") else []
    return [f"{made.operation}: {name}", *(f"  id {each}" for each in found)]


def describe_plans(plans: Iterable[MonitorChanges]) -> list[str]:
    """Describe every planned call with its reason and parameters."""
    lines = []
    for plan in plans:
        if not plan.calls:
            lines.append(f"app monitor {plan.monitor} is as wanted: nothing to do")
        for call in plan.calls:
            lines += _wrap_line(f"{call.operation}: {call.why}")
            lines.append(f"  {msgspec.json.encode(call.parameters).decode()}")
            lines += [part for each in call.takes_away for part in _wrap_line(f"  takes away {each}")]
    return lines


def describe_monitors(summaries: Iterable[dict[str, Any]]) -> list[str]:
    """Format AppMonitorSummaries as the lines of a table."""
    return _format_table(SUMMARY, [[each.get(key, "") for key in SUMMARY] for each in summaries])


def describe_tags(tags: dict[str, str]) -> list[str]:
    """Format tags as the lines of a table."""
    return _format_table(("Key", "Value"), sorted(tags.items()))


def describe_state(found: MonitorState) -> list[str]:
    """Describe everything about one app monitor: settings, metrics and policy."""
    lines = _format_table(("Setting", "Value"), _flatten(found.monitor or {})) + describe_metrics(found)
    if found.policy:
        lines += [f"policy {found.policy.get('PolicyRevisionId', '')}", f"  {found.policy['PolicyDocument']}"]
    return lines


def describe_metrics(found: MonitorState) -> list[str]:
    """Format the metric definitions of one app monitor as the lines of a table."""
    rows = [
        (key, each["MetricDefinitionId"], each.get("Namespace", ""), each["Name"], each.get("EventPattern", ""))
        for key, definitions in found.definitions.items()
        for each in definitions
    ]
    return _format_table(("Destination", "Id", "Namespace", "Metric", "Pattern"), rows) if found.destinations else []


def _format_table(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> list[str]:
    """Format a table whose cells are never cut off, as ids are for copying. A row that is too wide is split."""
    lines = [tuple(columns), *(tuple(map(str, row)) for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    if sum(widths) + 2 * (len(widths) - 1) > shutil.get_terminal_size().columns:
        return [line for row in lines[1:] for line in _format_row(columns, row)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines]


def _format_row(columns: Sequence[str], row: Sequence[str]) -> Iterator[str]:
    """Yield the lines of a row that is too wide: its first cell, then each other cell below with its column's name."""
    yield from _wrap_line(row[0])
    for column, cell in zip(columns[1:], row[1:], strict=True):
        text = cell if len(columns) == 2 else f"{column}: {cell}"
        yield from _wrap_line(f"  {text}") if not cell.startswith("{") else (f"  {column}:", f"  {cell}")


def _wrap_line(line: str) -> list[str]:
    """Break a line between words into the lines that it takes on the terminal."""
    width = shutil.get_terminal_size().columns
    return wrap(line, width, subsequent_indent="    ", break_on_hyphens=False, break_long_words=False) or [line]


def _flatten(value: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for key, each in value.items():
        if isinstance(each, dict):
            yield from _flatten(each, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", ", ".join(map(str, each)) if isinstance(each, list) else str(each)
