"""`loadgen monitors`: read and change app monitors with their tags, metrics and resource policy.

Rule: a call that removes something is shown first, and made only after a yes. Lines are no longer than the terminal is
wide, except lines of JSON, which are meant for copying.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from textwrap import wrap
from typing import Any

import msgspec

from loadgen.aws import (
    Account,
    MonitorState,
    PlannedCall,
    apply_changes,
    find_losses,
    make_call,
    plan_changes,
    read_policy,
    read_state,
)
from loadgen.errors import LoadgenError
from loadgen.jobs.monitors.requests import (
    MetricOptions,
    MonitorOptions,
    build_public_policy,
    check_name,
    locate_destination,
    parse_tags,
    read_document,
)
from loadgen.jobs.progress import OnLine, ignore_progress
from loadgen.jobs.targets import Confirm, ConsentQuestion, require_yes
from loadgen.model import Noun
from loadgen.scenario import Scenario

__all__ = [
    "MadeCall",
    "MetricOptions",
    "MonitorChanges",
    "MonitorOptions",
    "apply_plans",
    "build_public_policy",
    "change",
    "check_name",
    "create_monitor",
    "delete_destination",
    "delete_monitor",
    "delete_policy",
    "describe_call",
    "describe_metrics",
    "describe_monitors",
    "describe_plans",
    "describe_state",
    "describe_tags",
    "locate_destination",
    "parse_tags",
    "plan_scenario",
    "read_document",
    "require_monitor",
    "require_policy",
    "update_monitor",
]

SUMMARY = ("Name", "Id", "State", "Platform", "Created")


class MadeCall(Noun):
    """A call of the RUM API that was made, and its answer."""

    operation: str
    parameters: dict[str, Any]
    answer: dict[str, Any]


class MonitorChanges(Noun):
    """The calls that bring one app monitor to the state that a scenario wants."""

    monitor: str
    calls: tuple[PlannedCall, ...]


def change(account: Account, operation: str, **parameters: Any) -> MadeCall:
    """Make one call of the RUM API, by the operation's name."""
    return MadeCall(operation, parameters, make_call(account, operation, parameters))


def require_monitor(account: Account, name: str, policy: bool = True) -> MonitorState:
    """Read everything about an app monitor; raises LoadgenError if there is no such monitor."""
    found = read_state(account, check_name(name), policy=policy)
    if found.monitor is None:
        raise LoadgenError(f"there is no app monitor {name!r} in {account.region}; `loadgen monitors list` shows them")
    return found


def require_policy(account: Account, name: str) -> dict[str, Any]:
    """Read an app monitor's resource policy; raises LoadgenError if it has none."""
    found = read_policy(account, check_name(name))
    if found is None:
        raise LoadgenError(f"app monitor {name} has no resource policy; `loadgen policy put` gives it one")
    return found


def create_monitor(
    account: Account,
    name: str,
    settings: MonitorOptions,
    tags: dict[str, str],
    platform: str | None,
    on_progress: OnLine = ignore_progress,
) -> MadeCall:
    """Create an app monitor; `platform` is Web (None), Android or iOS. LoadgenError: one for the web has no domain."""
    given = settings.parameters | ({"Tags": tags} if tags else {}) | ({"Platform": platform} if platform else {})
    if platform not in {None, "Web"}:
        why = "send OTLP, which loadgen neither sends nor accepts; it is for the web"
        on_progress(f"note: applications for {platform} {why}")
    elif not settings.domains:
        raise LoadgenError("an app monitor for the web needs a domain; give --domain shop.example.com")
    return change(account, "CreateAppMonitor", Name=check_name(name), **given)


def update_monitor(account: Account, name: str, settings: MonitorOptions, confirm: Confirm | None) -> MadeCall:
    """Change settings of an app monitor; asks first if that removes something."""
    given = settings.parameters
    if not given:
        raise LoadgenError("nothing to change; give at least one setting, such as --sample-rate 0.5")
    present = require_monitor(account, name, policy=False).monitor or {}
    if losses := tuple(f"app monitor {name} loses {loss}" for loss in find_losses(present, given)):
        require_yes(confirm, ConsentQuestion(losses, "Change it?"), "nothing was changed")
    return change(account, "UpdateAppMonitor", Name=name, **given)


def delete_monitor(account: Account, name: str, confirm: Confirm | None) -> MadeCall:
    """Delete an app monitor, after a yes to what is deleted together with it."""
    _ask_to_delete(confirm, _describe_deletion(require_monitor(account, name)))
    return change(account, "DeleteAppMonitor", Name=name)


def delete_destination(account: Account, where: dict[str, Any], confirm: Confirm | None) -> MadeCall:
    """Delete a metrics destination, after a yes to the number of definitions that are deleted with it."""
    name, key = where["AppMonitorName"], where.get("DestinationArn") or where["Destination"]
    definitions = require_monitor(account, name, policy=False).definitions.get(key, [])
    _ask_to_delete(confirm, (f"destination {key} of {name}: {len(definitions)} metric definitions go with it",))
    return change(account, "DeleteRumMetricsDestination", **where)


def delete_policy(account: Account, name: str, confirm: Confirm | None) -> MadeCall:
    """Delete an app monitor's resource policy, after a yes to the document."""
    _ask_to_delete(confirm, (require_policy(account, name)["PolicyDocument"],))
    return change(account, "DeleteResourcePolicy", Name=name)


def _ask_to_delete(confirm: Confirm | None, facts: Iterable[str]) -> None:
    require_yes(confirm, ConsentQuestion(tuple(facts), "Delete it?"), "nothing was deleted")


def plan_scenario(account: Account, file: Path, monitor: str | None = None) -> tuple[MonitorChanges, ...]:
    """Plan the calls for each app monitor of a scenario; `monitor` renames the monitor of a scenario that has one."""
    wanted = Scenario.load(file)
    if monitor and wanted.neighbours:
        raise LoadgenError(f"--monitor: {file} names several app monitors; write the other name there")
    if monitor:
        wanted = wanted.model_copy(update={"monitor": wanted.monitor.rename(monitor)})
    return tuple(MonitorChanges(each.monitor.name, tuple(plan_changes(account, each))) for each in wanted.monitors)


def apply_plans(account: Account, plans: Iterable[MonitorChanges], confirm: Confirm | None) -> int:
    """Make the calls of all plans, and return their number.

    Asks first if the calls go to AWS, and on any target if they remove something.
    """
    plans = tuple(plans)
    calls = [call for plan in plans for call in plan.calls]
    losses = tuple(
        f"app monitor {plan.monitor} loses {loss}" for plan in plans for call in plan.calls for loss in call.takes_away
    )
    if losses or (calls and not account.is_local):
        text = f"Make these calls in {account.region}?" if not account.is_local else "Make these calls?"
        require_yes(confirm, ConsentQuestion(losses, text), "nothing was changed")
    apply_changes(account, calls)
    return len(calls)


def _describe_deletion(found: MonitorState) -> list[str]:
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
