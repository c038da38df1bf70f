"""The steps behind the control plane's verbs: options → parameters, one call, and what is shown of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import click
import msgspec

from loadgen.aws import Account
from loadgen.aws.desired_state import definition
from loadgen.aws.monitors import Call, State, make, state
from loadgen.errors import LoadgenError
from loadgen.jobs.targets import open_account
from loadgen.rum.metric_rules import find_problem
from loadgen.scenario.monitor import Metric, Monitor

__all__ = ["open_account"]  # for the commands, which take all they need from here


def named(name: str) -> str:
    """The name, if an app monitor may have it."""
    return Monitor().named(name).name


def pairs(given: Iterable[str]) -> dict[str, str]:
    """KEY=VALUE words as a table."""
    found = dict(word.partition("=")[::2] for word in given)
    if not all(key and "=" in word for key, word in zip(found, given, strict=False)):
        raise LoadgenError(f"{', '.join(given)}: write each as KEY=VALUE")
    return found


def text_of(file: Path) -> str:
    """A file's text."""
    try:
        return file.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise LoadgenError(f"{file}: cannot be read ({error})") from error


def parameters(
    *,
    domains: tuple[str, ...],
    sample_rate: float | None,
    telemetries: tuple[str, ...],
    custom_events: bool | None,
    cookies: bool | None,
    xray: bool | None,
    logs: bool | None,
    included: tuple[str, ...],
    excluded: tuple[str, ...],
    favorites: tuple[str, ...],
    identity_pool: str | None,
    guest_role: str | None,
    source_maps: str | None,
) -> dict[str, Any]:
    """The options of create and update as the API's parameters; what was not given is left out."""
    configuration = {
        "SessionSampleRate": sample_rate,
        "Telemetries": list(telemetries) or None,
        "AllowCookies": cookies,
        "EnableXRay": xray,
        "IncludedPages": list(included) or None,
        "ExcludedPages": list(excluded) or None,
        "FavoritePages": list(favorites) or None,
        "IdentityPoolId": identity_pool,
        "GuestRoleArn": guest_role,
    }
    maps = {"Status": "ENABLED", "S3Uri": source_maps}
    given = {
        "Domain": domains[0] if len(domains) == 1 else None,
        "DomainList": list(domains) if len(domains) > 1 else None,
        "AppMonitorConfiguration": _stated(configuration) or None,
        "CustomEvents": None if custom_events is None else {"Status": "ENABLED" if custom_events else "DISABLED"},
        "CwLogEnabled": logs,
        "DeobfuscationConfiguration": {"JavaScriptSourceMaps": maps} if source_maps else None,
    }
    return _stated(given)


def _stated(given: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in given.items() if value is not None}


def metric_of(
    *,
    metric: str,
    namespace: str | None,
    value: str | None,
    unit: str | None,
    dimensions: tuple[str, ...],
    pattern: str | None,
) -> dict[str, Any]:
    """A metric definition from options, checked as RUM would."""
    try:
        decoded = msgspec.json.decode(pattern, type=dict[str, Any]) if pattern else {}
    except msgspec.DecodeError as error:
        raise LoadgenError(f"--pattern: not a JSON object ({error})") from error
    try:
        wanted = Metric(
            name=metric, namespace=namespace, value=value, unit=unit, dimensions=pairs(dimensions), pattern=decoded
        )
    except ValueError as error:  # pydantic's, of several lines
        raise LoadgenError(f"the metric does not fit: {' '.join(str(error).split())}") from error
    made = definition(wanted)
    if (wrong := find_problem(made)) is not None:
        raise LoadgenError(f"metric {metric}: {wrong}")
    return made


def existing(account: Account, name: str, metrics: bool = True, policy: bool = True) -> State:
    """A monitor that is there."""
    found = state(account, named(name), metrics, policy)
    if found.monitor is None:
        raise LoadgenError(f"there is no app monitor {name!r} in {account.region}; `loadgen monitors list` shows them")
    return found


def changed(account: Account, operation: str, given: dict[str, Any], as_json: bool) -> None:
    """Make one call and say so."""
    answer = make(account, operation, given)
    if as_json:
        print_json(answer)
        return
    name = given.get("Name") or given.get("AppMonitorName") or given.get("ResourceArn", "")
    found = answer.get("Id") or ", ".join(each["MetricDefinitionId"] for each in answer.get("MetricDefinitions", []))
    click.echo(f"{operation}: {name}{f', id {found}' if found else ''}")


# What is shown


def print_json(value: Any) -> None:
    """JSON for programs."""
    plain = msgspec.json.encode(msgspec.to_builtins(value))
    click.echo(msgspec.json.format(plain, indent=2))


def table(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """A table for people, nothing of it cut off: ids are for copying."""
    lines = [tuple(columns), *(tuple(map(str, row)) for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def state_lines(found: State) -> None:
    """Everything about one monitor."""
    monitor = found.monitor or {}
    table(("Setting", "Value"), _settings(monitor))
    metric_lines(found)
    if found.policy:
        click.echo(f"policy {found.policy.get('PolicyRevisionId', '')}: {found.policy['PolicyDocument']}")


def _settings(value: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for key, each in value.items():
        if isinstance(each, dict):
            yield from _settings(each, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", ", ".join(map(str, each)) if isinstance(each, list) else str(each)


def metric_lines(found: State) -> None:
    """The metrics of one monitor."""
    rows = [
        (key, each["MetricDefinitionId"], each.get("Namespace", ""), each["Name"], each.get("EventPattern", ""))
        for key, definitions_there in found.definitions.items()
        for each in definitions_there
    ]
    if found.destinations:
        table(("Destination", "Id", "Namespace", "Metric", "Pattern"), rows)


def going_lines(found: State) -> list[str]:
    """What goes with a monitor when it is deleted."""
    monitor = found.monitor or {}
    count = sum(map(len, found.definitions.values()))
    lines = [
        f"app monitor {monitor['Name']} ({monitor['Id']}), {monitor.get('State')}, made {monitor.get('Created')}",
        f"with it go its events, {len(found.destinations)} metrics destinations with {count} definitions, "
        f"{'its' if found.policy else 'no'} resource policy and {len(monitor.get('Tags', {}))} tags",
    ]
    group = monitor.get("DataStorage", {}).get("CwLog", {}).get("CwLogGroup")
    return lines + ([f"the log group {group} stays"] if group else [])


def plan_lines(calls: list[Call], name: str) -> None:
    """The plan for people."""
    if not calls:
        click.echo(f"app monitor {name} is as wanted: nothing to do")
    for call in calls:
        click.echo(f"{call.operation}: {call.why}\n  {msgspec.json.encode(call.parameters).decode()}")
